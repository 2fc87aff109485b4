"""``headwater doctor``: try every store, model and setting, and say what to do about what is wrong."""

from collections.abc import Sequence
from typing import Annotated, Final

import httpx2
import typer
from rich.markup import escape
from rich.table import Table

from headwater.bootstrap import make_probes, make_sources, open_ports, prepare_settings
from headwater.cli.addresses import open_listener
from headwater.cli.client import find_server
from headwater.cli.options import ApiTokenFile, Json, read_credentials
from headwater.cli.output import FAILED, CommandFailedError, console, print_json, run_async
from headwater.config import Settings, load_settings
from headwater.domain.errors import HeadwaterError
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.services.health import Check, check_health, check_probes

READY_SECONDS: Final = 60.0
"""For a server to try all its parts."""


@run_async
async def doctor(
    site: Annotated[
        str | None, typer.Option("--site", help="Also probe this Confluence REST URL.")
    ] = None,
    user: Annotated[str, typer.Option("--user", help="Confluence user for --site.")] = "",
    api_token_file: ApiTokenFile = None,
    json_output: Json = False,
) -> None:
    """Check settings, stores, models and, with --site, a Confluence."""
    checks = await _check_parts()
    if site:
        checks += await _check_site(site, user, api_token_file)
    if json_output:
        rows = [{"name": item.name, "ok": item.ok, "detail": item.detail} for item in checks]
        print_json({"ok": all(item.ok for item in checks), "checks": rows})
    else:
        _print_checks(checks)
    if not all(item.ok for item in checks):
        raise typer.Exit(FAILED)


async def _check_parts() -> list[Check]:
    try:
        settings = prepare_settings(load_settings())
    except HeadwaterError as error:
        return [Check("settings", ok=False, detail=str(error))]
    return [
        Check("settings", ok=True, detail="read"),
        await _check_address(settings),
        *await _check_stores(settings),
    ]


async def _check_stores(settings: Settings) -> Sequence[Check]:
    """Check what a server checks for ``/readyz``; as much of it as there is without its stores."""
    try:
        async with open_ports(settings) as ports:
            return await check_health(ports)
    except HeadwaterError as error:
        start = Check("start", ok=False, detail=str(error))
        return [start, *await check_probes(make_probes(settings))]


async def _check_address(settings: Settings) -> Check:
    url = await find_server(settings)
    if url:
        return await _check_server(url)
    try:
        open_listener(settings.host, settings.port).close()
    except CommandFailedError as error:
        return Check("address", ok=False, detail=f"{error}; {error.hint}")
    return Check("address", ok=True, detail=f"{settings.host}:{settings.port} is free")


async def _check_server(url: str) -> Check:
    """Tell what the server that runs says of itself; it may have other settings than this shell."""
    try:
        async with httpx2.AsyncClient(timeout=READY_SECONDS) as http:
            answer = await http.get(f"{url}/readyz")
            problems = [] if answer.is_success else answer.json()["detail"]
    except (httpx2.HTTPError, ValueError, LookupError, TypeError) as error:
        detail = f"the server at {url} does not say whether it is ready ({error}); read its log"
        return Check("address", ok=False, detail=detail)
    if not problems:
        return Check("address", ok=True, detail=f"a server answers at {url}, and is ready")
    told = "; ".join(f"{item['loc'][-1]}: {item['msg']}" for item in problems)
    return Check("address", ok=False, detail=f"the server at {url} is not ready: {told}")


async def _check_site(site: str, user: str, api_token_file: ApiTokenFile) -> list[Check]:
    given = read_credentials(site, None, user, api_token_file)
    address = SiteAddress(given.instance_url, given.web_url_instance)
    credential = SiteCredential(given.username, Secret(given.api_token))
    try:
        sources = make_sources(load_settings())
        async with sources.open(address, credential) as source:
            capabilities = await source.probe()
    except HeadwaterError as error:
        return [Check("site", ok=False, detail=str(error))]
    return [Check(f"site: {item.name}", ok=item.ok, detail=item.detail) for item in capabilities]


def _print_checks(checks: Sequence[Check]) -> None:
    table = Table("", "part", "finding", show_header=False)
    for item in checks:
        mark = "[green]ok[/]" if item.ok else "[bold red]!![/]"
        table.add_row(mark, item.name, escape(item.detail))
    console.print(table)
