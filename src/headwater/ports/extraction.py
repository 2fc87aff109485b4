"""Turning attachments into text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AttachmentFile:
    """A downloaded attachment. Name and media type are what Confluence says, and may be wrong."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ExtractionPolicy:
    """How attachments are read; part of an attachment's recipe."""

    use_ocr: bool
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes a reader of images may expect; empty leaves it to the engine."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """An attachment's text as Markdown; pages, slides and sheets are headings.

    ``supported`` is false for a format that is not read, which is skipped and no failure; no text in
    a supported file is a finished document with a warning.
    """

    markdown: str
    supported: bool = True
    truncated: bool = False
    paged: bool = False
    """Whether second-level headings name its pages, slides, sheets or enclosures."""
    ocr_pages: int = 0
    """Pages and images that went through OCR."""
    ocr_wanted: int = 0
    """Pages and images without usable text that were left because OCR is off, or cannot read them."""
    ocr_confidence: float | None = None
    """Mean confidence of the characters that OCR read, from 0 to 1; ``None`` without OCR."""
    page_confidences: Mapping[str, float] = field(default_factory=dict)
    """The same for each second-level heading under which OCR read something; ``""`` for none."""
    losses: Mapping[str, int] = field(default_factory=dict)


class Extractor(Protocol):
    """Reads attachments in processes of its own, so that a hostile file hurts nobody."""

    @property
    def recipe(self) -> str:
        """Names the readers and their versions: equal names give equal text."""

    @property
    def languages(self) -> frozenset[str]:
        """The languages that OCR reads, as ISO 639 codes of two letters and of three."""

    async def extract(self, file: AttachmentFile, policy: ExtractionPolicy) -> Extraction:
        """Return the file's text.

        ``DocumentError`` for a file that is corrupt, encrypted, too large, or that crashed or
        outlasted its reader; each is one failure, and the next file is read as ever.
        """
