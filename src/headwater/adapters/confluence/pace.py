"""How fast a site may be asked: how many requests at once, and how far apart. Decisions only.

What the headers mean: https://developer.atlassian.com/cloud/confluence/rate-limiting/ for Cloud, and
https://confluence.atlassian.com/doc/adjusting-your-code-for-rate-limiting-992679052.html for Data Center.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

CEILING: Final = 8
"""The most requests in flight to one site: throttling was seen from about 20 on, and 10 is advised."""
_START: Final = 4
_ANSWERS_TO_GROW: Final = 20
_TIMEOUTS_TO_SHRINK: Final = 2
_SHORT: Final = 0.2
"""The part of a quota from which Cloud calls it nearly used up; taken for Data Center likewise."""
_LONGEST_HORIZON: Final = 3600.0
_UNKNOWN_HORIZON: Final = 60.0
_LONGEST_INTERVAL: Final = 10.0
_UNKNOWN_INTERVAL: Final = 1.0


@dataclass(slots=True)
class Pace:
    """How many requests may be in flight: one more after a good while, half as many after a setback.

    Requests carry the ``era`` they were started in. What was sent before a setback and fails after it
    belongs to that setback and is not counted again.
    """

    ceiling: int = CEILING
    window: int = field(init=False)
    era: int = field(default=0, init=False)
    """How often the site has throttled anybody: one more with each setback."""
    setbacks: int = field(default=0, init=False)
    """Since the last good answer: how often in a row the site has said no."""
    _good: int = field(default=0, init=False)
    _timeouts: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.window = min(_START, self.ceiling)

    def adopt(self, era: int, window: int) -> None:
        """Go on at the pace that other processes found: of the latest era, its widest window."""
        if (era, window) > (self.era, self.window):
            self._good = self._timeouts = 0
            self.setbacks += era > self.era
            self.era, self.window = era, min(window, self.ceiling)

    def note_answer(self, era: int, *, was_full: bool, askers: int = 1) -> None:
        """Count a good answer; only one to a full house says that there is room for more.

        Of several ``askers`` each has its part of the good while.
        """
        self._timeouts = 0
        if era != self.era:
            return
        self.setbacks = 0
        self._good += was_full
        if self._good * askers >= _ANSWERS_TO_GROW:
            self._good = 0
            self.window = min(self.window + 1, self.ceiling)

    def note_throttling(self, era: int) -> None:
        """Halve, unless the request is of an earlier era."""
        self._good = 0
        if era == self.era:
            self.era += 1
            self.setbacks += 1
            self._timeouts = 0
            self.window = max(self.window // 2, 1)

    def note_timeout(self, era: int) -> None:
        """Halve after some timeouts in a row: one alone may be the request's own fault."""
        self._good = 0
        self._timeouts += era == self.era
        if self._timeouts >= _TIMEOUTS_TO_SHRINK:
            self.note_throttling(era)

    def note_failure(self) -> None:
        """Start the good while anew: the request failed for reasons of its own."""
        self._good = 0


@dataclass(frozen=True, slots=True)
class Spacing:
    """Seconds between the starts of two requests, and until when; 0 where nothing is short."""

    interval: float
    until: datetime


def read_spacing(headers: Mapping[str, str], now: datetime) -> Spacing | None:
    """Return what an answer's quota headers (names in lower case) ask for; ``None`` if they are silent.

    Never more than ten seconds apart and never for longer than an hour, whatever they say.
    """
    quota = _Quota.read(headers)
    if quota.remaining is None and quota.near is None:
        return None
    if not quota.is_short:
        return Spacing(0.0, now)
    horizon = _horizon(headers.get("x-ratelimit-reset"), quota, now)
    interval = min(quota.interval(horizon), _LONGEST_INTERVAL)
    return Spacing(interval, now + timedelta(seconds=horizon))


@dataclass(frozen=True, slots=True)
class _Quota:
    """What is left; ``refill`` is Data Center's: seconds until one more request is allowed."""

    limit: int | None
    remaining: int | None
    near: bool | None
    refill: float | None

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> "_Quota":
        def number(name: str) -> int | None:
            return _read_number(headers.get(f"x-ratelimit-{name}", ""))

        seconds, fill = number("interval-seconds"), number("fillrate")
        near = headers.get("x-ratelimit-nearlimit", "").strip().lower()
        return cls(
            limit=number("limit"),
            remaining=number("remaining"),
            near={"true": True, "false": False}.get(near),
            refill=seconds / fill if seconds is not None and fill else None,
        )

    @property
    def is_short(self) -> bool:
        if self.near is not None:
            return self.near
        return bool(self.limit) and (self.remaining or 0) < (self.limit or 0) * _SHORT

    def interval(self, horizon: float) -> float:
        if self.refill is not None:
            return self.refill
        if self.remaining is None:
            return _UNKNOWN_INTERVAL
        return horizon / max(self.remaining, 1)


def _horizon(reset: str | None, quota: _Quota, now: datetime) -> float:
    """Return the seconds until there is plenty again."""
    seconds = _seconds_until(reset, now)
    if seconds is None and quota.refill is not None:
        seconds = max((quota.limit or 0) - (quota.remaining or 0), 1) * quota.refill
    if seconds is None:
        seconds = _UNKNOWN_HORIZON
    return min(max(seconds, 0.0), _LONGEST_HORIZON)


def _seconds_until(text: str | None, now: datetime) -> float | None:
    """Read an ISO 8601 moment; Confluence leaves out the seconds at times."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()


def _read_number(text: str) -> int | None:
    text = text.strip()
    return int(text[:18]) if text.isascii() and text.isdigit() else None
