"""How many requests a tenant may make: a sliding minute, counted in this process."""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from headwater.api.errors import Problem, RefusalError
from headwater.domain.ids import TenantId

WINDOW: Final = 60.0
"""Seconds."""

MAX_IDLE: Final = 1_024
"""Tenants remembered before the idle ones are dropped."""


class RateLimiter:
    """Admits ``limit`` requests of each tenant in any 60 seconds."""

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._admitted: dict[TenantId, deque[float]] = {}
        self._crowded = MAX_IDLE

    def admit(self, tenant: TenantId) -> None:
        """Count a request; 429 with ``Retry-After`` when the minute is full."""
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


def _refusal(limit: int, wait: float) -> RefusalError:
    seconds = max(1, math.ceil(wait))
    message = f"over {limit} requests in a minute; try again in {seconds} s"
    problem = Problem(("request",), message, "rate_limit_error")
    return RefusalError(429, [problem], {"Retry-After": str(seconds)})
