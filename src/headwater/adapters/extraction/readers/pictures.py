"""The pictures inside Office documents and books: scans of which nobody knows what they show."""

import io
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.readers.images import open_image
from headwater.adapters.extraction.reading import (
    PICTURES,
    SCAN_BEYOND_LIMIT,
    Reading,
    Scan,
    Section,
    add_losses,
)
from headwater.domain.errors import DocumentError

PIXEL_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"})
VECTOR_SUFFIXES = frozenset({".emf", ".wmf", ".svm"})
"""Drawings as instructions to a printer, which nothing here can draw."""

PREVIEWS = ("docProps/", "Thumbnails/")
"""Pictures of the document itself."""

SMALLEST_SIDE = 32
SMALLEST_AREA = 5_000
"""Below this many pixels a picture is a bullet, a logo or a line."""

LOST = "picture not read"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures worth reading by their names in the package, and those that are lost, by reason."""

    found: dict[str, bytes]
    losses: dict[str, int]


def find_pictures(data: bytes, limits: Limits) -> Pictures:
    """Return the pictures of a package, each once, up to the limits of number and size."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [item for item in archive.infolist() if not item.filename.startswith(PREVIEWS)]
        drawings = sum(_suffix(item) in VECTOR_SUFFIXES for item in members)
        pictures = [item for item in members if _suffix(item) in PIXEL_SUFFIXES]
        within = list(_take_within(pictures, limits))
        judged = {item.filename: _read_picture(archive, item, limits) for item in within}
    lost = {
        LOST: drawings + sum(data is None for data in judged.values()),
        SCAN_BEYOND_LIMIT: len(pictures) - len(within),
    }
    found = {name: data for name, data in judged.items() if data}
    return Pictures(found, {name: count for name, count in lost.items() if count})


def add_pictures(reading: Reading, data: bytes, limits: Limits) -> Reading:
    """Return the reading with a last section for the pictures of its package."""
    return place_pictures(reading, find_pictures(data, limits), {})


def place_pictures(
    reading: Reading, pictures: Pictures, by_section: Mapping[int, Collection[str]]
) -> Reading:
    """Return the reading with the pictures beside the sections that show them, the rest at the end."""
    left = dict.fromkeys(pictures.found)
    placed: list[tuple[int, str]] = []
    for section, names in by_section.items():
        mine = [name for name in names if name in left]
        placed += [(section, name) for name in mine]
        left = {name: None for name in left if name not in mine}
    sections = (*reading.sections, Section(PICTURES, "")) if left else reading.sections
    placed += [(len(reading.sections), name) for name in left]
    first = len(reading.images) + 1
    scans = (Scan(at, 0, first + n, beside=True) for n, (at, _) in enumerate(placed))
    return replace(
        reading,
        sections=sections,
        scans=(*reading.scans, *scans),
        images=(*reading.images, *(pictures.found[name] for _, name in placed)),
        losses=add_losses(reading.losses, pictures.losses),
    )


def _suffix(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename).suffix.lower()


def _take_within(members: list[zipfile.ZipInfo], limits: Limits) -> Iterator[zipfile.ZipInfo]:
    total = 0
    for member in members[: limits.pictures]:
        total += member.file_size
        if total > limits.picture_bytes:
            return
        yield member


def _read_picture(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits
) -> bytes | None:
    """Return the picture, nothing (``b""``) for one too small to hold a word, ``None`` for a lost one."""
    try:
        data = archive.read(member)
        with open_image(data) as image:
            width, height = image.size
    except (DocumentError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError):
        return None
    if width * height > limits.image_pixels:
        return None
    is_small = min(width, height) < SMALLEST_SIDE or width * height < SMALLEST_AREA
    return b"" if is_small else data
