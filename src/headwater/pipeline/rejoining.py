"""A document's text put together again from its chunks.

What cutting repeated is taken out again: the words that overlap, a table's header, a code block's fence.
Line breaks at the cuts and the levels of headings are made anew, and a heading may stand twice where
small sections share a chunk: the text has the document's words in its order, not every one of its marks.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from headwater.domain.content import StoredChunk
from headwater.pipeline.pieces import HEADER_ROWS, is_table
from headwater.pipeline.sections import is_fenced, split_blocks

_LEAST_OVERLAP: Final = 3
"""Words; a shorter paragraph that a piece begins with is more likely the document's own."""

_MAX_LEVEL: Final = 6


def rejoin_chunks(chunks: Iterable[StoredChunk]) -> str:
    """Return the Markdown of a document, given its chunks in reading order; nothing for none."""
    parts: list[str] = []
    path: tuple[str, ...] | None = None
    before = ""
    for chunk in chunks:
        if chunk.heading_path == path:
            _continue(parts, before, chunk.text)
        else:
            parts += [*_write_headings(path or (), chunk.heading_path), "\n\n", chunk.text]
        path, before = chunk.heading_path, chunk.text
    return "".join(parts).strip("\n")


def _write_headings(before: tuple[str, ...], path: tuple[str, ...]) -> Sequence[str]:
    """Return the headings that are new on the way from one path to another, a blank line before each."""
    shared = 0
    for one, other in zip(before, path, strict=False):
        if one != other:
            break
        shared += 1
    return [
        f"\n\n{'#' * min(_MAX_LEVEL, level)} {text}"
        for level, text in enumerate(path[shared:], shared + 1)
    ]


def _continue(parts: list[str], before: str, text: str) -> None:
    """Add a further piece of the same section without what it repeats."""
    first = next(split_blocks(text), "")
    last = list(split_blocks(before))[-1:] or [""]
    if is_fenced(first) and is_fenced(last[0]) and _first_line(first) == _first_line(last[0]):
        parts[-1] = parts[-1].rstrip("\n").rpartition("\n")[0]
        parts += ["\n", text.partition("\n")[2]]
    elif is_table(first) and is_table(last[0]) and _read_header(first) == _read_header(last[0]):
        parts += ["\n", text.split("\n", HEADER_ROWS)[-1]]
    else:
        parts += ["\n\n", _drop_overlap(last[0], text)]


def _drop_overlap(last: str, text: str) -> str:
    repeated, _, rest = text.partition("\n\n")
    words = repeated.split()
    is_overlap = len(words) >= _LEAST_OVERLAP and last.split()[-len(words) :] == words
    return rest if is_overlap and rest else text


def _first_line(block: str) -> str:
    return block.partition("\n")[0]


def _read_header(block: str) -> Sequence[str]:
    return block.split("\n", HEADER_ROWS)[:HEADER_ROWS]
