"""Sheets that the main reader leaves out because a few cells stand very far apart."""

import io
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, islice

from lxml import etree

from headwater.adapters.extraction.limits import MIB
from headwater.adapters.extraction.readers.plain_text import write_table
from headwater.adapters.extraction.reading import Section
from headwater.adapters.extraction.rich_text import one_line

RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
LARGEST_PART = 100 * MIB
MOST_CELLS = 200_000
DAMAGE = (
    etree.XMLSyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    EOFError,
    KeyError,
    ValueError,
)

Cell = tuple[str, str]
"""Row and text."""


def read_missing_sheets(data: bytes, known: Collection[str]) -> list[Section]:
    """Return the sheets of an XLSX file whose names are not ``known``: their filled cells, row by row.

    Dates and formulas are as they are stored. A damaged file gives none: the caller knows of the loss.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            shared = _read_shared(archive)
            return [
                Section(f"Sheet {one_line(name)}", _write_rows(_read_cells(archive, part, shared)))
                for name, part in _find_sheets(archive)
                if name not in known
            ]
    except DAMAGE:
        return []


def _find_sheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    targets = {
        relation.get("Id"): relation.get("Target", "")
        for relation in _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")
    }
    for sheet in _elements(archive, "xl/workbook.xml", "sheet"):
        target = targets[sheet.get(RELATION)]
        yield (
            sheet.get("name", ""),
            target.lstrip("/") if target.startswith("/") else f"xl/{target}",
        )


def _read_shared(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    return [_text(item) for item in _elements(archive, "xl/sharedStrings.xml", "si")]


def _read_cells(archive: zipfile.ZipFile, part: str, shared: Sequence[str]) -> Iterator[Cell]:
    for cell in islice(_elements(archive, part, "c"), MOST_CELLS):
        row = (cell.get("r") or "").lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        yield row, _read_value(cell, shared)


def _read_value(cell: etree._Element, shared: Sequence[str]) -> str:
    values = [child for child in cell if etree.QName(child).localname in {"v", "is"}]
    text = one_line("".join(_text(value) for value in values))
    return shared[int(text)] if cell.get("t") == "s" and text else text


def _write_rows(cells: Iterator[Cell]) -> str:
    filled = (cell for cell in cells if cell[1])
    rows = groupby(filled, key=lambda cell: cell[0])
    return write_table([[text for _, text in row] for _, row in rows])


def _elements(archive: zipfile.ZipFile, part: str, name: str) -> Iterator[etree._Element]:
    """Yield the elements of that local name, each cleared after its turn."""
    if archive.getinfo(part).file_size > LARGEST_PART:
        return
    with archive.open(part) as stream:
        found = etree.iterparse(stream, tag=f"{{*}}{name}", resolve_entities=False, no_network=True)
        for _, element in found:
            yield element
            element.clear()


def _text(element: etree._Element) -> str:
    return "".join(str(part) for part in element.itertext())
