"""Words that stand in a package's side parts: text boxes and charts of a workbook, its comments, charts of a document."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

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


def read_side_parts(data: bytes, known: str) -> str:
    """Return the lines of text boxes, charts and comments that ``known`` does not hold, once each."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [archive.read(member) for member in _find_parts(archive)]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError):
        return ""  # the main reader stood this file; its side parts are beyond repair
    found = dict.fromkeys(line for part in parts for line in _read_lines(part))
    seen = one_line(known)
    return clean_text("\n".join(line for line in found if line not in seen))


def _find_parts(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    for member in archive.infolist():
        if SIDE_PARTS.fullmatch(member.filename) and member.file_size <= LARGEST_PART:
            yield member


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
