"""How long to wait for Confluence, and how to hold every request back while it throttles.

Not a retry library: a throttled account must stop as a whole, what Confluence says about when to come
back must be believed within bounds, and the waiting must be visible while it lasts.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from headwater.domain.errors import SourceUnreachableError

WaitListener = Callable[[datetime | None], None]
"""Told until when everything waits, and ``None`` when it goes on."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to try again. Seconds throughout."""

    attempts: int = 4
    """Tries of one request that meets connection trouble or a server error."""
    first_wait: float = 0.5
    longest_wait: float = 300.0
    """A longer ``Retry-After`` is cut to this; then it is asked again."""
    budget: float = 900.0
    """What one request may wait in all, throttling included."""


PATIENT = Patience()
"""For jobs."""
PROMPT = Patience(attempts=2, longest_wait=5.0, budget=10.0)
"""For calls that somebody is waiting for."""


class TransientError(Exception):
    """One try failed in a way that another may not; ``final`` is raised when there is no other."""

    def __init__(
        self,
        final: SourceUnreachableError,
        *,
        throttled: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(str(final))
        self.final = final
        self.throttled = throttled
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Timing:
    """The outside world's clock, sleep and dice; tests bring their own."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    dice: Callable[[], float] = random.random


@dataclass(slots=True)
class Retries:
    """What one request has used up of its patience."""

    patience: Patience
    failures: int = 0
    throttles: int = 0
    waited: float = 0.0

    def next_wait(self, trouble: TransientError, dice: float) -> float:
        """Return the seconds until the next try; raises the trouble's ``final`` when patience ends."""
        if trouble.throttled:
            self.throttles += 1
        else:
            self.failures += 1
        wait = self._length(trouble, dice)
        if self.failures >= self.patience.attempts or self.waited + wait > self.patience.budget:
            raise trouble.final from trouble
        self.waited += wait
        return wait

    def _length(self, trouble: TransientError, dice: float) -> float:
        """Return the longer of backoff and ``Retry-After``, spread so that callers do not march in step."""
        exponent = min(self.failures + self.throttles - 1, 30)
        backoff = self.patience.first_wait * 2.0**exponent * (0.5 + dice / 2)
        asked = trouble.retry_after or 0.0
        spread = asked + dice if asked else 0.0
        return min(max(backoff, spread), self.patience.longest_wait)


class Gate:
    """Holds every request of a source back while Confluence throttles, and says so."""

    def __init__(self, timing: Timing, on_wait: WaitListener | None = None) -> None:
        self._timing = timing
        self._on_wait = on_wait
        self._opens: datetime | None = None

    def close(self, seconds: float) -> None:
        """Let nothing pass for so many seconds; a longer wait already running stays."""
        opens = self._timing.now() + timedelta(seconds=seconds)
        if self._opens is None or opens > self._opens:
            self._opens = opens
            self._tell(opens)

    async def wait(self) -> None:
        """Return as soon as requests may pass."""
        while self._opens is not None:
            seconds = (self._opens - self._timing.now()).total_seconds()
            if seconds <= 0:
                self._opens = None
                self._tell(None)
            else:
                await self._timing.sleep(seconds)

    def _tell(self, until: datetime | None) -> None:
        if self._on_wait is not None:
            self._on_wait(until)


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for: a number, or an HTTP date (RFC 9110).

    ``None`` for an absent header and for nonsense; never negative, never more than a year.
    """
    if text is None:
        return None
    seconds = _parse_seconds(text.strip())
    if seconds is None:
        seconds = _seconds_until(text, now)
    return None if seconds is None else min(max(seconds, 0.0), 31_536_000.0)


def _parse_seconds(text: str) -> float | None:
    digits = text.partition(".")[0]
    if not (digits.isascii() and digits.lstrip("-").isdigit()):
        return None
    return float(digits[:20])


def _seconds_until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()
