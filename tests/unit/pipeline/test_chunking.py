"""Chunks: within the window, nothing lost, whole by themselves."""

import hashlib
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.domain.content import Document
from headwater.pipeline.chunking import ChunkPolicy, split_document

_TOKEN = re.compile(r"\w{1,6}|[^\w\s]")


def count_tokens(text):
    """Count as a tokenizer would: parts of words, punctuation, and two special tokens."""
    return len(_TOKEN.findall(text)) + 2


def count_joined(text):
    """Count higher together than apart, as some tokenizers do."""
    return count_tokens(text) + text.count("\n")


def split(markdown, *, title="Title", max_tokens=64, counter=count_tokens, **policy):
    return split_document(Document(title, markdown), ChunkPolicy(max_tokens, **policy), counter)


def words(count, *, word="word"):
    return " ".join(f"{word}{number}" for number in range(count))


def test_a_chunk_is_embedded_with_its_title_and_headings():
    chunk = split(f"# A\n\n{words(25)}\n\n## B\n\n{words(25)}")[1]
    assert (chunk.ordinal, chunk.heading_path, chunk.text) == (1, ("A", "B"), words(25))
    assert chunk.embedded_text == f"Title\nA > B\n\n{words(25)}"
    assert chunk.text_hash == hashlib.sha256(chunk.embedded_text.encode()).hexdigest()[:32]


def test_a_first_heading_that_repeats_the_title_is_embedded_once():
    assert split("# Title\n\ntext")[0].embedded_text == "Title\n\ntext"


def test_headings_inside_code_are_code():
    chunks = split("# A\n\n````sh\n# not a heading\n```\n# nor this\n````")
    assert [chunk.heading_path for chunk in chunks] == [("A",)]
    assert "# nor this" in chunks[0].text


def test_a_path_holds_headings_without_their_marks():
    assert split("## **A** `b` [c](d)\n\ntext")[0].heading_path == ("A b c",)


def test_a_line_too_long_for_a_heading_is_text():
    chunks = split(f"# {words(200)}\n\ntext", max_tokens=256)
    assert all(chunk.heading_path == () for chunk in chunks)
    assert "word199" in " ".join(chunk.text for chunk in chunks)


def test_small_sections_join_under_the_headings_they_share():
    (chunk,) = split("# A\n\nintro\n\n## B\n\nb\n\n## C\n\nc", max_tokens=256)
    assert (chunk.heading_path, chunk.text) == (("A",), "intro\n\n## B\n\nb\n\n## C\n\nc")


def test_small_sections_of_different_depth_stay_apart():
    chunks = split("# A\n\n## B\n\nb\n\n# D\n\nd", max_tokens=256)
    assert [chunk.heading_path for chunk in chunks] == [("A", "B"), ("D",)]


def test_sections_that_say_enough_stay_apart():
    chunks = split(f"## B\n\n{words(40)}\n\n## C\n\n{words(40)}", max_tokens=256)
    assert [chunk.heading_path for chunk in chunks] == [("B",), ("C",)]


def test_a_heading_with_nothing_under_it_is_not_lost():
    chunks = split(f"# A\n\n{words(45)}\n\n# Last")
    assert "Last" in "".join(chunk.embedded_text for chunk in chunks)


def test_a_split_table_repeats_its_header_in_each_piece():
    rows = [f"| key{number} | {words(6)} |" for number in range(20)]
    header = "| Key | Value |\n| --- | --- |"
    chunks = split("\n".join([header, *rows]))
    assert len(chunks) > 3
    assert all(chunk.text.startswith(f"{header}\n| key") for chunk in chunks)
    assert [row for chunk in chunks for row in chunk.text.split("\n")[2:]] == rows


def test_a_header_too_large_to_repeat_is_written_once():
    header = f"| {words(40)} | b |\n| --- | --- |"
    text = "".join(chunk.text for chunk in split("\n".join([header, *["| x | y |"] * 30])))
    assert text.count("word39") == 1
    assert text.count("| x | y |") == 30


def test_split_code_keeps_its_fence_and_language_on_each_piece():
    lines = [f"call_{number}(x)" for number in range(40)]
    chunks = split("\n".join(["````python", *lines, "````"]))
    assert len(chunks) > 3
    assert all(
        chunk.text.startswith("````python\n") and chunk.text.endswith("\n````") for chunk in chunks
    )
    assert [line for chunk in chunks for line in chunk.text.split("\n")[1:-1]] == lines


def test_code_in_a_list_item_keeps_its_fence_too():
    lines = [f"  call_{number}(x)" for number in range(40)]
    chunks = split("\n".join(["- item", "", "  ```", *lines, "  ```"]))
    assert all(chunk.text.count("```") == 2 for chunk in chunks)


def test_a_long_line_of_code_is_cut():
    chunks = split(f"```\n{words(300)}\n```")
    assert all(count_tokens(chunk.embedded_text) <= 64 for chunk in chunks)
    assert "word299" in chunks[-1].text


def test_text_of_any_length_is_cut_without_loss():
    sentences = " ".join(f"Sentence{number} says so." for number in range(3000))
    unbroken = "".join(chr(0x4E00 + number % 500) for number in range(45_000))
    text = " ".join(chunk.text for chunk in split(f"{sentences}\n\n{unbroken}", max_tokens=256))
    assert re.findall(r"Sentence\d+", text) == re.findall(r"Sentence\d+", sentences)
    assert text.replace(" ", "").endswith(unbroken)


def test_a_fence_too_large_to_repeat_is_written_once():
    mark = "`" * 40
    text = "".join(chunk.text for chunk in split("\n".join([mark, *["x y z"] * 40, mark])))
    assert text.count("x y z") == 40
    assert text.count("`") == 80


def test_a_fence_that_never_closes_keeps_its_last_line():
    chunks = split("\n".join(["```", *(f"line{number}" for number in range(60))]))
    assert "line59" in chunks[-1].text


def test_a_word_without_end_is_cut_though_a_tokenizer_counts_it_as_one():
    chunks = split("x" * 10_000, counter=lambda text: len(text.split()) + 2)
    assert max(len(chunk.text) for chunk in chunks) <= 64 * 12
    assert "".join(chunk.text for chunk in chunks) == "x" * 10_000


@pytest.mark.parametrize("title", [words(300), "x" * 5_000, words(10, word="Überschrift")])
def test_a_long_title_or_path_is_shortened_and_the_text_is_not(title):
    markdown = "\n\n".join(f"{'#' * level} {words(20, word=f'h{level}x')}" for level in range(1, 7))
    chunks = split(f"{markdown}\n\n{words(100)}", title=title)
    assert all(count_tokens(chunk.embedded_text) <= 64 for chunk in chunks)
    assert re.findall(r"word\d+", " ".join(chunk.text for chunk in chunks)) == words(100).split()
    assert chunks[0].heading_path[-1] == words(20, word="h6x")


def test_a_document_without_text_is_found_by_its_title():
    (chunk,) = split(" \n\n")
    assert (chunk.text, chunk.heading_path) == ("Title", ())
    assert split("", title=" ") == ()


def test_overlap_repeats_the_end_of_the_text_before():
    chunks = split(words(100), overlap_tokens=8)
    for before, after in pairwise(chunks):
        tail = after.text.split("\n\n")[0]
        assert before.text.endswith(tail)
        assert 1 <= count_tokens(tail) - 2 <= 8
    assert all(count_tokens(chunk.embedded_text) <= 64 for chunk in chunks)


def test_tables_and_code_are_not_repeated_as_overlap():
    fence = "\n".join(["```", *(f"line{number}" for number in range(60)), "```"])
    chunks = split(fence, overlap_tokens=8)
    assert all(chunk.text.count("```") == 2 for chunk in chunks)


@pytest.mark.parametrize("policy", [(8, 0), (64, 64), (64, -1)])
def test_a_policy_that_leaves_no_room_is_refused(policy):
    with pytest.raises(ValueError, match="max_tokens"):
        ChunkPolicy(*policy)


_word = st.sampled_from(["abcXYZ019", "äßé", "한국"]).flatmap(
    lambda letters: st.text(letters, min_size=1, max_size=12)
)
_line = st.lists(_word, min_size=1, max_size=30).map(" ".join)
_block = st.one_of(
    _line,
    _line.map(lambda text: f"## {text}"),
    st.integers(1, 6).flatmap(lambda level: _word.map(lambda text: f"{'#' * level} {text}")),
    st.lists(_line, min_size=1, max_size=8).map(
        lambda items: "\n".join(f"- {item}" for item in items)
    ),
    st.lists(_line, max_size=8).map(lambda lines: "\n".join(["```py", *lines, "```"])),
    st.lists(st.tuples(_word, _line), max_size=8).map(
        lambda rows: "\n".join(
            ["| K | V |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows)]
        )
    ),
)
_documents = st.lists(_block, max_size=12).map("\n\n".join)
_policies = st.builds(
    ChunkPolicy,
    st.integers(24, 200),
    overlap_tokens=st.integers(0, 6),
    min_tokens=st.integers(0, 60),
)


@settings(max_examples=60, deadline=None)
@given(_documents, _line, _policies, st.sampled_from([count_tokens, count_joined]))
def test_no_chunk_exceeds_the_window_and_no_word_is_lost(markdown, title, policy, counter):
    chunks = split_document(Document(title, markdown), policy, counter)
    assert chunks == split_document(Document(title, markdown), policy, counter)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert all(counter(chunk.embedded_text) <= policy.max_tokens for chunk in chunks)
    assert all(chunk.embedded_text.endswith(chunk.text) and chunk.text.strip() for chunk in chunks)
    found = "".join(
        re.sub(r"\W", "", " ".join([*chunk.heading_path, chunk.text])) for chunk in chunks
    )
    for line in markdown.split("\n"):
        for word in re.findall(r"\w+", line):
            assert word in found
