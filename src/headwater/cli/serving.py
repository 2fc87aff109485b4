"""Commands that run until they are stopped: ``serve``, ``worker`` and ``sandbox``."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer
import uvicorn

from headwater.adapters.logs import configure_logging
from headwater.api.application import begin_shutdown, create_app
from headwater.bootstrap import open_ports, prepare_settings
from headwater.cli.output import CommandFailedError, console, run_async
from headwater.config import LogFormat, Settings, load_settings
from headwater.sandbox.server import run_sandbox
from headwater.sandbox.worlds import make_world

SHUTDOWN_SECONDS: Final = 10

_log = structlog.get_logger("headwater.cli")


@run_async
async def serve(
    host: Annotated[str | None, typer.Option(help="Address; default HEADWATER_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default HEADWATER_PORT.")] = None,
) -> None:
    """Run the API, with a worker in the same process."""
    chosen = {"host": host, "port": port}
    settings = prepare_settings(
        load_settings(**{name: value for name, value in chosen.items() if value is not None})
    )
    configure_logging(json_lines=settings.log_format is LogFormat.JSON)
    async with run_api(settings) as url:
        _log.info("serving", url=url, docs=f"{url}/docs", data_dir=str(settings.data_dir))
        await _wait_for_stop()


@run_async
async def worker() -> None:
    """Run a worker alone: it executes stored jobs and serves nothing."""
    settings = prepare_settings(load_settings())
    configure_logging(json_lines=settings.log_format is LogFormat.JSON)
    async with open_ports(settings):
        _log.info("working", data_dir=str(settings.data_dir))
        await _wait_for_stop()


@run_async
async def sandbox(
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8090,
    pages: Annotated[int, typer.Option(min=0, help="Generate a space of so many pages.")] = 0,
    folder: Annotated[
        Path | None, typer.Option(help="Serve a folder of storage-format files with an index.")
    ] = None,
    latency: Annotated[float, typer.Option(min=0, help="Seconds added to every answer.")] = 0.0,
) -> None:
    """Run a local Confluence that holds a sample company wiki."""
    world = make_world(pages=pages, folder=folder)
    async with run_sandbox(world, port=port, latency=latency) as site:
        console.print(f"instance_url      {site.instance_url}", markup=False)
        console.print(f"web_url_instance  {site.web_url}", markup=False)
        console.print(f"username          {site.email}", markup=False)
        console.print(f"api_token         {site.token}", markup=False)
        console.print("It listens on this machine only: allow it in the server's environment with")
        console.print("HEADWATER_ALLOWED_PRIVATE_HOSTS=127.0.0.1", markup=False)
        await _wait_for_stop()


@asynccontextmanager
async def run_api(settings: Settings) -> AsyncGenerator[str, None]:
    """Serve the API on a real socket while the block runs; give its base URL."""
    app = create_app(settings, lambda: open_ports(settings))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve())
    try:
        yield f"http://{settings.host}:{await _wait_until_started(server, serving)}"
    finally:
        begin_shutdown(app)  # ends open event streams, which would hold the shutdown up
        server.should_exit = True
        await asyncio.wait([serving])


async def _wait_until_started(server: uvicorn.Server, serving: "asyncio.Task[None]") -> int:
    while not server.started:
        if serving.done():
            serving.result()
            raise CommandFailedError(
                "the server did not start; the log above says why",
                hint="headwater doctor checks every part and setting",
            )
        await asyncio.sleep(0.02)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


async def _wait_for_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
