"""From a reading, and what OCR adds to it, to the extraction that the service keeps."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from headwater.adapters.extraction.reading import Reading, Scan, ScannedText, Section
from headwater.ports import Extraction

Batch = tuple[int, Sequence[Scan]]
"""The source of some scans (0 for the file itself), and the scans."""


def plan_batches(scans: Sequence[Scan], size: int) -> list[Batch]:
    """Return the scans by file, at most ``size`` together, in their order."""
    return [
        (source, group[start : start + size])
        for source, found in groupby(scans, key=lambda scan: scan.source)
        for group in [list(found)]
        for start in range(0, len(group), size)
    ]


def compose_extraction(
    reading: Reading, scanned: Mapping[Scan, ScannedText], limit: int
) -> Extraction:
    """Return sections as Markdown below second-level headings, cut at ``limit`` characters.

    Of a page's own text and the text that OCR read from the whole page, the longer is kept: a page
    is read anew because its own text is missing or poor. The text of a picture in a page is added.
    """
    texts = [
        _join_scans(number, section, scanned) for number, section in enumerate(reading.sections)
    ]
    markdown = "\n\n".join(
        _write_section(section.heading, text)
        for section, text in zip(reading.sections, texts, strict=True)
        if text
    )
    return Extraction(
        markdown[:limit],
        supported=reading.supported,
        truncated=reading.truncated or len(markdown) > limit,
        ocr_pages=len(scanned),
        ocr_wanted=len(reading.scans) - len(scanned),
        ocr_confidence=_mean_confidence(scanned),
        losses=dict(reading.losses),
    )


def _join_scans(number: int, section: Section, scanned: Mapping[Scan, ScannedText]) -> str:
    mine = [(scan, found) for scan, found in scanned.items() if scan.section == number]
    whole = "\n\n".join(found.text for scan, found in mine if scan.box is None and found.text)
    pictures = [found.text for scan, found in mine if scan.box is not None and found.text]
    return "\n\n".join(part for part in (max(section.text, whole, key=len), *pictures) if part)


def _write_section(heading: str, text: str) -> str:
    return f"## {heading}\n\n{text}" if heading else text


def _mean_confidence(scanned: Mapping[Scan, ScannedText]) -> float | None:
    weights = [(len(found.text), found.confidence) for found in scanned.values()]
    total = sum(weight for weight, _ in weights)
    if not total:
        return None
    return round(sum(weight * confidence for weight, confidence in weights) / total, 4)
