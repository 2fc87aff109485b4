"""How many requests are served side by side: back pressure instead of memory."""

import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.api.errors import Problem, RefusalError, render_problems
from headwater.domain.ids import TenantId

REQUESTS_AT_ONCE: Final = 1_000
"""Each may hold a body of 1 MiB, so that this bounds what clients can make the process hold."""

STREAMS_PER_TENANT: Final = 50
"""Event streams last as long as their jobs and hold no body: they take no place, but have a bound."""

_WITHOUT_PLACE: Final = re.compile(r"/healthz|/v2/confluence/jobs/[^/]+/events")
"""Who asks ``/healthz`` would end a process that is only busy, and every event stream with it."""

T = TypeVar("T")


class Capacity:
    """Serves a bounded number of requests at once; more are told to come again."""

    def __init__(self, app: ASGIApp, limit: int = REQUESTS_AT_ONCE) -> None:
        self._app = app
        self._free = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        if scope["type"] != "http" or _WITHOUT_PLACE.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
        elif self._free:
            self._free -= 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._free += 1
        else:
            await _BUSY(scope, receive, send)


_BUSY: Final = render_problems(
    503,
    [Problem(("service",), "too many requests at once; try again", "unavailable_error")],
    {"Retry-After": "1"},
)


class OpenStreams:
    """Counts the event streams that each tenant follows."""

    def __init__(self, limit: int = STREAMS_PER_TENANT) -> None:
        self._limit = limit
        self._open: Counter[TenantId] = Counter()

    def check_room(self, tenant: TenantId) -> None:
        """Refuse with 429 a tenant that follows as many jobs as may be."""
        if self._open[tenant] >= self._limit:
            message = f"{self._limit} event streams are open; end some, or ask for the jobs instead"
            problem = Problem(("request",), message, "rate_limit_error.streams")
            raise RefusalError(429, [problem], {"Retry-After": "5"})

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
