"""How values read on a page: the filters of every template."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400


def count(number: int) -> str:
    """Return a number with its thousands set apart."""
    return f"{number:,}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: ``1 page``, ``2 pages``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(value: datetime) -> str:
    """Return a time in UTC, as long as it has to be."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def machine_moment(value: datetime) -> str:
    """Return a time as the ``datetime`` attribute takes it."""
    return value.astimezone(UTC).isoformat(timespec="seconds")


def duration(seconds: float) -> str:
    """Return a time span in its two largest units."""
    whole = max(0, round(seconds))
    for size, large, small, part in ((DAY, "d", "h", HOUR), (HOUR, "h", "min", MINUTE)):
        if whole >= size:
            return f"{whole // size} {large} {whole % size // part} {small}"
    return f"{whole // MINUTE} min {whole % MINUTE} s" if whole >= MINUTE else f"{whole} s"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "count": count,
    "plural": plural,
    "moment": moment,
    "machine_moment": machine_moment,
    "duration": duration,
}
