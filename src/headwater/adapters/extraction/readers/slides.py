"""Slide by slide: what xberg reads, the speaker notes, which it puts on the wrong slide, the pictures."""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lxml.etree import XMLSyntaxError
from pptx import Presentation
from pptx.exc import PythonPptxError
from pptx.slide import Slide

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.readers.office import read_office
from headwater.adapters.extraction.readers.pictures import (
    add_pictures,
    find_pictures,
    place_pictures,
)
from headwater.adapters.extraction.reading import NOTES, Reading, Section
from headwater.adapters.extraction.rich_text import (
    clean_markdown,
    clean_text,
    demote_headings,
    one_line,
)
from headwater.adapters.extraction.sniffing import Format

_RULE = re.compile(r"^-----$", re.MULTILINE)
"""What the library puts before each slide of a format whose slides it does not tell apart."""

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


@dataclass(frozen=True, slots=True)
class _Extras:
    """What stands beside a slide's own text; ``pictures`` are members of the package."""

    notes: str = ""
    pictures: tuple[str, ...] = ()


def read_presentation(data: bytes, limits: Limits) -> Reading:
    """Return one section for each slide, with its notes and pictures.

    When these cannot be told to slides, notes are a loss or a section of their own, pictures one at the
    end.
    """
    rich = read_office(data, Format.PPTX, limits)
    slides = rich.pages or (rich.markdown,)
    plain = Reading(_write_slides(slides, [_Extras()] * len(slides)), losses=rich.losses)
    try:
        extras = [_read_extras(slide) for slide in Presentation(io.BytesIO(data)).slides]
    except DAMAGED_PACKAGE:
        lost = {**rich.losses, "speaker notes": 1}
        return add_pictures(replace(plain, losses=lost), data, limits)
    if len(extras) != len(slides):
        sections = (*plain.sections, *_append_notes(extras))
        return add_pictures(replace(plain, sections=sections), data, limits)
    reading = replace(plain, sections=_write_slides(slides, extras))
    by_slide = {number: extra.pictures for number, extra in enumerate(extras)}
    return place_pictures(reading, find_pictures(data, limits), by_slide)


def read_ruled_presentation(data: bytes, kind: Format, limits: Limits) -> Reading:
    """Return one section for each slide of a PPT or ODP file; notes are part of a slide's text."""
    rich = read_office(data, kind, limits)
    before, *slides = _RULE.split(rich.markdown)
    sections = _write_slides(slides, [_Extras()] * len(slides))
    if before.strip():
        sections = (Section("", clean_markdown(before)), *sections)
    reading = Reading(sections, losses=rich.losses)
    return reading if kind is Format.PPT else add_pictures(reading, data, limits)


def _read_extras(slide: Slide) -> _Extras:
    linked = (relation for relation in slide.part.rels.values() if not relation.is_external)
    names = (str(relation.target_part.partname).lstrip("/") for relation in linked)
    return _Extras(_read_notes(slide), tuple(names))


def _read_notes(slide: Slide) -> str:
    if not slide.has_notes_slide:
        return ""
    frame = slide.notes_slide.notes_text_frame
    return clean_text(frame.text) if frame is not None else ""


def _append_notes(extras: Sequence[_Extras]) -> tuple[Section, ...]:
    text = "\n\n".join(extra.notes for extra in extras if extra.notes)
    return (Section(NOTES, text),) if text else ()


def _write_slides(slides: Sequence[str], extras: Sequence[_Extras]) -> tuple[Section, ...]:
    return tuple(
        _write_slide(number, clean_markdown(slide), extra.notes)
        for number, (slide, extra) in enumerate(zip(slides, extras, strict=True), 1)
    )


def _write_slide(number: int, text: str, note: str) -> Section:
    title = _TITLE.match(text)
    heading = f"Slide {number}: {one_line(title.group(1))}" if title else f"Slide {number}"
    body = text[title.end() :] if title else text
    parts = [demote_headings(body, 1).strip(), f"Notes: {note}" if note else ""]
    # A slide that is all title still has a text: its heading alone would be dropped as empty.
    written = "\n\n".join(part for part in parts if part)
    return Section(heading, written or (title.group(1) if title else ""))
