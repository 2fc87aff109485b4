"""How values read on a page: the filters of every template."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
TEN: Final = 10
KIBI: Final = 1_024


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


def clock(value: datetime) -> str:
    """Return the time of day, to the second."""
    return f"{value.astimezone(UTC):%H:%M:%S} UTC"


def rate(number: float) -> str:
    """Return a rate with as many digits as say something."""
    return f"{number:,.0f}" if number >= TEN else f"{number:.1f}"


def size(number: int) -> str:
    """Return a number of bytes in the largest unit that fits."""
    for unit in ("bytes", "KiB", "MiB"):
        if number < KIBI:
            return f"{number:,.0f} {unit}"
        number //= KIBI
    return f"{number:,.0f} GiB"


def words(name: str) -> str:
    """Return a name of ours as words: ``before_last_sync``, ``before last sync``."""
    return name.replace("_", " ")


def weblink(url: str) -> str:
    """Return a link that may be offered; empty for what is no web address, such as ``javascript:``."""
    return url if url.startswith(("https://", "http://")) else ""


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "count": count,
    "plural": plural,
    "moment": moment,
    "machine_moment": machine_moment,
    "duration": duration,
    "clock": clock,
    "rate": rate,
    "size": size,
    "words": words,
    "weblink": weblink,
}
