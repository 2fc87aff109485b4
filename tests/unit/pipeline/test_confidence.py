"""The confidence of a chunk is that of the pages it holds text of."""

import pytest

from headwater.domain.content import Chunk, Document
from headwater.pipeline.chunking import ChunkPolicy, split_document
from headwater.pipeline.confidence import rate_chunks


def make_chunk(*path, text="words"):
    return Chunk(0, path, text, text, "digest")


def rate(chunk, confidences):
    (rated,) = rate_chunks([chunk], confidences)
    return rated.ocr_confidence


@pytest.mark.parametrize(
    ("chunk", "confidences", "expected"),
    [
        (make_chunk("Page 1"), {"Page 1": 0.9, "Page 2": 0.5}, 0.9),
        (make_chunk("Page 2", "Costs"), {"Page 1": 0.9, "Page 2": 0.5}, 0.5),
        (make_chunk("Page 3"), {"Page 1": 0.9}, None),
        (make_chunk(text="# Page 1\n\na\n\n# Page 2\n\nb\n\n# Page 3\n\nc"), {"Page 1": 0.9, "Page 3": 0.7}, 0.8),
        (make_chunk(text="```\n# Page 1\n```"), {"Page 1": 0.9}, None),
        (make_chunk(), {"": 0.75}, 0.75),
        (make_chunk("Read by OCR", text="from a line that begins with a number sign"), {"": 0.75}, 0.75),
        (make_chunk("Chapter"), {"": 0.75, "Pictures": 0.5}, None),
        (make_chunk("Slide 1: now"), {"Slide 1: **now**": 0.6}, 0.6),
        (make_chunk(), {}, None),
    ],
)  # fmt: skip
def test_a_chunk_has_the_mean_of_its_pages(chunk, confidences, expected):
    assert rate(chunk, confidences) == expected


def count_words(text):
    return len(text.split())


def test_pages_are_kept_apart_where_pages_are_what_a_result_points_to():
    markdown = "\n\n".join(f"## Page {n}\n\nshort\n\n### A\n\nx" for n in range(3))
    document = Document("file.pdf", markdown)
    found = split_document(document, ChunkPolicy(200, join_below=1), count_words)
    assert [chunk.heading_path for chunk in found] == [(f"Page {n}",) for n in range(3)]


def test_small_pages_that_were_joined_count_each():
    document = Document("file.pdf", "\n\n".join(f"## Page {n}\n\nshort" for n in range(3)))
    (joined,) = split_document(document, ChunkPolicy(200), count_words)
    assert joined.heading_path == ()
    assert rate(joined, {"Page 0": 0.5, "Page 2": 1.0}) == 0.75


def test_rating_changes_nothing_else():
    chunk = make_chunk("Page 1")
    (rated,) = rate_chunks([chunk], {"Page 1": 0.9})
    assert (rated.text, rated.embedded_text, rated.text_hash) == ("words", "words", "digest")
