"""Bodies at the edge of what Confluence stores, and beyond: bounded time and memory, no word lost."""

import os
import subprocess
import sys
import time

import pytest

from headwater.pipeline.chunking import ChunkPolicy, split_document
from headwater.pipeline.markdown import document_from_page
from tests.unit.pipeline.pages import convert, make_page

SECONDS = 20
"""Of processor time; each takes less than a tenth of it on a quiet machine."""

LEVELS = 100_000


def nest(opening, closing=""):
    return lambda: opening * LEVELS + "word" + closing * LEVELS


DEEP = {
    "blocks": nest("<div>", "</div>"),
    "macros": nest(
        '<ac:structured-macro ac:name="info"><ac:rich-text-body>',
        "</ac:rich-text-body></ac:structured-macro>",
    ),
    "links": nest("<ac:link><ac:link-body>", "</ac:link-body></ac:link>"),
    "unclosed lists": nest("<ul><li>"),
}


@pytest.mark.parametrize("make", DEEP.values(), ids=DEEP.keys())
def test_a_hundred_thousand_levels_cost_little_and_keep_their_word(make):
    page = make_page(make())
    start = time.process_time()
    document = document_from_page(page, {})
    assert (document.markdown, document.losses) == ("word", {"unparsed-markup": 1})
    assert time.process_time() - start < SECONDS


def test_a_table_of_ten_thousand_rows_keeps_each_and_is_cut_under_its_header():
    rows = "".join(
        f"<tr><td>item{n}</td><td><p>{n} &amp; more</p></td></tr>" for n in range(10_000)
    )
    start = time.process_time()
    document = document_from_page(
        make_page(f"<table><tr><th>Name</th><th>Count</th></tr>{rows}</table>"), {}
    )
    lines = document.markdown.split("\n")
    assert lines[:2] == ["| Name | Count |", "| --- | --- |"]
    assert lines[2:] == [f"| item{n} | {n} & more |" for n in range(10_000)]
    chunks = split_document(document, ChunkPolicy(256), lambda text: len(text.split()))
    assert all(chunk.text.startswith("| Name | Count |") for chunk in chunks)
    assert sum(chunk.text.count("item") for chunk in chunks) == 10_000
    assert time.process_time() - start < SECONDS


MEGABYTES = 20_000_000
HUGE = {
    "text": lambda: f"<p>{'word' * (MEGABYTES // 4)}</p>",
    "one attribute": lambda: f'<p class="{"x" * MEGABYTES}">word</p>',
}


@pytest.mark.parametrize("make", HUGE.values(), ids=HUGE.keys())
def test_a_body_of_twenty_megabytes_is_converted(make):
    body = make()
    start = time.process_time()
    assert "word" in convert(body)
    assert time.process_time() - start < SECONDS


IN_ONE_GIGABYTE = """
import resource
from tests.unit.pipeline.pages import convert
paragraph = '<p>Some <strong>words</strong> on <a href="https://e.org">things</a>, <code>code</code>.</p>'
body = paragraph * (20_000_000 // len(paragraph)) + ENDING
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
markdown = convert(body)
assert markdown.count('**words**') == body.count('<strong>'), len(markdown)
"""


@pytest.mark.long
@pytest.mark.parametrize("ending", ["", "<p>open"], ids=["well-formed", "damaged"])
def test_twenty_megabytes_of_elements_fit_into_a_gigabyte(ending):
    program = IN_ONE_GIGABYTE.replace("ENDING", repr(ending))
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": "."}
    )
