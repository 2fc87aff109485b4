"""Commands that run until they are stopped: ``serve``, ``worker`` and ``sandbox``."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer
import uvicorn
from starlette.types import ASGIApp

from headwater.adapters.logs import configure_logging
from headwater.bootstrap import open_ports, prepare_settings
from headwater.cli.addresses import name_url, open_listener
from headwater.cli.options import Json
from headwater.cli.output import console, print_line, run_async
from headwater.config import LogFormat, Settings, load_settings
from headwater.ports import Ports
from headwater.sandbox.faces import Cloud, DataCenter
from headwater.sandbox.server import Sandbox, run_sandbox
from headwater.sandbox.worlds import make_world

SHUTDOWN_SECONDS: Final = 10
"""How long requests at work may take once the server is asked to stop."""

STOP_SECONDS: Final = 25.0
"""How long a stop may take in all: less than the half minute that orchestrators commonly allow."""

CUT_OFF: Final = 1
"""Exit code of a process that did not stop by itself within the bound."""

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_log = structlog.get_logger("headwater.cli")


@run_async
async def serve(
    host: Annotated[str | None, typer.Option(help="Address; default HEADWATER_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default HEADWATER_PORT.")] = None,
    works: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Execute stored jobs in this process too.")
    ] = True,
    json_output: Json = False,
) -> None:
    """Run the API, with a worker in the same process."""
    chosen = {"host": host, "port": port}
    settings = prepare_settings(
        load_settings(**{name: value for name, value in chosen.items() if value is not None})
    )
    _configure_logging(settings, json_output=json_output)
    stop = watch_signals()
    async with run_api(settings, executes=works) as url:
        if json_output:
            print_line({"url": url, "docs": f"{url}/docs", "data_dir": str(settings.data_dir)})
        _log.info("serving", url=url, docs=f"{url}/docs", data_dir=str(settings.data_dir))
        await stop.wait()
        _log.info("stopping")


@run_async
async def worker(
    port: Annotated[
        int | None,
        typer.Option(help="Port for /healthz, /readyz, /metrics; default HEADWATER_WORKER_PORT."),
    ] = None,
    json_output: Json = False,
) -> None:
    """Run a worker alone: it executes stored jobs, and answers at most how it is."""
    chosen = {} if port is None else {"worker_port": port}
    settings = prepare_settings(load_settings(**chosen))
    _configure_logging(settings, json_output=json_output)
    stop = watch_signals()
    async with open_ports(settings) as ports, _answer_probes(settings, ports) as url:
        if json_output:
            print_line({"data_dir": str(settings.data_dir), "url": url})
        _log.info("working", data_dir=str(settings.data_dir), url=url)
        await stop.wait()
        _log.info("stopping")


@run_async
async def sandbox(
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8090,
    pages: Annotated[int, typer.Option(min=0, help="Generate a space of so many pages.")] = 0,
    folder: Annotated[
        Path | None, typer.Option(help="Serve a folder of storage-format files with an index.")
    ] = None,
    latency: Annotated[float, typer.Option(min=0, help="Seconds added to every answer.")] = 0.0,
    data_center: Annotated[
        bool, typer.Option("--data-center", help="Answer as Data Center instead of Cloud.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Run a local Confluence that holds a sample company wiki."""
    world = make_world(pages=pages, folder=folder)
    face = DataCenter() if data_center else Cloud()
    stop = watch_signals()
    async with run_sandbox(world, port=port, latency=latency, face=face) as site:
        print_line(describe_sandbox(site)) if json_output else _print_sandbox(site)
        await stop.wait()


def describe_sandbox(site: Sandbox) -> dict[str, str]:
    """Return what a client needs to call the sandbox, as the upload's authorization names it."""
    return {
        "instance_url": site.instance_url,
        "web_url_instance": site.web_url,
        "username": site.username,
        "api_token": site.token,
    }


def _print_sandbox(site: Sandbox) -> None:
    for name, value in describe_sandbox(site).items():
        console.print(f"{name:<18}{value}", markup=False)
    console.print("It listens on this machine only: allow it in the server's environment with")
    console.print("HEADWATER_ALLOWED_PRIVATE_HOSTS=127.0.0.1", markup=False)


def _configure_logging(settings: Settings, *, json_output: bool) -> None:
    """Log as the settings say; who wants JSON from a command wants it in its log too."""
    configure_logging(json_lines=json_output or settings.log_format is LogFormat.JSON)


@asynccontextmanager
async def run_api(settings: Settings, *, executes: bool = True) -> AsyncGenerator[str, None]:
    """Serve the API on a real socket while the block runs; give its base URL.

    Without ``executes`` stored jobs are left to workers.
    ``CommandFailedError`` where nothing can listen, ``ConfigError`` where something cannot be opened.
    """
    with closing(open_listener(settings.host, settings.port)) as listener:
        async with open_ports(settings, executes=executes) as ports:
            # Only servers need the web framework, and loading it takes most of a second.
            from headwater.cli.service import make_service  # noqa: PLC0415

            service = make_service(settings, ports)
            async with run_server(service.app, listener):
                try:
                    yield name_url(settings.host, listener.getsockname()[1])
                finally:
                    service.begin_shutdown()  # ends open event streams, which would hold it up


@asynccontextmanager
async def _answer_probes(settings: Settings, ports: Ports) -> AsyncGenerator[str | None, None]:
    """Answer how the worker is while the block runs, if it is to; give the base URL."""
    if settings.worker_port is None:
        yield None
        return
    from headwater.api.probes import create_probes  # noqa: PLC0415  (as above)

    with closing(open_listener(settings.host, settings.worker_port)) as listener:
        async with run_server(create_probes(ports), listener):
            yield name_url(settings.host, listener.getsockname()[1])


class _Server(uvicorn.Server):
    """Leaves signals to the command that runs it, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def run_server(app: ASGIApp, listener: socket.socket) -> AsyncGenerator[None, None]:
    """Serve an application on a socket while the block runs."""
    from headwater.api.protocol import GuardedProtocol  # noqa: PLC0415  (as above)

    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            http=GuardedProtocol,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.up.wait()
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def watch_signals() -> asyncio.Event:
    """Return what the first SIGINT or SIGTERM sets; a second one ends the process at once.

    So does the bound on stopping: whatever still hangs then is in no state to be waited for, and
    what is stored goes on at the next start as after any other end.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask_to_stop() -> None:
        stop.set()
        _start_bound()
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, ask_to_stop)
    return stop


def _start_bound() -> None:
    """End the process when the time for stopping is over, even if nothing of it answers any more."""
    bound = threading.Timer(STOP_SECONDS, _cut_off)
    bound.daemon = True
    bound.start()


def _cut_off() -> None:
    _log.error("stopping took too long; the process ends as it is", seconds=STOP_SECONDS)
    os._exit(CUT_OFF)
