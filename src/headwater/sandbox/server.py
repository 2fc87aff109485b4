"""Running a sandbox: the site and its media host, each on a port of its own.

async with run_sandbox(load_wiki()) as sandbox:
    ...  # sandbox.instance_url, sandbox.email, sandbox.token
"""

import asyncio
import contextlib
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.domain.errors import ConfigError
from headwater.sandbox.app import make_cloud_app, sign_cloud
from headwater.sandbox.calls import Site
from headwater.sandbox.cloud_v1_payloads import CLOUD
from headwater.sandbox.data_center_app import make_data_center_app, sign_data_center
from headwater.sandbox.data_center_payloads import DATA_CENTER
from headwater.sandbox.desk import Desk, Fault, Visits
from headwater.sandbox.faces import Cloud, DataCenter, Face
from headwater.sandbox.media import MediaGate, make_media_app
from headwater.sandbox.ordering import Orders
from headwater.sandbox.world import World

_CLOUD = Cloud()


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox. Changes to ``world`` and ``faults`` take effect with the next request."""

    desk: Desk

    @property
    def world(self) -> World:
        """What the sandbox holds."""
        return self.desk.world

    @property
    def faults(self) -> list[Fault]:
        """Callables that may replace an answer, applied in order."""
        return self.desk.faults

    @property
    def requests(self) -> Visits:
        """What has been asked of the site (the media host is not counted)."""
        return self.desk.visits

    @property
    def url(self) -> str:
        """The site's root, such as ``http://127.0.0.1:4711``."""
        return self.desk.site.root

    @property
    def instance_url(self) -> str:
        """The REST entry that connectors are configured with."""
        return self.desk.site.rest

    @property
    def gateway_url(self) -> str:
        """The entry for scoped tokens, such as ``people.GATEWAY_TOKEN``; on the Cloud face only."""
        return f"{self.url}/ex/confluence/{self.world.cloud_id}"

    @property
    def web_url(self) -> str:
        """The base of web links."""
        return self.desk.site.base

    @property
    def media_url(self) -> str:
        """The second host, which attachment downloads redirect to."""
        return self.desk.site.media.url

    @property
    def email(self) -> str:
        """The admin account's e-mail address."""
        return self.world.people.admin.email

    @property
    def username(self) -> str:
        """What the admin account logs in by: on Cloud its e-mail address, on Data Center its name."""
        is_cloud = self.desk.site.dialect is CLOUD
        return self.email if is_cloud else self.world.people.admin.username

    @property
    def token(self) -> str:
        """The admin account's API token, on Data Center its password and personal access token."""
        return self.world.people.admin.token


class _GuestServer(uvicorn.Server):
    """A guest in another program's loop: leaves signals alone, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.leaving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        """Keep the date header fresh until told to leave, then leave at once."""
        while not self.leaving.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.leaving.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave at once if nobody is connected, else as uvicorn does, which takes its time."""
        if self.server_state.connections:
            await asyncio.sleep(0.002)  # lets connections that clients have closed come to an end
        if self.server_state.connections or self.server_state.tasks:
            return await super().shutdown(sockets)
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        return None


def _open_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only on sockets that name their protocol: 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = (
            f"The sandbox cannot listen on {host}:{port} ({error.strerror}): choose another port"
        )
        raise ConfigError(reason) from error
    return listener


def _name_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.asynccontextmanager
async def _run_app(app: ASGIApp, listeners: list[socket.socket]) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _GuestServer(config)
    running = asyncio.create_task(server.serve(sockets=listeners))
    await server.up.wait()
    try:
        yield
    finally:
        server.leaving.set()
        await running


def _choose_by_port(apps: dict[str, ASGIApp]) -> ASGIApp:
    by_port = {urlsplit(url).port: app for url, app in apps.items()}

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await by_port[scope["server"][1]](scope, receive, send)

    return serve


def make_sandbox(
    world: World, *, face: Face, url: str, media_url: str, latency: float = 0.0
) -> tuple[Sandbox, ASGIApp]:
    """Return a sandbox and the app that serves both of its hosts, each by its port.

    For callers that bring a transport of their own.
    """
    gate = MediaGate(media_url, secrets.token_bytes(16))
    desk, app = _make_site(world, face, url, gate, latency)
    return Sandbox(desk), _choose_by_port({url: app, media_url: make_media_app(world, gate)})


def _make_site(
    world: World, face: Face, root: str, gate: MediaGate, latency: float
) -> tuple[Desk, ASGIApp]:
    if isinstance(face, DataCenter):
        site = Site(root, gate, Orders(), DATA_CENTER, face.context)
        desk = Desk(world, site, sign_data_center, latency)
        return desk, make_data_center_app(desk, face)
    desk = Desk(world, Site(root, gate, Orders(), CLOUD), sign_cloud, latency)
    return desk, make_cloud_app(desk)


@contextlib.asynccontextmanager
async def run_sandbox(
    world: World,
    *,
    face: Face = _CLOUD,
    host: str = "127.0.0.1",
    port: int = 0,
    latency: float = 0.0,
) -> AsyncIterator[Sandbox]:
    """Serve a world in the running loop; ``port`` 0 takes a free one, ``latency`` is in seconds.

    ``face`` is ``Cloud()`` or a ``DataCenter``.

    Raises ``ConfigError`` if the port is taken.
    """
    site_socket = _open_socket(host, port)
    media_socket = _open_socket(host, 0)
    sandbox, app = make_sandbox(
        world,
        face=face,
        url=_name_url(site_socket),
        media_url=_name_url(media_socket),
        latency=latency,
    )
    async with _run_app(app, [site_socket, media_socket]):
        yield sandbox


def serve_sandbox(
    world: World,
    *,
    face: Face = _CLOUD,
    host: str = "127.0.0.1",
    port: int = 0,
    latency: float = 0.0,
    announce: Callable[[Sandbox], None] = lambda _: None,
) -> None:
    """Serve a world until interrupted; ``announce`` is called once it is up."""

    async def serve() -> None:
        async with run_sandbox(world, face=face, host=host, port=port, latency=latency) as sandbox:
            announce(sandbox)
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


@contextlib.contextmanager
def run_sandbox_thread(
    world: World, *, face: Face = _CLOUD, latency: float = 0.0
) -> Iterator[Sandbox]:
    """Serve a world from a thread of its own, for callers that block."""
    started: Future[tuple[Sandbox, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with run_sandbox(world, face=face, latency=latency) as sandbox:
            stop = asyncio.Event()
            started.set_result((sandbox, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="sandbox")
    thread.start()
    sandbox, loop, stop = started.result(timeout=30)
    try:
        yield sandbox
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
