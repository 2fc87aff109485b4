"""Slide by slide: what xberg reads, and the speaker notes, which it puts on the wrong slide."""

import io
import re
import zipfile
from collections.abc import Sequence

from lxml.etree import XMLSyntaxError
from pptx import Presentation
from pptx.exc import PythonPptxError
from pptx.slide import Slide

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.readers.office import read_office
from headwater.adapters.extraction.reading import Reading, Section
from headwater.adapters.extraction.rich_text import (
    clean_markdown,
    clean_text,
    demote_headings,
    one_line,
)
from headwater.adapters.extraction.sniffing import Format

_TITLE = re.compile(r"\A\s*#{1,6} +(.+)\n*")
DAMAGED_PACKAGE = (
    PythonPptxError,
    XMLSyntaxError,
    zipfile.BadZipFile,
    KeyError,
    ValueError,
    AttributeError,
)
"""What python-pptx raises for presentations that its own model does not foresee."""


def read_presentation(data: bytes, limits: Limits) -> Reading:
    """Return one section for each slide, with its notes.

    When the notes cannot be read, or cannot be told to slides, they are a loss or a section of their own.
    """
    rich = read_office(data, Format.PPTX, limits)
    slides = rich.pages or (rich.markdown,)
    try:
        notes = [_read_notes(slide) for slide in Presentation(io.BytesIO(data)).slides]
    except DAMAGED_PACKAGE:
        lost = {**rich.losses, "speaker notes": 1}
        return Reading(_write_slides(slides, [""] * len(slides)), losses=lost)
    if len(notes) != len(slides):
        sections = (*_write_slides(slides, [""] * len(slides)), *_append_notes(notes))
        return Reading(sections, losses=rich.losses)
    return Reading(_write_slides(slides, notes), losses=rich.losses)


def _read_notes(slide: Slide) -> str:
    if not slide.has_notes_slide:
        return ""
    frame = slide.notes_slide.notes_text_frame
    return clean_text(frame.text) if frame is not None else ""


def _append_notes(notes: Sequence[str]) -> tuple[Section, ...]:
    text = "\n\n".join(note for note in notes if note)
    return (Section("Notes", text),) if text else ()


def _write_slides(slides: Sequence[str], notes: Sequence[str]) -> tuple[Section, ...]:
    return tuple(
        _write_slide(number, clean_markdown(slide), note)
        for number, (slide, note) in enumerate(zip(slides, notes, strict=True), 1)
    )


def _write_slide(number: int, text: str, note: str) -> Section:
    title = _TITLE.match(text)
    heading = f"Slide {number}: {one_line(title.group(1))}" if title else f"Slide {number}"
    body = text[title.end() :] if title else text
    parts = [demote_headings(body, 1).strip(), f"Notes: {note}" if note else ""]
    # A slide that is all title still has a text: its heading alone would be dropped as empty.
    written = "\n\n".join(part for part in parts if part)
    return Section(heading, written or (title.group(1) if title else ""))
