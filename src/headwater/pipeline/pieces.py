"""One block too large for its chunk, cut into pieces that still make sense by themselves.

A table repeats its header in each piece, code keeps its fence and language; everything else goes by
the largest unit that fits: paragraph, line, sentence, word, character.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from headwater.pipeline.sections import is_fenced, read_fence

Measure = Callable[[str], int]

_DELIMITER_ROW = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?\|?\s*")
_STRETCH = 20_000
"""Characters given to the splitter at once: its work grows faster than its input."""

HEADER_ROWS = 2
_HEADER_SHARE = 0.5
"""A header that takes more of the room than this is not repeated."""


def split_block(block: str, limit: int, measure: Measure) -> list[str]:
    """Return pieces of a block that measure at most ``limit`` each; together they hold all its text."""
    if measure(block) <= limit:
        return [block]
    lines = block.split("\n")
    if is_fenced(block):
        return _split_fence(lines, limit, measure)
    if is_table(block):
        return _split_table(lines, limit, measure)
    return split_prose(block, limit, measure)


def is_table(block: str) -> bool:
    """Tell whether a block is a pipe table."""
    lines = block.split("\n", HEADER_ROWS)
    return (
        len(lines) >= HEADER_ROWS and "|" in lines[0] and bool(_DELIMITER_ROW.fullmatch(lines[1]))
    )


def split_prose(text: str, limit: int, measure: Measure) -> list[str]:
    """Return pieces of running text, lists included, cut where Markdown allows it."""
    splitter = MarkdownSplitter.from_callback(measure, limit)
    return [piece for stretch in _cut_stretches(text) for piece in splitter.chunks(stretch)]


def _cut_stretches(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > _STRETCH:
        end = _find_cut(text, start, start + _STRETCH)
        yield text[start:end]
        start = end
    yield text[start:]


def _find_cut(text: str, start: int, end: int) -> int:
    for mark in ("\n", ". ", " "):
        cut = text.rfind(mark, start + _STRETCH // 2, end)
        if cut > 0:
            return cut + len(mark)
    return end


def _split_table(lines: list[str], limit: int, measure: Measure) -> list[str]:
    header = "\n".join(lines[:HEADER_ROWS])
    cost = measure(f"{header}\n")
    if cost > limit * _HEADER_SHARE:
        return split_prose("\n".join(lines), limit, measure)
    rows = _cut_lines(lines[HEADER_ROWS:], limit - cost, measure)
    return [f"{header}\n{group}" for group in pack(rows, "\n", limit - cost, measure)]


def _split_fence(lines: list[str], limit: int, measure: Measure) -> list[str]:
    opening = lines[0]
    lead, mark = read_fence(opening)
    closing = " " * len(lead) + mark if ">" not in lead else lead + mark
    inside = lines[1:-1] if lines[-1].strip("> \t") == mark else lines[1:]
    cost = measure(f"{opening}\n\n{closing}")
    if cost > limit * _HEADER_SHARE:
        return split_prose("\n".join(lines), limit, measure)
    code = _cut_lines(inside, limit - cost, measure)
    groups = pack(code, "\n", limit - cost, measure)
    return [f"{opening}\n{group}\n{closing}" for group in groups]


def pack(parts: Iterable[str], joint: str, limit: int, measure: Measure) -> Iterator[str]:
    """Yield parts joined, as many together as measure at most ``limit``; one part may exceed it."""
    group: list[str] = []
    used = 0
    for part in parts:
        cost = measure(part) + 1
        if group and used + cost > limit and measure(joint.join([*group, part])) > limit:
            yield joint.join(group)
            group, used = [], 0
        group.append(part)
        used += cost
    if group:
        yield joint.join(group)


def _cut_lines(lines: list[str], limit: int, measure: Measure) -> Iterator[str]:
    splitter = TextSplitter.from_callback(measure, max(1, limit - 1), trim=False)
    for line in lines:
        if measure(line) < limit:
            yield line
        else:
            yield from (
                part for stretch in _cut_stretches(line) for part in splitter.chunks(stretch)
            )
