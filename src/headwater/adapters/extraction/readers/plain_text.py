"""Text, Markdown, CSV, JSON and XML."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.readers.decoding import decode_markup, decode_text
from headwater.adapters.extraction.reading import Reading, read_whole
from headwater.adapters.extraction.rich_text import (
    clean_markdown,
    clean_text,
    fence_code,
    one_line,
)

DELIMITERS = ",;\t|"
SAMPLE_ROWS = 20
BYTES_PER_CHAR = 4


def read_text(data: bytes, limits: Limits) -> Reading:
    """Return the text as it stands."""
    text, truncated = _decode_start(data, limits)
    return read_whole(clean_text(text), truncated=truncated)


def read_markdown(data: bytes, limits: Limits) -> Reading:
    """Return the Markdown without its front matter's fences and embedded pictures."""
    text, truncated = _decode_start(data, limits)
    return read_whole(clean_markdown(_open_front_matter(text)), truncated=truncated)


def read_json(data: bytes, limits: Limits) -> Reading:
    """Return the source as a block of code."""
    text, truncated = _decode_start(data, limits)
    return read_whole(fence_code(clean_text(text), "json"), truncated=truncated)


def read_xml(data: bytes, limits: Limits) -> Reading:
    """Return the source as a block of code; no entity is resolved."""
    cut = data[: limits.text_chars * BYTES_PER_CHAR]
    text = clean_text(decode_markup(cut))
    return read_whole(fence_code(text, "xml"), truncated=len(cut) < len(data))


def read_csv(data: bytes, limits: Limits) -> Reading:
    """Return a table; the delimiter is the one that cuts the first rows most evenly."""
    text, truncated = _decode_start(data, limits)
    cleaned = clean_text(text)
    try:
        rows = list(_parse_rows(cleaned))
    except csv.Error:  # a field beyond the parser's limit: the text is all there is to keep
        return read_whole(cleaned, truncated=truncated)
    return read_whole(write_table(rows), truncated=truncated)


def write_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; blank rows are left out, short ones are filled up."""
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    width = max(map(len, filled), default=0)
    lines = [_write_row([*row, *[""] * (width - len(row))]) for row in filled]
    if not lines:
        return ""
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _write_row(row: Sequence[str]) -> str:
    return "| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in row) + " |"


def _decode_start(data: bytes, limits: Limits) -> tuple[str, bool]:
    """Return the text of no more bytes than could be kept, and whether that cut something off."""
    cut = data[: limits.text_chars * BYTES_PER_CHAR]
    if len(cut) < len(data):
        cut = cut[: cut.rfind(b"\n") + 1] or cut
    text = decode_text(cut)
    return text[: limits.text_chars], len(cut) < len(data) or len(text) > limits.text_chars


def _open_front_matter(text: str) -> str:
    match = re.match(r"---\s*\n(.*?)\n---\s*(?:\n|\Z)", text, re.DOTALL)
    return f"{match.group(1)}\n\n{text[match.end() :]}" if match else text


def _parse_rows(text: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text))


def _find_delimiter(text: str) -> str:
    return max(DELIMITERS, key=lambda delimiter: _count_even_rows(text, delimiter))


def _count_even_rows(text: str, delimiter: str) -> tuple[int, int]:
    """Return how many of the first rows share their most frequent width above one, and that width."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    widths = Counter(len(row) for row in islice(reader, SAMPLE_ROWS) if len(row) > 1)
    return max(((count, width) for width, count in widths.items()), default=(0, 0))
