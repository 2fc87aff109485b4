"""Images: how many frames they have, and their pixels for OCR."""

import io
from math import sqrt

from PIL import Image, ImageOps, UnidentifiedImageError

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.reading import Reading, Scan, Section
from headwater.domain.errors import DocumentError, FailureType

SCAN_PIXELS = 8_000_000
"""OCR gains nothing from more."""
FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP")
DAMAGE = (UnidentifiedImageError, OSError, ValueError, SyntaxError)
"""What Pillow raises for an image that does not open."""

MOST_FRAMES = 1_000
MOST_FRAME_PIXELS = 100_000_000
"""Of the frames after the first, whose size is checked when the file is read."""
SMALLEST_SIDE = 12
"""Below this many pixels no letter is legible."""


def read_image(data: bytes, limits: Limits) -> Reading:
    """Return an image as scans: one for each frame of a TIFF, one for any other (also a moving GIF).

    ``DocumentError`` FILE_TOO_LARGE for more pixels than are decoded.
    """
    with open_image(data) as image:
        width, height = image.size
        if width * height > limits.image_pixels:
            raise _too_many_pixels(limits)
        if min(width, height) < SMALLEST_SIDE:
            return Reading()
        total = _count_frames(image)
    frames = min(total, MOST_FRAMES)
    headings = ["" if frames == 1 else f"Page {frame + 1}" for frame in range(frames)]
    return Reading(
        tuple(Section(heading, "") for heading in headings),
        tuple(Scan(frame, frame) for frame in range(frames)),
        truncated=total > frames,
    )


def open_image(data: bytes) -> Image.Image:
    """Return the image, not decoded yet; ``DocumentError`` PARSE_ERROR when it is none."""
    Image.MAX_IMAGE_PIXELS = None  # the size is checked from the header, by our own limit
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except DAMAGE as error:
        raise DocumentError(
            FailureType.PARSE_ERROR, "The image is damaged; save it again and upload it."
        ) from error


def select_frame(image: Image.Image, frame: int) -> Image.Image:
    """Return a frame in three colours, upright by its camera's word, on white, and not too large."""
    image.seek(frame)
    width, height = image.size
    if width * height > MOST_FRAME_PIXELS:
        raise ValueError("a frame larger than the first")
    scale = min(1.0, sqrt(SCAN_PIXELS / max(width * height, 1)))
    image.draft("RGB", (int(width * scale), int(height * scale)))
    upright = ImageOps.exif_transpose(image)
    opaque = _paint_on_white(upright)
    opaque.thumbnail((int(opaque.width * scale) or 1, int(opaque.height * scale) or 1))
    return opaque


def _paint_on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")


def _count_frames(image: Image.Image) -> int:
    if image.format != "TIFF":
        return 1
    return int(getattr(image, "n_frames", 1))


def _too_many_pixels(limits: Limits) -> DocumentError:
    return DocumentError(
        FailureType.FILE_TOO_LARGE,
        f"The image has more than {limits.image_pixels / 1e6:.0f} million pixels; make it smaller.",
    )
