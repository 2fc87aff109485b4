"""Calling the API: of a running server, or of one opened inside this process."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from headwater.bootstrap import open_ports, prepare_settings
from headwater.cli.addresses import name_url
from headwater.cli.output import CommandFailedError
from headwater.cli.tokens import mint_token
from headwater.config import Settings, load_settings

PROBE_SECONDS: Final = 1.0
CALL_SECONDS: Final = 120.0

HINTS: Final = {
    "authentication_error": "pass a token that this server accepts with --token",
    "permission_error.confluence": "check --user and the API token; doctor --site tries each call",
    "permission_error": "use a token of this tenant with the scope that is named",
    "not_found_error.content": "copy the link from a search result or from Confluence",
    "not_found_error": "headwater jobs lists the tenant's jobs",
    "conflict_error.job_state": "headwater jobs shows how jobs stand",
    "conflict_error": "choose another --job-id, or leave it out",
    "value_error.space": "headwater spaces lists what the account may see",
    "value_error.url.host": "the server reaches private hosts listed in HEADWATER_ALLOWED_PRIVATE_HOSTS",
    "source_error": "check --site; headwater doctor --site tries each call",
    "server_error": "the server's log has the details under this id",
    "unavailable_error": "try again; headwater doctor checks every part and setting",
}
"""What to do about an error answer, by the beginning of its type; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Which server to call, and as whom."""

    tenant: str
    server: str | None = None
    token: str | None = None
    groups: Sequence[str] = ()


class ApiClient:
    """The HTTP API, with the caller's token and tenant on every request."""

    def __init__(self, http: httpx2.AsyncClient, *, embedded: bool = False) -> None:
        self._http = http
        self.embedded = embedded

    async def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON answer of a GET."""
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON answer of a POST."""
        return await self._call("POST", path, json=body)

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = await self._http.request(method, path, **options)
        except httpx2.HTTPError as error:
            raise CommandFailedError(
                f"no answer from {self._http.base_url}: {str(error) or type(error).__name__}",
                hint="is the server running? headwater serve",
            ) from error
        if response.is_error:
            raise explain_refusal(response)
        return response.json()


@asynccontextmanager
async def open_client(connection: Connection) -> AsyncGenerator[ApiClient, None]:
    """Connect to the server that was named, or that runs at the configured address, or open one here."""
    settings = prepare_settings(load_settings())
    url = connection.server or await find_server(settings)
    token = connection.token or mint_token(settings, connection.tenant, groups=connection.groups)
    headers = {"authorization": f"Bearer {token}", "x-tenantid": connection.tenant}
    if url:
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=CALL_SECONDS) as http:
            yield ApiClient(http)
        return
    async with _open_embedded(settings, headers) as http:
        yield ApiClient(http, embedded=True)


@asynccontextmanager
async def _open_embedded(
    settings: Settings, headers: Mapping[str, str]
) -> AsyncGenerator[httpx2.AsyncClient, None]:
    # A running server makes the web framework unnecessary, and loading it takes most of a second.
    from headwater.api.application import create_app  # noqa: PLC0415

    app = create_app(settings, lambda: open_ports(settings))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app),
            base_url="http://embedded",
            headers=headers,
            timeout=CALL_SECONDS,
        ) as http,
    ):
        yield http


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


def explain_refusal(response: httpx2.Response) -> CommandFailedError:
    """Return what an error answer says, with what to do about it on this command line."""
    try:
        problems = response.json()["detail"]
        texts = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in problems]
        hint = _find_hint(str(problems[0]["type"]))
    except (ValueError, LookupError, TypeError):
        texts, hint = [response.text[:200]], "is this a Headwater server? look at --server"
    return CommandFailedError(f"{response.status_code}: " + "; ".join(texts), hint=hint)


def _find_hint(kind: str) -> str | None:
    return next((hint for start, hint in HINTS.items() if kind.startswith(start)), None)
