"""Confluence without a socket and without waiting: the sandbox behind a transport, and time that passes at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx2
from starlette.types import ASGIApp

from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.patience import Patience, Timing
from headwater.sandbox.faces import Face
from headwater.sandbox.server import Sandbox, make_sandbox
from headwater.sandbox.world import World

_PORTS = count(20_000, 2)
"""Nobody listens on them: they tell one sandbox from another, as governors do."""


@dataclass
class Clock:
    """Time that passes when somebody sleeps, and costs nothing."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    @property
    def timing(self) -> Timing:
        return Timing(now=lambda: self.moment, sleep=self.sleep, watch=self.read_watch)

    def read_watch(self) -> float:
        return self.moment.timestamp()


@dataclass
class Wire:
    """A sandbox and the way to it."""

    site: Sandbox
    app: ASGIApp
    clock: Clock = field(default_factory=Clock)
    breaks_off: Callable[[httpx2.Request], httpx2.TransportError | None] | None = None
    """Says which requests never get an answer."""

    def reach(self, patience: Patience) -> ConfluenceSources:
        return ConfluenceSources(
            allowed_private_hosts=("127.0.0.1",),
            patience=patience,
            timing=self.clock.timing,
            make_transport=lambda _: _Transport(self),
        )


class _Transport(httpx2.AsyncBaseTransport):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._inner = httpx2.ASGITransport(app=wire.app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        trouble = self._wire.breaks_off and self._wire.breaks_off(request)
        if trouble:
            raise trouble
        return await self._inner.handle_async_request(request)


def connect(world: World, face: Face) -> Wire:
    port = next(_PORTS)
    url, media_url = (f"http://127.0.0.1:{number}" for number in (port, port + 1))
    return Wire(*make_sandbox(world, face=face, url=url, media_url=media_url))
