"""PDF page by page: pdfium's text, xberg's headings and tables where they hold the same words."""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.readers.office import read_rich
from headwater.adapters.extraction.readers.page_triage import PageState, judge_page
from headwater.adapters.extraction.readers.pdf_pages import PdfPage, open_pdf, read_page
from headwater.adapters.extraction.reading import Reading, Scan, Section
from headwater.adapters.extraction.rich_text import (
    clean_markdown,
    clean_text,
    demote_headings,
    measure_recall,
)
from headwater.adapters.extraction.sniffing import Format
from headwater.domain.errors import DocumentError

TIME_SHARE = 0.8
RICH_TIME_SHARE = 0.6
LEAST_RECALL = 0.92
MOST_BREAKS = 200
_SOFT_BREAK = re.compile("(\\w{0,64})[\x02\ufffe]\\s*(\\w{0,64})")


@dataclass(frozen=True, slots=True)
class _RichLayer:
    pages: tuple[str, ...] = ()
    spent: bool = False


def read_pdf(data: bytes, limits: Limits, *, rich: bool = True) -> Reading:
    """Return one section for each page; pages and pictures without usable text are scans.

    Pages beyond the limit of pages or time are cut off. ``rich`` looks for headings and tables.
    """
    start = time.monotonic()
    pages, total = _read_pages(data, limits, start + TIME_SHARE * limits.seconds)
    readable = sum(page is not None for page in pages)
    left = RICH_TIME_SHARE * limits.seconds - (time.monotonic() - start)
    wanted = rich and readable and total <= limits.rich_pdf_pages and left > 0
    layer = _read_layer(data, limits, left) if wanted else _RichLayer()
    reading = _assemble(pages, layer.pages if len(layer.pages) == total else ())
    losses = {"damaged page": len(pages) - readable} if readable < len(pages) else {}
    return Reading(
        reading.sections,
        reading.scans,
        truncated=len(pages) < total,
        losses=losses,
        spent=layer.spent,
    )


def _read_pages(data: bytes, limits: Limits, deadline: float) -> tuple[list[PdfPage | None], int]:
    pages: list[PdfPage | None] = []
    with open_pdf(data) as document:
        total = len(document)
        for number in range(min(total, limits.pdf_pages)):
            if time.monotonic() > deadline:
                break
            pages.append(read_page(document, number))
    return pages, total


def _read_layer(data: bytes, limits: Limits, seconds: float) -> _RichLayer:
    """Return xberg's pages; none when it fails or takes too long, for pdfium's text is whole."""

    async def read() -> tuple[str, ...]:
        return (await asyncio.wait_for(read_rich(data, Format.PDF, limits), seconds)).pages

    try:
        return _RichLayer(asyncio.run(read()))
    except DocumentError:
        return _RichLayer()
    except TimeoutError:
        return _RichLayer(spent=True)


def _assemble(pages: Sequence[PdfPage | None], rich: Sequence[str]) -> Reading:
    states = [judge_page(page.signs) if page else PageState.BLANK for page in pages]
    return Reading(
        tuple(
            Section(f"Page {number + 1}", _write_page(page, state, rich[number] if rich else ""))
            for number, (page, state) in enumerate(zip(pages, states, strict=True))
        ),
        tuple(_find_scans(pages, states)),
    )


def _find_scans(pages: Sequence[PdfPage | None], states: Sequence[PageState]) -> Iterator[Scan]:
    for number, (page, state) in enumerate(zip(pages, states, strict=True)):
        is_whole = page is not None and page.is_turned and page.silent_pictures
        if state in {PageState.SCAN, PageState.GARBLED} or is_whole:
            yield Scan(number, number)
        elif page is not None:
            yield from (Scan(number, number, box=box) for box in page.silent_pictures)


def _write_page(page: PdfPage | None, state: PageState, rich: str) -> str:
    if page is None or state in {PageState.BLANK, PageState.GARBLED}:
        return ""
    plain = clean_text(_SOFT_BREAK.sub(_join_break, page.signs.text))
    markdown = restore_hyphens(demote_headings(clean_markdown(rich), 2), page.signs.text)
    return markdown if measure_recall(plain, markdown) >= LEAST_RECALL else plain


def _join_break(match: re.Match[str]) -> str:
    """Return a word that was broken at a line's end; a number or a capital keeps its hyphen (OPS-3381)."""
    before, after = match.groups()
    return f"{before}{after}" if after[:1].islower() else f"{before}-{after}"


def restore_hyphens(markdown: str, raw: str) -> str:
    """Return Markdown in which words that the page breaks at a hyphen of their own have it back."""
    for match in islice(_SOFT_BREAK.finditer(raw), MOST_BREAKS):
        joined, kept = "".join(match.groups()), _join_break(match)
        if joined != kept and all(match.groups()):
            markdown = re.sub(rf"\b{re.escape(joined)}\b", kept, markdown)
    return markdown
