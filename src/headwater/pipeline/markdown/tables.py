"""Rules for tables: one pipe table each, merged cells repeated, several header rows made one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from headwater.pipeline.markdown.text import escape_cell, flatten_blocks, wrap_emphasis
from headwater.pipeline.markdown.visitor import Rule, Visitor
from headwater.pipeline.storage_names import Element

_MAX_SPAN = 100
"""Cells merged across more columns than this come from no editor."""

_MAX_HEADERS = 5
"""Further header rows stay rows."""

_REPEAT_ALLOWANCE = 20_000
"""Characters that repeating merged cells may add to any table, beside twice what it holds."""

_ROW_GROUPS = ("thead", "tbody", "tfoot")


@dataclass(slots=True)
class _Cell:
    text: str
    is_header: bool
    columns: int
    rows: int


@dataclass(slots=True)
class _Row:
    cells: list[str] = field(default_factory=list)
    is_header: bool = False


def _render_table(table: Element, visitor: Visitor) -> list[str]:
    sources = list(_find_rows(table))
    before = visitor.render_blocks(table, skip=(*_ROW_GROUPS, "tr", "colgroup", "col"))
    cells = [_find_cells(row) for row in sources]
    if sum(map(len, cells)) == 1:
        return [
            *before,
            *(block for cell in chain(*cells) for block in visitor.render_blocks(cell)),
        ]
    strays = [block for row in sources for block in visitor.render_blocks(row, skip=("td", "th"))]
    read = [[_read_cell(cell, visitor) for cell in row] for row in cells]
    headers = [_is_header_row(source, row) for source, row in zip(sources, cells, strict=True)]
    return [*before, *_write_table(_spread(read, headers)), *strays]


def _find_rows(table: Element) -> Iterator[Element]:
    for child in table:
        if child.tag == "tr":
            yield child
        elif child.tag in _ROW_GROUPS:
            yield from child.iterchildren("tr")


def _find_cells(row: Element) -> list[Element]:
    return list(row.iterchildren("td", "th"))


def _is_header_row(row: Element, cells: list[Element]) -> bool:
    parent = row.getparent()
    if parent is not None and parent.tag == "thead":
        return True
    telling = [cell.tag for cell in cells if "numberingColumn" not in cell.get("class", "")]
    return bool(telling) and all(tag == "th" for tag in telling)


def _read_cell(cell: Element, visitor: Visitor) -> _Cell:
    text = escape_cell(flatten_blocks(visitor.render_blocks(cell)))
    return _Cell(text, cell.tag == "th", _read_span(cell, "colspan"), _read_span(cell, "rowspan"))


def _read_span(cell: Element, name: str) -> int:
    value = cell.get(name, "")
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 1  # noqa: PLR2004  (digits)
    return max(1, min(number, _MAX_SPAN if name == "colspan" else 100_000))


class _Allowance:
    """Bounds what repeated cells may add, so that no table grows without end."""

    def __init__(self, rows: list[list[_Cell]]) -> None:
        held = sum(len(cell.text) for row in rows for cell in row)
        self._left = _REPEAT_ALLOWANCE + 2 * held

    def grant(self, text: str) -> bool:
        self._left -= len(text) + 3
        return self._left >= 0


def _spread(rows: list[list[_Cell]], headers: list[bool]) -> list[_Row]:
    allowance = _Allowance(rows)
    hanging: dict[int, tuple[str, int]] = {}
    spread = []
    for cells, is_header in zip(rows, headers, strict=True):
        row = _Row(is_header=is_header)
        for cell in cells:
            _hang(row, hanging, allowance)
            text = cell.text if is_header or not cell.is_header else wrap_emphasis(cell.text, "**")
            _place(row, text, cell, hanging, allowance)
        _hang(row, hanging, allowance)
        spread.append(row)
    return spread


def _place(
    row: _Row, text: str, cell: _Cell, hanging: dict[int, tuple[str, int]], allowance: _Allowance
) -> None:
    for copy in range(cell.columns):
        if copy and not allowance.grant(text):
            return
        if cell.rows > 1:
            hanging[len(row.cells)] = (text, cell.rows - 1)
        row.cells.append(text)


def _hang(row: _Row, hanging: dict[int, tuple[str, int]], allowance: _Allowance) -> None:
    """Fill the columns that a cell from a row above reaches into."""
    while len(row.cells) in hanging:
        column = len(row.cells)
        text, left = hanging.pop(column)
        if not allowance.grant(text):
            return
        if left > 1:
            hanging[column] = (text, left - 1)
        row.cells.append(text)


def _write_table(rows: list[_Row]) -> list[str]:
    filled = [row for row in rows if any(row.cells)]
    if not filled:
        return []
    count = _count_headers(filled)
    width = max(len(row.cells) for row in filled)
    header = _merge_headers(filled[:count], width)
    lines = [_write_row(header), f"|{' --- |' * width}"]
    return ["\n".join([*lines, *(_write_row(row.cells) for row in filled[count:])])]


def _count_headers(rows: list[_Row]) -> int:
    count = next((place for place, row in enumerate(rows) if not row.is_header), len(rows))
    return min(count, _MAX_HEADERS) if count < len(rows) else 1


def _merge_headers(rows: list[_Row], width: int) -> list[str]:
    columns = ([row.cells[at] for row in rows if at < len(row.cells)] for at in range(width))
    return [" / ".join(dict.fromkeys(filter(None, column))) for column in columns]


def _write_row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _render_lone_part(element: Element, visitor: Visitor) -> list[str]:
    """Render a row or cell that damage has left without its table."""
    return visitor.render_blocks(element)


TABLE_RULES: dict[str, Rule] = {
    "table": _render_table,
    **dict.fromkeys((*_ROW_GROUPS, "tr", "td", "th"), _render_lone_part),
}
