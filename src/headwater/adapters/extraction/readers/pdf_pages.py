"""Pages of a PDF through pdfium: text, what they are made of, pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from PIL import Image

from headwater.adapters.extraction.preflight import refuse_locked
from headwater.adapters.extraction.readers.page_triage import PageSigns
from headwater.adapters.extraction.reading import Box
from headwater.domain.errors import DocumentError, FailureType

POINTS_PER_INCH = 72
SCAN_DPI = 200
SCAN_PIXELS = 8e6
PICTURE_SHARE = 0.15
"""Smaller pictures in a page of text are not worth reading."""
MOST_OBJECTS = 20_000
SAMPLED_CHARS = 200
DEEPEST_FORM = 3


@dataclass(frozen=True, slots=True)
class PdfPage:
    """The signs of a page, and the boxes of its large pictures that hold no text of its own.

    The pixels of a page that is shown turned lie otherwise than these boxes.
    """

    signs: PageSigns
    silent_pictures: tuple[Box, ...] = ()
    is_turned: bool = False


@contextmanager
def open_pdf(data: bytes) -> Iterator[pdfium.PdfDocument]:
    """Open a document; ``DocumentError`` ACCESS_DENIED or PARSE_ERROR when it does not open."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if error.err_code in {pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY}:
            raise refuse_locked() from error
        raise DocumentError(
            FailureType.PARSE_ERROR, "The PDF is damaged; print it to a new PDF and upload that."
        ) from error
    try:
        yield document
    finally:
        document.close()


def read_page(document: pdfium.PdfDocument, number: int) -> PdfPage | None:
    """Return a page, counted from 0; ``None`` when the file does not have what it announces."""
    try:
        page = document[number]
    except pdfium.PdfiumError:
        return None
    try:
        return _read_open_page(page)
    except pdfium.PdfiumError:
        return None
    finally:
        page.close()


def render_page(document: pdfium.PdfDocument, number: int, box: Box | None) -> Image.Image:
    """Return a page, or a box in it, in three colours at 200 dpi or less, 8 megapixels at most.

    ``ValueError`` when the page cannot be drawn.
    """
    try:
        page = document[number]
        try:
            return _render_open_page(page, box)
        finally:
            page.close()
    except pdfium.PdfiumError as error:
        raise ValueError(f"page {number} cannot be drawn") from error


def _render_open_page(page: pdfium.PdfPage, box: Box | None) -> Image.Image:
    width, height = page.get_size()
    scale = min(SCAN_DPI / POINTS_PER_INCH, sqrt(SCAN_PIXELS / max(width * height, 1)))
    crop = _margins(page.get_bbox(), box) if box else (0, 0, 0, 0)
    drawn: Image.Image = page.render(scale=scale, crop=crop, rev_byteorder=True).to_pil()
    return drawn.convert("RGB")


def _margins(page: Box, box: Box) -> tuple[float, float, float, float]:
    left, bottom, right, top = page
    cuts = (box[0] - left, box[1] - bottom, right - box[2], top - box[3])
    return tuple(max(0.0, cut) for cut in cuts)  # type: ignore[return-value]


def _read_open_page(page: pdfium.PdfPage) -> PdfPage:
    textpage = page.get_textpage()
    try:
        text = textpage.get_text_bounded()
        pictures, paths = _measure_objects(page)
        signs = PageSigns(text, _share(pictures, page.get_bbox()), paths, _share_unmapped(textpage))
        silent = _find_silent(page, textpage, pictures)
        return PdfPage(signs, silent, is_turned=page.get_rotation() != 0)
    finally:
        textpage.close()


def _measure_objects(page: pdfium.PdfPage) -> tuple[list[tuple[Box, int]], int]:
    """Return the boxes of pictures with their depth, and the number of paths."""
    pictures: list[tuple[Box, int]] = []
    paths = 0
    for count, thing in enumerate(page.get_objects(max_depth=DEEPEST_FORM)):
        if count >= MOST_OBJECTS:
            break
        if thing.type == pdfium_c.FPDF_PAGEOBJ_PATH:
            paths += 1
        elif thing.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            pictures.append((_clip(thing.get_bounds(), page.get_bbox()), thing.level))
    return pictures, paths


def _clip(box: Box, page: Box) -> Box:
    return (
        max(box[0], page[0]),
        max(box[1], page[1]),
        min(box[2], page[2]),
        min(box[3], page[3]),
    )


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _share(pictures: list[tuple[Box, int]], page: Box) -> float:
    return min(1.0, sum(_area(box) for box, _ in pictures) / max(_area(page), 1.0))


def _share_unmapped(textpage: pdfium.PdfTextPage) -> float:
    count = textpage.count_chars()
    if not count:
        return 0.0
    sample = range(0, count, max(1, count // SAMPLED_CHARS))
    errors: int = sum(
        pdfium_c.FPDFText_HasUnicodeMapError(textpage, index) == 1 for index in sample
    )
    return errors / len(sample)


def _find_silent(
    page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, pictures: list[tuple[Box, int]]
) -> tuple[Box, ...]:
    least = PICTURE_SHARE * _area(page.get_bbox())
    large = [box for box, level in pictures if level == 0 and _area(box) >= least]
    return tuple(box for box in large if not textpage.get_text_bounded(*box).strip())
