"""Pages of real Confluences and of other converters, beside what others made of them."""

import re

import pytest

from benchmarks.reference.pages import (
    REAL,
    REFERENCE,
    Agreement,
    compare,
    list_bodies,
    list_pairs,
    list_space_pairs,
)
from headwater.pipeline.markdown import document_from_page
from tests.unit.pipeline.pages import convert, make_page

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference pages are not there")

LEAST_RECALL = 0.98


def test_every_word_of_a_real_page_is_kept():
    pairs = [pair for pair in list_pairs() if pair.source == REAL]
    assert len(pairs) > 20
    for pair in pairs:
        assert compare(pair.expected, convert(pair.body)).recall >= LEAST_RECALL, pair.path


@pytest.mark.parametrize("space", ["space-18f-handbook", "space-querypie"])
def test_every_word_of_a_whole_space_is_kept(space):
    pairs = [pair for pair in list_space_pairs() if pair.source == space]
    assert len(pairs) > 200
    found = (compare(pair.expected, convert(pair.body)) for pair in pairs[::4])
    assert sum(found, Agreement(0, 0, 0)).recall >= LEAST_RECALL


def test_every_document_of_whatever_origin_converts_and_the_same_way_twice():
    bodies = list(list_bodies())
    assert len(bodies) > 900
    for source, body in bodies:
        document = document_from_page(make_page(body), {})
        assert document == document_from_page(make_page(body), {}), source
        is_wordless = not re.sub(r"<[^>]*>|\W", "", body) or "<ac:" in body or "<!--" in body
        assert document.markdown or is_wordless, source
