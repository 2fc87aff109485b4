"""The OCR of pages of a PDF and frames of an image."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from headwater.adapters.extraction.ocr.engine import Pixels, recognize
from headwater.adapters.extraction.ocr.reading_order import order_text
from headwater.adapters.extraction.readers.images import open_image, select_frame
from headwater.adapters.extraction.readers.pdf_pages import open_pdf, render_page
from headwater.adapters.extraction.reading import Box, ScannedText
from headwater.adapters.extraction.sniffing import is_pdf
from headwater.domain.errors import DocumentError, FailureType


def read_scans(data: bytes, places: Sequence[tuple[int, Box | None]]) -> list[ScannedText]:
    """Return the text at each place: a page, and a box in it or ``None`` for the whole.

    ``DocumentError`` OCR_FAILED when a page cannot be made into pixels.
    """
    if is_pdf(data):
        with open_pdf(data) as document:
            return [read_pixels(_to_pixels(render_page(document, *place))) for place in places]
    with open_image(data) as image:
        return [read_pixels(_to_pixels(_take_frame(image, page))) for page, _ in places]


def read_pixels(pixels: Pixels) -> ScannedText:
    """Return the text of an image in reading order, with its confidence."""
    found = recognize(pixels)
    return ScannedText(order_text(found.words), round(found.confidence, 4))


def _take_frame(image: Image.Image, page: int) -> Image.Image:
    try:
        return select_frame(image, page)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise DocumentError(
            FailureType.OCR_FAILED, "The image is damaged; save it again and upload it."
        ) from error


def _to_pixels(image: Image.Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])
