"""``headwater mcp``: the knowledge base as tools for language models."""

import logging
from contextlib import AbstractAsyncContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import structlog
import typer

from headwater.adapters.logs import configure_logging
from headwater.bootstrap import prepare_settings
from headwater.cli.addresses import name_url, open_listener
from headwater.cli.client import CallAs, open_callers
from headwater.cli.options import DEFAULT_TENANT, Json, Server, Tenant, read_secret
from headwater.cli.output import print_line, run_async
from headwater.cli.serving import run_server, watch_signals
from headwater.cli.tokens import mint_token
from headwater.client import AsyncClient
from headwater.config import LogFormat, Settings, load_settings

if TYPE_CHECKING:
    from starlette.requests import Request

MCP_PORT: Final = 8001
PATH: Final = "/mcp"

_log = structlog.get_logger("headwater.mcp")


@run_async
async def mcp(
    http: Annotated[
        bool, typer.Option("--http", help="Serve over HTTP: each request brings its own token.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address for --http.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for --http; 0 takes a free one.")] = MCP_PORT,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", help="Whose eyes to see with: a file with a bearer token (stdio)."
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", help="Without a token file: group of the reader; repeat for more."),
    ] = None,
    tenant: Tenant = DEFAULT_TENANT,
    server: Server = None,
    json_output: Json = False,
) -> None:
    """Offer search, documents and spaces as tools for language models (MCP)."""
    settings = prepare_settings(load_settings())
    json_lines = json_output or settings.log_format is LogFormat.JSON
    # Over standard output the protocol itself speaks, in JSON; whatever is logged stands beside it.
    configure_logging(json_lines=json_lines, own_level=logging.INFO if http else logging.WARNING)
    async with open_callers(server, settings) as call_as:
        if http:
            await _serve_http(settings, call_as, (host, port), json_output=json_output)
            return
        token = (
            read_secret(token_file)
            if token_file
            else mint_token(settings, tenant, groups=group or ())
        )
        await _serve_stdio(call_as, token, settings.jwt_tenant_claim)


async def _serve_stdio(call_as: CallAs, token: str, tenant_claim: str) -> None:
    # With the SDK, which takes a second to load and only this command needs.
    from headwater.mcp.door import read_tenant  # noqa: PLC0415
    from headwater.mcp.server import make_server  # noqa: PLC0415

    async with call_as(token, read_tenant(token, tenant_claim)) as client:

        def connect(_: "Request | None") -> AbstractAsyncContextManager[AsyncClient]:
            return nullcontext(client)

        await make_server(connect).run_stdio_async()


async def _serve_http(
    settings: Settings, call_as: CallAs, address: tuple[str, int], *, json_output: bool
) -> None:
    from headwater.mcp.door import Callers, Door  # noqa: PLC0415  (as above)
    from headwater.mcp.server import make_server  # noqa: PLC0415

    callers = Callers(call_as, settings.jwt_tenant_claim)
    server = make_server(callers.connect)
    stop = watch_signals()
    with closing(open_listener(*address)) as listener:
        app = Door(server.streamable_http_app(), callers)
        async with run_server(app, listener):
            url = f"{name_url(address[0], listener.getsockname()[1])}{PATH}"
            if json_output:
                print_line({"url": url})
            _log.info("serving", url=url)
            await stop.wait()
            _log.info("stopping")
