"""How sure OCR was of a chunk: known by page, asked for by chunk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from headwater.domain.content import Chunk
from headwater.pipeline.sections import split_sections


def rate_chunks(
    chunks: Sequence[Chunk], page_confidences: Mapping[str, float]
) -> tuple[Chunk, ...]:
    """Return the chunks with the mean confidence of the pages they hold text of.

    ``page_confidences`` is by second-level heading, ``""`` for text without one; pages that are not in
    it were not read by OCR, and do not count.
    """
    rated = {_read_heading(heading): value for heading, value in page_confidences.items()}
    return tuple(replace(chunk, ocr_confidence=_rate(chunk, rated)) for chunk in chunks)


def _rate(chunk: Chunk, rated: Mapping[str, float]) -> float | None:
    found = [rated[heading] for heading in _find_headings(chunk) if heading in rated]
    if found:
        return round(fmean(found), 4)
    # A file that is one image has no heading but those that its own text may look like.
    return rated.get("") if not chunk.heading_path or len(rated) == 1 else None


def _find_headings(chunk: Chunk) -> Iterable[str]:
    """Return the headings above the chunk, and those that small pages kept when they were joined."""
    inside = (heading for section in split_sections(chunk.text) for heading in section.path)
    return dict.fromkeys([*chunk.heading_path, *inside])


def _read_heading(heading: str) -> str:
    """Return a heading as it stands in a heading path."""
    sections = split_sections(f"## {heading}") if heading else []
    return next((section.path[-1] for section in sections if section.path), "")
