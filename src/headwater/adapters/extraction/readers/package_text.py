"""Words that stand in a package's side parts: text boxes and charts of a workbook, its comments, charts of a document."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from headwater.adapters.extraction.limits import MIB
from headwater.adapters.extraction.rich_text import clean_text, one_line

SIDE_PARTS = re.compile(
    r"xl/(drawings/drawing|charts/chart|comments|comments/comment|threadedComments/threadedComment)\d*\.xml"
    r"|word/charts/chart\d*\.xml"
)
LINES = frozenset({"p", "pt", "comment", "threadedComment"})
_REPEATED = re.compile(r"\[Threaded comment\]|[-+]?[\d.]+(E[-+]?\d+)?$")
"""What stands elsewhere: a threaded comment's copy for old programs, the numbers behind a chart."""
LARGEST_PART = 10 * MIB


@dataclass(frozen=True, slots=True)
class SideText:
    """What stands beside a document's own text, and how many parts of it could not be read."""

    text: str
    lost: int


def read_side_parts(data: bytes, known: str) -> SideText:
    """Return the lines of text boxes, charts and comments that ``known`` does not hold, once each."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            named = [item for item in archive.infolist() if SIDE_PARTS.fullmatch(item.filename)]
            read = [_read_part(archive, item) for item in named]
    except zipfile.BadZipFile:
        return SideText("", 0)  # no package at all: the main reader says what it is
    parts = [part for part in read if part is not None]
    found = dict.fromkeys(line for part in parts for line in _read_lines(part))
    seen = one_line(known)
    text = clean_text("\n".join(line for line in found if line not in seen))
    return SideText(text, len(named) - len(parts))


def _read_part(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | None:
    if member.file_size > LARGEST_PART:
        return None
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError):
        return None


def _read_lines(part: bytes) -> Iterator[str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    root = etree.fromstring(part, parser)
    if root is None:
        return
    for element in root.iter(etree.Element):
        if etree.QName(element).localname in LINES:
            line = one_line("".join(_texts(element)))
            if line and not _REPEATED.match(line):
                yield line


def _texts(element: etree._Element) -> Iterator[str]:
    return (text for text in element.itertext() if isinstance(text, str))
