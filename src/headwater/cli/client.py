"""Which server a command calls: one that is named, one that runs here, or one opened inside this process."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httpx2

from headwater.bootstrap import open_ports, prepare_settings
from headwater.cli.addresses import name_url
from headwater.cli.tokens import mint_token
from headwater.client import AsyncClient
from headwater.config import Settings, load_settings

PROBE_SECONDS: Final = 1.0
EMBEDDED: Final = "http://embedded"

CallAs = Callable[[str, str], AsyncClient]
"""Makes a client for a token and its tenant."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Which server to call, and as whom."""

    tenant: str
    server: str | None = None
    token: str | None = None
    groups: Sequence[str] = ()


@asynccontextmanager
async def open_client(connection: Connection) -> AsyncGenerator[AsyncClient, None]:
    """Connect to the server that was named, or that runs at the configured address, or open one here."""
    settings = prepare_settings(load_settings())
    async with open_callers(connection.server, settings) as call_as:
        token = connection.token or mint_token(
            settings, connection.tenant, groups=connection.groups
        )
        async with call_as(token, connection.tenant) as client:
            yield client


@asynccontextmanager
async def open_callers(server: str | None, settings: Settings) -> AsyncGenerator[CallAs, None]:
    """Give what makes a client of such a server for a token and its tenant."""
    url = server or await find_server(settings)
    if url:
        yield partial(_make_client, url)
        return
    async with _embed_server(settings) as transport:
        yield partial(_make_client, EMBEDDED, transport=transport, streams=False)


def _make_client(url: str, token: str, tenant: str, **options: Any) -> AsyncClient:
    return AsyncClient(url, token=token, tenant=tenant, **options)


def is_embedded(client: AsyncClient) -> bool:
    """Tell whether the server ends with this process, and its jobs' work with it."""
    return client.url == EMBEDDED


@asynccontextmanager
async def _embed_server(settings: Settings) -> AsyncGenerator[httpx2.ASGITransport, None]:
    # A running server makes the web framework unnecessary, and loading it takes most of a second.
    from headwater.api.application import create_app  # noqa: PLC0415

    app = create_app(settings, lambda: open_ports(settings))
    async with app.router.lifespan_context(app):
        yield httpx2.ASGITransport(app=app)


async def find_server(settings: Settings) -> str | None:
    """Return the URL of the server that runs at the configured address; ``None`` if none does."""
    url = name_url(settings.host, settings.port)
    try:
        async with httpx2.AsyncClient(timeout=PROBE_SECONDS) as http:
            response = await http.get(f"{url}/healthz")
    except httpx2.HTTPError:
        # Nobody listens there: the command opens its own server instead.
        return None
    return url if response.is_success else None
