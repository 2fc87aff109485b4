"""``headwater doctor``: try every store, model and setting, and say what to do about what is wrong."""

import shutil
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from headwater.bootstrap import make_authenticator, make_sources, open_ports, prepare_settings
from headwater.cli.addresses import open_listener
from headwater.cli.client import find_server
from headwater.cli.options import ApiTokenFile, Json, read_credentials
from headwater.cli.output import FAILED, CommandFailedError, console, print_json, run_async
from headwater.config import Settings, load_settings
from headwater.domain.errors import HeadwaterError
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.services.health import Check, check_health

LOW_DISK_BYTES: Final = 1 << 30


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
        _check_disk(settings),
        await _check_tokens(settings),
        await _check_port(settings),
        *await _check_stores(settings),
    ]


async def _check_stores(settings: Settings) -> Sequence[Check]:
    try:
        async with open_ports(settings) as ports:
            return await check_health(ports)
    except HeadwaterError as error:
        return [Check("start", ok=False, detail=str(error))]


def _check_disk(settings: Settings) -> Check:
    free = shutil.disk_usage(settings.data_dir).free
    text = f"{settings.data_dir}: {free / (1 << 30):.1f} GiB free"
    if free < LOW_DISK_BYTES:
        return Check("disk", ok=False, detail=f"{text}; free some or move HEADWATER_DATA_DIR")
    return Check("disk", ok=True, detail=text)


async def _check_tokens(settings: Settings) -> Check:
    # Only this command needs keys without serving.
    from headwater.adapters.tokens.keysets import fetch_keys  # noqa: PLC0415

    try:
        make_authenticator(settings)
        keys = await fetch_keys(settings.jwt_jwks_url) if settings.jwt_jwks_url else ()
    except HeadwaterError as error:
        return Check("tokens", ok=False, detail=str(error))
    return Check("tokens", ok=True, detail=_describe_tokens(settings, len(keys)))


def _describe_tokens(settings: Settings, keys: int) -> str:
    if settings.jwt_jwks_url:
        return f"verified with the keys of {settings.jwt_jwks_url} ({keys} found)"
    if settings.jwt_public_key:
        return "verified with HEADWATER_JWT_PUBLIC_KEY"
    return "HS256; headwater token makes one for development"


async def _check_port(settings: Settings) -> Check:
    url = await find_server(settings)
    if url:
        return Check("address", ok=True, detail=f"a server answers at {url}")
    try:
        open_listener(settings.host, settings.port).close()
    except CommandFailedError as error:
        return Check("address", ok=False, detail=f"{error}; {error.hint}")
    return Check("address", ok=True, detail=f"{settings.host}:{settings.port} is free")


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
