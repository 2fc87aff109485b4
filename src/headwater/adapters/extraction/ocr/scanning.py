"""The OCR of pages of a PDF and frames of an image."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image

from headwater.adapters.extraction.ocr.engine import Pixels, recognize
from headwater.adapters.extraction.ocr.reading_order import order_text
from headwater.adapters.extraction.readers.images import open_image, select_frame
from headwater.adapters.extraction.readers.pdf_pages import open_pdf, render_page
from headwater.adapters.extraction.reading import Box, ScannedText
from headwater.adapters.extraction.sniffing import is_pdf

Place = tuple[int, Box | None]
"""A page or frame, and a box in it or ``None`` for the whole."""

Draw = Callable[[Place], Image.Image]

DAMAGE = (OSError, ValueError, SyntaxError, EOFError)
"""What Pillow and pdfium raise for pixels that are not there."""


def read_scans(data: bytes, places: Sequence[Place]) -> list[ScannedText]:
    """Return the text at each place; one that cannot be made into pixels is damaged, and no other.

    ``DocumentError`` when the file itself does not open.
    """
    if is_pdf(data):
        with open_pdf(data) as document:
            return list(_read(places, lambda place: render_page(document, *place)))
    with open_image(data) as image:
        return list(_read(places, lambda place: select_frame(image, place[0])))


def _read(places: Sequence[Place], draw: Draw) -> Iterator[ScannedText]:
    for place in places:
        try:
            drawn = draw(place)
        except DAMAGE:
            yield ScannedText("", 0.0, damaged=True)
        else:
            yield read_pixels(_to_pixels(drawn))


def read_pixels(pixels: Pixels) -> ScannedText:
    """Return the text of an image in reading order, with its confidence."""
    found = recognize(pixels)
    return ScannedText(order_text(found.words), round(found.confidence, 4))


def _to_pixels(image: Image.Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])
