"""Small charts as numbers: where each bar begins, how long it is, what it says. Drawn by a template."""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from headwater.console.wording import DAY, HOUR, MINUTE

WIDTH: Final = 100.0
"""Of every chart, in its own units."""

SHORTEST_LAG: Final = 1.0
LONGEST_LAG: Final = 30.0 * DAY

TICKS: Final = ((MINUTE, "1 min"), (HOUR, "1 h"), (DAY, "1 day"))


class Amount(NamedTuple):
    """How much there is of something, in words and colour."""

    number: int
    words: str
    tone: str


class Bar(NamedTuple):
    """A piece of a chart."""

    start: float
    length: float
    tone: str


class Tick(NamedTuple):
    """A mark on an axis."""

    place: float
    words: str


def stack_bars(amounts: Iterable[Amount]) -> Sequence[Bar]:
    """Return one bar made of all amounts, each as long as its share; nothing where there is nothing."""
    shown = [amount for amount in amounts if amount.number > 0]
    total = sum(amount.number for amount in shown)
    bars: list[Bar] = []
    before = 0
    for amount in shown:
        bars.append(Bar(WIDTH * before / total, WIDTH * amount.number / total, amount.tone))
        before += amount.number
    return bars


def place_lag(seconds: float) -> float:
    """Return where a time span stands on the axis from a second to thirty days, by its logarithm."""
    kept = min(max(seconds, SHORTEST_LAG), LONGEST_LAG)
    return WIDTH * (math.log(kept / SHORTEST_LAG) / math.log(LONGEST_LAG / SHORTEST_LAG))


def mark_lags() -> Sequence[Tick]:
    """Return the marks of that axis."""
    return [Tick(place_lag(seconds), words) for seconds, words in TICKS]
