"""What a reader found in a file: sections of text, and pixels that may hold more."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import accumulate
from typing import Any, Self

from headwater.adapters.extraction.rich_text import place_below

SCAN_BEYOND_LIMIT = "scan beyond limit"
"""The loss of a page or picture that OCR would have read, had there not been so many."""

PICTURES, CHARTS, NOTES, REMARKS = "Pictures", "Charts", "Notes", "Comments and drawings"
APPENDICES = frozenset({PICTURES, CHARTS, NOTES, REMARKS})
"""Headings of what stands behind a document's own text, for want of a better place."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in PDF points."""


@dataclass(frozen=True, slots=True)
class Section:
    """A page, slide, sheet, message part or whole file. The heading has no number signs."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Scan:
    """Pixels whose text belongs to ``section``.

    ``source`` is 0 for the file itself, n for the n-th of ``Reading.images``; ``page`` is a page of
    that PDF or a frame of that image; ``box`` is a part of the page. The text of a picture ``beside``
    the section's own is added to it; that of a whole page takes its place where it is the longer.
    """

    section: int
    page: int = 0
    source: int = 0
    box: Box | None = None
    beside: bool = False

    @property
    def is_added(self) -> bool:
        """Whether its text stands beside the section's own."""
        return self.beside or self.box is not None


@dataclass(frozen=True, slots=True)
class Reading:
    """The sections of a file in their order; ``images`` are files inside it that hold scans."""

    sections: tuple[Section, ...] = ()
    scans: tuple[Scan, ...] = ()
    images: tuple[bytes, ...] = ()
    supported: bool = True
    truncated: bool = False
    losses: Mapping[str, int] = field(default_factory=dict)
    spent: bool = False
    """The reader left something running: its process is of no more use."""

    def to_json(self) -> dict[str, Any]:
        """Return everything but the images, for the header of a frame."""
        return asdict(replace(self, images=()))

    @classmethod
    def from_json(cls, value: Mapping[str, Any], images: tuple[bytes, ...]) -> Self:
        """Rebuild what :meth:`to_json` gave; ``TypeError``, ``ValueError`` or ``KeyError`` for anything else.

        The sender may have been taken over by the file it read: every field is checked.
        """
        sections = tuple(_make_section(section) for section in value["sections"])
        return cls(
            sections,
            tuple(_make_scan(scan, len(sections), len(images)) for scan in value["scans"]),
            images,
            supported=bool(value["supported"]),
            truncated=bool(value["truncated"]),
            losses={str(name): int(count) for name, count in dict(value["losses"]).items()},
        )


@dataclass(frozen=True, slots=True)
class ScannedText:
    """What OCR read from one scan; ``confidence`` is the mean of its characters, 0 to 1."""

    text: str
    confidence: float
    damaged: bool = False
    """The pixels could not be had."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Rebuild one from a frame; ``TypeError``, ``ValueError`` or ``KeyError`` for anything else."""
        confidence = min(1.0, max(0.0, float(value["confidence"])))
        return cls(str(value["text"]), confidence, damaged=bool(value["damaged"]))


def _make_section(value: Mapping[str, Any]) -> Section:
    return Section(str(value["heading"]), str(value["text"]))


def _make_scan(value: Mapping[str, Any], sections: int, images: int) -> Scan:
    section, page, source = (int(value[name]) for name in ("section", "page", "source"))
    if not (0 <= section < sections and 0 <= source <= images and page >= 0):
        raise ValueError("a scan of nothing")
    return Scan(section, page, source, _make_box(value["box"]), beside=bool(value["beside"]))


def _make_box(value: Any) -> Box | None:
    if value is None:
        return None
    left, bottom, right, top = map(float, value)
    return left, bottom, right, top


def cut_reading(reading: Reading, limit: int) -> Reading:
    """Return the reading with no more than ``limit`` characters of text in all."""
    kept: list[Section] = []
    left = limit
    for section in reading.sections:
        kept.append(Section(section.heading, section.text[:left]))
        left -= len(kept[-1].text)
    cut = any(
        len(old.text) > len(new.text) for old, new in zip(reading.sections, kept, strict=True)
    )
    return replace(reading, sections=tuple(kept), truncated=True) if cut else reading


def cut_images(reading: Reading, limit: int) -> Reading:
    """Return the reading with no more than ``limit`` bytes of images in all; scans of others are lost."""
    totals = list(accumulate(len(image) for image in reading.images))
    if not totals or totals[-1] <= limit:
        return reading
    kept = tuple(
        image if total <= limit else b""
        for image, total in zip(reading.images, totals, strict=True)
    )
    scans = tuple(scan for scan in reading.scans if not scan.source or kept[scan.source - 1])
    lost = {SCAN_BEYOND_LIMIT: len(reading.scans) - len(scans)}
    return replace(reading, images=kept, scans=scans, losses=add_losses(reading.losses, lost))


def read_whole(text: str, *, truncated: bool = False) -> Reading:
    """Return a reading of one section without a heading."""
    return Reading((Section("", text),), truncated=truncated)


def nest_readings(parts: Iterable[tuple[str, Reading]]) -> Reading:
    """Return one reading of several, each below its own heading."""
    sections: list[Section] = []
    scans: list[Scan] = []
    images: list[bytes] = []
    losses: dict[str, int] = {}
    truncated = spent = False
    for heading, part in parts:
        scans += [_move_scan(scan, len(sections), len(images)) for scan in part.scans]
        images += part.images
        sections += [_nest_section(heading, section) for section in part.sections]
        losses = add_losses(losses, part.losses)
        truncated, spent = truncated or part.truncated, spent or part.spent
    return Reading(
        tuple(sections),
        tuple(scans),
        tuple(images),
        truncated=truncated,
        losses=losses,
        spent=spent,
    )


def _move_scan(scan: Scan, sections: int, images: int) -> Scan:
    # A part's own file has become an image of the whole: see with_own_file.
    return replace(scan, section=scan.section + sections, source=scan.source + images)


def with_own_file(reading: Reading, data: bytes) -> Reading:
    """Return the reading of a part whose scans carry their file along, ready to be nested."""
    if all(scan.source for scan in reading.scans):
        return reading
    scans = tuple(replace(scan, source=scan.source + 1) for scan in reading.scans)
    return replace(reading, scans=scans, images=(data, *reading.images))


def _nest_section(heading: str, section: Section) -> Section:
    names = [name for name in (heading, section.heading) if name]
    return Section(", ".join(names), place_below(section.text) if heading else section.text)


def add_losses(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    """Return the sums by name."""
    return {name: left.get(name, 0) + right.get(name, 0) for name in (*left, *right)}
