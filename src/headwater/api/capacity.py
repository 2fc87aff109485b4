"""How many requests are served side by side: back pressure instead of memory."""

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.api.errors import Problem, render_problems

REQUESTS_AT_ONCE: Final = 1_000
"""Each may hold a body of 1 MiB, so that this bounds what clients can make the process hold."""

_WITHOUT_PLACE: Final = re.compile(r"/healthz|/(?:v2/confluence|console)/jobs/[^/]+/events")
"""Who asks ``/healthz`` would end a process that is only busy, and every event stream with it.

Event streams last as long as their jobs and hold no body; their number has a bound of its own.
"""


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
