"""Chunks put together again: the document's words, each once, in their order."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.content import StoredChunk
from headwater.pipeline.rejoining import rejoin_chunks
from tests.unit.pipeline.test_chunking import split, words


def rejoin(markdown, **policy):
    chunks = split(markdown, **policy)
    return rejoin_chunks(StoredChunk(c.ordinal, c.heading_path, c.text) for c in chunks), chunks


def test_no_chunks_are_no_text():
    assert rejoin_chunks([]) == ""


def test_a_document_in_sections_comes_back_as_it_was():
    markdown = f"# A\n\n{words(40)}\n\n## B\n\n{words(40)}\n\n## C\n\n{words(40)}\n\n# D\n\nend"
    text, chunks = rejoin(markdown)
    assert len(chunks) > 3
    assert text == markdown


def test_small_sections_that_shared_a_chunk_come_back():
    markdown = "# A\n\none\n\n## B\n\ntwo\n\n## C\n\nthree"
    text, chunks = rejoin(markdown)
    assert len(chunks) == 1
    assert text == markdown


def test_what_pieces_repeat_of_each_other_is_there_once():
    markdown = f"# A\n\n{words(60)}\n\n{words(60, word='other')}"
    text, chunks = rejoin(markdown, overlap_tokens=8)
    assert "\n\n" in chunks[1].text
    assert text.split() == markdown.split()


def test_a_table_cut_into_pieces_has_its_header_once():
    rows = "\n".join(f"| row{number} | {words(4)} |" for number in range(30))
    markdown = f"# A\n\n| name | text |\n| --- | --- |\n{rows}"
    text, chunks = rejoin(markdown)
    assert len(chunks) > 3
    assert text == markdown


def test_code_cut_into_pieces_is_one_block_again():
    lines = "\n".join(f"step_{number}({words(3)})" for number in range(30))
    markdown = f"# A\n\nbefore\n\n```python\n{lines}\n```"
    text, chunks = rejoin(markdown, min_tokens=0)
    assert len(chunks) > 3
    assert text == markdown


def test_two_tables_one_after_the_other_stay_two():
    first = "| a | b |\n| --- | --- |\n| 1 | 2 |"
    second = "| c | d |\n| --- | --- |\n| 3 | 4 |"
    chunks = [StoredChunk(0, ("A",), first), StoredChunk(1, ("A",), second)]
    assert rejoin_chunks(chunks) == f"# A\n\n{first}\n\n{second}"


LINES = st.lists(
    st.sampled_from(["# Top", "## Middle", "### Low", "", "", "- item one", "one two three four"])
    | st.text("ab ", max_size=30),
    max_size=40,
)


@pytest.mark.parametrize("overlap", [0, 6])
@given(lines=LINES)
def test_every_word_comes_back_in_order_and_every_heading_at_least_once(lines, overlap):
    numbered = (re.sub(r"(\w+)", rf"\g<1>{number}x", line) for number, line in enumerate(lines))
    markdown = "\n".join(numbered)
    text, _ = rejoin(markdown, title="", max_tokens=24, overlap_tokens=overlap)
    assert read_words(text) == read_words(markdown)
    assert read_headings(text) == read_headings(markdown)


def read_words(markdown):
    return [word for line in markdown.split("\n") if line[:1] != "#" for word in line.split()]


def read_headings(markdown):
    return {line.strip("# ") for line in markdown.split("\n") if line[:1] == "#"}
