"""Proof that nothing was reached: sockets that listen and must never be connected to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx2

from headwater.adapters.confluence.egress import GuardedTransport, Resolver, resolve_name
from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.patience import Patience
from tests.unit.confluence.confluence_fakes import FakeClock

LOOPBACKS = ("127.0.0.1", "::1") if socket.has_ipv6 else ("127.0.0.1",)


@dataclass
class Target:
    """One port on every loopback address; ``visits`` counts the connections it took."""

    port: int = 0
    visits: int = 0
    visited: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, _reader, writer):
        self.visits += 1
        self.visited.set()
        writer.close()

    async def visit(self, host):
        """Connect, as the proof that whoever came earlier has been counted."""
        self.visited.clear()
        _, writer = await asyncio.open_connection(host, self.port)
        await self.visited.wait()
        writer.close()


@asynccontextmanager
async def listen() -> AsyncIterator[Target]:
    """Listen on the loopbacks, and demand at the end that nobody came."""
    target = Target()
    async with AsyncExitStack() as stack:
        for host in LOOPBACKS:
            server = await asyncio.start_server(target.serve, host, target.port)
            await stack.enter_async_context(server)
            target.port = server.sockets[0].getsockname()[1]
        yield target
        for host in LOOPBACKS:
            await target.visit(host)
        assert target.visits == len(LOOPBACKS), "something connected to the target"


@dataclass
class Dials:
    """Every address that a connection was asked for, in their order."""

    hosts: list[str] = field(default_factory=list)

    def make_pool(self) -> httpx2.AsyncBaseTransport:
        return _Watched(self)


class _Watched(httpx2.AsyncBaseTransport):
    """Passes loopback connections on; others are noted, and fail before they leave the machine."""

    def __init__(self, dials: Dials) -> None:
        self._dials = dials
        self._pool = httpx2.AsyncHTTPTransport(verify=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._dials.hosts.append(request.url.host)
        if request.url.host not in LOOPBACKS:
            raise httpx2.ConnectError("nothing leaves the machine in a test")
        return await self._pool.handle_async_request(request)

    async def aclose(self) -> None:
        await self._pool.aclose()


def answer_by(names: Mapping[str, Sequence[str]]) -> Resolver:
    """Return a name server that knows these names, and ``localhost`` as the system does."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        if host in names:
            return names[host]
        if host == "localhost" or host[:1].isdigit():  # so that numbers mean what they mean here
            return await resolve_name(host, port)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    return resolve


def open_door(dials: Dials, resolve: Resolver, *allowed: str) -> ConfluenceSources:
    """Return sources behind the real guard."""
    return ConfluenceSources(
        allowed_private_hosts=allowed,
        patience=Patience(attempts=2),
        timing=FakeClock().timing,
        make_transport=lambda allow: GuardedTransport(
            allow, resolve=resolve, make_pool=dials.make_pool
        ),
    )
