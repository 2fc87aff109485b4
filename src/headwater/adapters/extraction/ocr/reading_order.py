"""From boxes of text to lines and columns in the order in which people read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, cos, sin
from statistics import median

CELL_GAP = 1.5
"""Pieces of a line further apart than this many line heights are cells of a table."""
COLUMN_GAP = 0.8
COLUMN_LINES = 4
COLUMN_WIDTH = 8.0
"""A gutter has this many lines on each side, at least so wide (in line heights) at the median."""
SAME_LINE = 0.5
"""Boxes whose heights overlap by this share of the smaller one stand on one line."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of recognised text: corners clockwise from its own top left, x to the right, y down."""

    text: str
    corners: tuple[Point, Point, Point, Point]


@dataclass(frozen=True, slots=True)
class _Span:
    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top


def order_text(words: Sequence[Word]) -> str:
    """Return the text line by line: the page straightened, columns one after the other."""
    spans = _straighten([word for word in words if word.text.strip()])
    return "\n\n".join(_write_block(block) for block in _split_columns(spans))


def _straighten(words: Sequence[Word]) -> list[_Span]:
    if not words:
        return []
    angle = median(_angle(word) for word in words)
    turn = (cos(-angle), sin(-angle))
    return [_make_span(word, turn) for word in words]


def _angle(word: Word) -> float:
    (left, top), (right, other_top) = word.corners[0], word.corners[1]
    return atan2(other_top - top, right - left)


def _make_span(word: Word, turn: Point) -> _Span:
    cosine, sine = turn
    xs = [x * cosine - y * sine for x, y in word.corners]
    ys = [x * sine + y * cosine for x, y in word.corners]
    return _Span(word.text.strip(), min(xs), min(ys), max(xs), max(ys))


def _split_columns(spans: list[_Span]) -> list[list[_Span]]:
    """Return blocks in reading order; a block is cut where a gutter runs through it."""
    if not spans:
        return []
    gutter = _find_gutter(spans)
    if gutter is None:
        return [spans]
    top, bottom, middle = gutter
    above = [span for span in spans if _center(span) < top]
    below = [span for span in spans if _center(span) > bottom]
    inside = [span for span in spans if top <= _center(span) <= bottom]
    left = [span for span in inside if span.right <= middle]
    right = [span for span in inside if span.right > middle]
    return [block for part in (above, left, right, below) for block in _split_columns(part)]


def _find_gutter(spans: Sequence[_Span]) -> tuple[float, float, float] | None:
    """Return top, bottom and x of the tallest empty strip between two columns of running text."""
    height = median(span.height for span in spans)
    found = [
        strip
        for middle in _candidates(spans, height)
        for strip in _strips(spans, middle, height)
        if _divides_prose(spans, strip, height)
    ]
    return max(found, key=lambda strip: strip[1] - strip[0], default=None)


def _candidates(spans: Sequence[_Span], height: float) -> list[float]:
    """Return where a column may begin: shared left edges, a little before them."""
    lefts = sorted(span.left for span in spans)
    step = max(height, 1.0)
    places = {round(left / step) for left in lefts}
    return [
        min(near) - COLUMN_GAP * height / 2
        for place in sorted(places)
        if len(near := [left for left in lefts if abs(left / step - place) <= 1]) >= COLUMN_LINES
    ]


def _strips(
    spans: Sequence[_Span], middle: float, height: float
) -> list[tuple[float, float, float]]:
    """Return the parts of the page where nothing crosses the vertical line at ``middle``."""
    reach = COLUMN_GAP * height / 2
    crossing = sorted(
        _center(span)
        for span in spans
        if span.left < middle + reach * 0.5 and span.right > middle - reach * 0.5
    )
    edges = [min(span.top for span in spans), *crossing, max(span.bottom for span in spans)]
    return [(top + 0.1, bottom - 0.1, middle) for top, bottom in pairwise(edges)]


def _divides_prose(
    spans: Sequence[_Span], strip: tuple[float, float, float], height: float
) -> bool:
    top, bottom, middle = strip
    inside = [span for span in spans if top <= _center(span) <= bottom]
    sides = (
        [span for span in inside if span.right <= middle],
        [span for span in inside if span.right > middle],
    )
    return all(_is_column(side, height) for side in sides)


def _is_column(spans: Sequence[_Span], height: float) -> bool:
    if len(spans) < COLUMN_LINES:
        return False
    return median(span.right - span.left for span in spans) >= COLUMN_WIDTH * height


def _center(span: _Span) -> float:
    return (span.top + span.bottom) / 2


def _write_block(spans: Sequence[_Span]) -> str:
    return "\n".join(_write_line(line) for line in _group_lines(spans))


def _group_lines(spans: Sequence[_Span]) -> list[list[_Span]]:
    lines: list[list[_Span]] = []
    for span in sorted(spans, key=_center):
        if lines and _overlaps(lines[-1][-1], span):
            lines[-1].append(span)
        else:
            lines.append([span])
    return lines


def _overlaps(one: _Span, other: _Span) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared > SAME_LINE * min(one.height, other.height)


def _write_line(line: Sequence[_Span]) -> str:
    ordered = sorted(line, key=lambda span: span.left)
    pieces = [ordered[0].text]
    for before, span in pairwise(ordered):
        gap = span.left - before.right
        pieces.append((" | " if gap > CELL_GAP * span.height else " ") + span.text)
    return "".join(pieces)
