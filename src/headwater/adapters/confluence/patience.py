"""How long to wait for Confluence, and how often to try again.

Not a retry library: what Confluence says about when to come back must be believed within bounds, and
holds for all requests to the site, which ``governor`` sees to.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

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
    """Where Confluence does not say how long, or says what nobody can mean."""
    budget: float = 3900.0
    """What one request may wait in all between its tries; also the longest pause that it sits out.

    A little over an hour for jobs: Confluence's quotas are counted by the hour.
    """
    turn: float | None = None
    """The longest wait for a turn beside other requests, pauses included; ``None``: as it takes."""

    def length_of_pause(self, retry_after: float | None, setbacks: int, dice: float) -> float:
        """Return the seconds that a throttling site is left alone.

        What it asks for is believed up to an hour, the longest that its quotas need; never less than
        what the row of setbacks suggests, and spread so that processes do not march in step.
        """
        backoff = self.backoff(setbacks, dice)
        if not retry_after:
            return backoff
        if retry_after > LONGEST_BELIEVED:
            return self.longest_wait
        return max(retry_after + dice, backoff)

    def backoff(self, failures: int, dice: float) -> float:
        """Return the seconds to wait after so many failures in a row (at least 1)."""
        wait = self.first_wait * 2.0 ** min(max(failures, 1) - 1, 30) * (0.5 + dice / 2)
        return min(wait, self.longest_wait)


LONGEST_BELIEVED: Final = 3600.0
"""Seconds. Confluence's quotas are hourly; a blocked account is told 9223372036854775807."""

PATIENT = Patience()
"""For jobs."""
PROMPT = Patience(attempts=2, longest_wait=5.0, budget=10.0, turn=10.0)
"""For calls that somebody is waiting for."""


class TransientError(Exception):
    """One try failed in a way that another may not; ``final`` is raised when there is no other."""

    def __init__(
        self,
        final: SourceUnreachableError,
        *,
        throttled: bool = False,
        retry_after: float | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(str(final))
        self.final = final
        self.throttled = throttled
        self.retry_after = retry_after
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Timing:
    """The outside world's clock, sleep, dice and watch; tests bring their own."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    dice: Callable[[], float] = random.random
    watch: Callable[[], float] = time.monotonic
    """Seconds that nobody can set."""

    def steady(self) -> datetime:
        """Return the present by the watch: a moment of no date, to be compared with others of its kind."""
        return _NO_DATE + timedelta(seconds=self.watch())


_NO_DATE: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Retries:
    """What one request has used up of its patience."""

    patience: Patience
    failures: int = 0
    waited: float = 0.0

    def sit_out(self, trouble: TransientError, pause: float) -> None:
        """Take note of a pause of so many seconds; raises the trouble's ``final`` if that is too long."""
        self._spend(trouble, pause)

    def next_wait(self, trouble: TransientError, dice: float) -> float:
        """Return the seconds until the next try; raises the trouble's ``final`` when patience ends."""
        self.failures += not trouble.throttled
        if self.failures >= self.patience.attempts:
            raise trouble.final from trouble
        wait = self.patience.backoff(self.failures, dice)
        self._spend(trouble, wait)
        return wait

    def _spend(self, trouble: TransientError, wait: float) -> None:
        if self.waited + wait > self.patience.budget:
            trouble.final.retry_after = float(math.ceil(wait))
            raise trouble.final from trouble
        self.waited += wait


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for: a number, or an HTTP date (RFC 9110).

    ``now`` is what the sender's clock says. ``None`` for an absent header and for nonsense; never
    negative, never more than a year.
    """
    if text is None:
        return None
    seconds = _parse_seconds(text.strip())
    if seconds is None:
        moment = parse_date(text)
        seconds = (moment - now).total_seconds() if moment else None
    return None if seconds is None else min(max(seconds, 0.0), 31_536_000.0)


def _parse_seconds(text: str) -> float | None:
    digits = text.partition(".")[0]
    if not (digits.isascii() and digits.lstrip("-").isdigit()):
        return None
    return float(digits[:20])


def parse_date(text: str) -> datetime | None:
    """Return the moment of an HTTP date; ``None`` for what is none."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
