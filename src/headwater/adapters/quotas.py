"""How much a tenant may take of this process: requests in a minute, event streams at once."""

import math
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Final, TypeVar

from headwater.domain.errors import TooManyRequestsError, TooManyStreamsError
from headwater.domain.ids import TenantId

WINDOW: Final = 60.0
"""Seconds."""

MAX_IDLE: Final = 1_024
"""Tenants remembered before the idle ones are dropped."""

STREAMS_PER_TENANT: Final = 50
"""An event stream lasts as long as its job."""

STREAM_SECONDS: Final = 5.0
"""When somebody who follows too many jobs may try again."""

T = TypeVar("T")


class RateLimiter:
    """Admits ``limit`` requests of each tenant in any 60 seconds."""

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._admitted: dict[TenantId, deque[float]] = {}
        self._crowded = MAX_IDLE

    def admit(self, tenant: TenantId) -> None:
        """Count a request; ``TooManyRequestsError`` when the minute is full."""
        now = self._clock()
        recent = self._recent(tenant, now)
        if len(recent) >= self._limit:
            raise _refusal(self._limit, recent[0] + WINDOW - now)
        recent.append(now)

    def _recent(self, tenant: TenantId, now: float) -> deque[float]:
        if len(self._admitted) > self._crowded:
            self._drop_idle(now)
        recent = self._admitted.setdefault(tenant, deque())
        while recent and recent[0] <= now - WINDOW:
            recent.popleft()
        return recent

    def _drop_idle(self, now: float) -> None:
        self._admitted = {
            tenant: times
            for tenant, times in self._admitted.items()
            if times and times[-1] > now - WINDOW
        }
        self._crowded = max(MAX_IDLE, 2 * len(self._admitted))


def _refusal(limit: int, wait: float) -> TooManyRequestsError:
    seconds = max(1, math.ceil(wait))
    message = f"over {limit} requests in a minute; try again in {seconds} s"
    return TooManyRequestsError(message, retry_after=seconds)


class OpenStreams:
    """Counts the event streams that each tenant follows."""

    def __init__(self, limit: int = STREAMS_PER_TENANT) -> None:
        self._limit = limit
        self._open: Counter[TenantId] = Counter()

    def check_room(self, tenant: TenantId) -> None:
        """Raise ``TooManyStreamsError`` where the tenant follows as many jobs as may be."""
        if self._open[tenant] >= self._limit:
            message = f"{self._limit} event streams are open; end some, or ask for the jobs instead"
            raise TooManyStreamsError(message, retry_after=STREAM_SECONDS)

    async def count(self, tenant: TenantId, stream: AsyncGenerator[T, None]) -> AsyncIterator[T]:
        """Yield a stream's events, counting it while it is read."""
        self._open[tenant] += 1
        try:
            async with aclosing(stream):
                async for event in stream:
                    yield event
        finally:
            self._open[tenant] -= 1
            self._open += Counter()  # forgets whoever follows nothing
