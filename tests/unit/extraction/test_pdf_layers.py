"""A PDF's own text stands, whatever becomes of the search for headings and tables in it."""

import asyncio

import pytest

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.readers import pdf
from headwater.adapters.extraction.readers.office import RichText
from headwater.domain.errors import DocumentError, FailureType
from tests.unit.extraction.files import make_pdf, write_lines

DATA = make_pdf(write_lines("The gateway routes payments", "to three acquirers"))
PLAIN = "The gateway routes payments\nto three acquirers"


def read_with(monkeypatch, read_rich, **limits):
    monkeypatch.setattr(pdf, "read_rich", read_rich)
    return pdf.read_pdf(DATA, Limits(**limits))


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (("# The gateway\n\nroutes payments to three acquirers",), "### The gateway\n\nroutes payments to three acquirers"),
        (("The gateway routes",), PLAIN),
        ((), PLAIN),
        (("The gateway routes payments to three acquirers", "another page"), PLAIN),
    ],
)  # fmt: skip
def test_the_rich_page_is_taken_when_it_holds_the_same_words(monkeypatch, pages, expected):
    async def read_rich(_data, _kind, _limits):
        return RichText("", pages)

    assert read_with(monkeypatch, read_rich).sections[0].text == expected


def test_a_search_that_fails_leaves_the_text(monkeypatch):
    async def read_rich(_data, _kind, _limits):
        raise DocumentError(FailureType.PARSE_ERROR, "no")

    found = read_with(monkeypatch, read_rich)
    assert found.sections[0].text == PLAIN
    assert not found.spent


def test_a_search_that_takes_too_long_leaves_the_text_and_a_spent_worker(monkeypatch):
    async def read_rich(_data, _kind, _limits):
        await asyncio.Event().wait()

    found = read_with(monkeypatch, read_rich, seconds=0.5)
    assert found.sections[0].text == PLAIN
    assert found.spent


def test_no_time_left_is_a_text_cut_short(monkeypatch):
    found = read_with(monkeypatch, None, seconds=0.0)
    assert found.sections == ()
    assert found.truncated


def test_a_long_document_is_read_without_the_search(monkeypatch):
    assert read_with(monkeypatch, None, rich_pdf_pages=0).sections[0].text == PLAIN
