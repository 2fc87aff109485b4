"""From a reading, and what OCR adds to it, to the extraction that the service keeps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from headwater.adapters.extraction.reading import (
    APPENDICES,
    SCAN_BEYOND_LIMIT,
    Reading,
    Scan,
    ScannedText,
    Section,
    add_losses,
)
from headwater.ports import Extraction

Batch = tuple[int, Sequence[Scan]]
"""The source of some scans (0 for the file itself), and the scans."""

NO_PAGES = APPENDICES | {""}
DAMAGED_SCAN = "damaged scan"


def plan_batches(scans: Sequence[Scan], size: int) -> list[Batch]:
    """Return the scans by file, at most ``size`` together, in their order."""
    return [
        (source, group[start : start + size])
        for source, found in groupby(scans, key=lambda scan: scan.source)
        for group in [list(found)]
        for start in range(0, len(group), size)
    ]


@dataclass(frozen=True, slots=True)
class _Written:
    """A section's final text, and what of it OCR read."""

    heading: str
    text: str
    read: tuple[ScannedText, ...]

    @property
    def markdown(self) -> str:
        return f"## {self.heading}\n\n{self.text}" if self.heading else self.text


def compose_extraction(
    reading: Reading, scanned: Mapping[Scan, ScannedText] | None, limit: int
) -> Extraction:
    """Return sections as Markdown below second-level headings, cut at ``limit`` characters.

    ``scanned`` is ``None`` where OCR is off. Of a page's own text and the text that OCR read from the
    whole page, the longer is kept: a page is read anew because its own text is missing or poor. The
    text of a picture in a page is added.
    """
    found = scanned or {}
    sections = [
        _write_section(section, {scan: it for scan, it in found.items() if scan.section == number})
        for number, section in enumerate(reading.sections)
    ]
    filled = [section for section in sections if section.text]
    markdown = "\n\n".join(section.markdown for section in filled)
    return Extraction(
        markdown[:limit],
        supported=reading.supported,
        truncated=reading.truncated or len(markdown) > limit,
        paged=any(section.heading not in NO_PAGES for section in filled),
        ocr_pages=len(found),
        ocr_wanted=len(reading.scans) if scanned is None else 0,
        ocr_confidence=_mean_confidence(found.values()),
        page_confidences=_rate_pages(filled),
        losses=add_losses(reading.losses, _find_losses(reading, scanned)),
    )


def _write_section(section: Section, mine: Mapping[Scan, ScannedText]) -> _Written:
    whole = [found for scan, found in mine.items() if not scan.is_added and found.text]
    added = [found for scan, found in mine.items() if scan.is_added and found.text]
    joined = "\n\n".join(found.text for found in whole)
    read = [*whole, *added] if len(joined) > len(section.text) else added
    parts = [max(section.text, joined, key=len), *(found.text for found in added)]
    return _Written(section.heading, "\n\n".join(filter(None, parts)), tuple(read))


def _find_losses(reading: Reading, scanned: Mapping[Scan, ScannedText] | None) -> dict[str, int]:
    if scanned is None:
        return {}
    losses = {
        SCAN_BEYOND_LIMIT: len(reading.scans) - len(scanned),
        DAMAGED_SCAN: sum(found.damaged for found in scanned.values()),
    }
    return {name: count for name, count in losses.items() if count}


def _rate_pages(sections: Iterable[_Written]) -> dict[str, float]:
    by_heading: defaultdict[str, list[ScannedText]] = defaultdict(list)
    for section in sections:
        by_heading[section.heading] += section.read
    rated = {heading: _mean_confidence(read) for heading, read in by_heading.items()}
    return {heading: mean for heading, mean in rated.items() if mean is not None}


def _mean_confidence(scanned: Iterable[ScannedText]) -> float | None:
    weights = [(len(found.text), found.confidence) for found in scanned]
    total = sum(weight for weight, _ in weights)
    if not total:
        return None
    return round(sum(weight * confidence for weight, confidence in weights) / total, 4)
