"""Options that several commands share."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.client import Connection
from headwater.cli.output import CommandFailedError
from headwater.cli.tokens import DEVELOPMENT_TENANT, parse_tenant
from headwater.client import Login
from headwater.client.inputs import derive_web_url

Tenant = Annotated[
    str, typer.Option("--tenant", callback=parse_tenant, help="Tenant to act for (UUID).")
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server", help="Base URL of a server; default: the running one, else an embedded one."
    ),
]
Token = Annotated[
    str | None,
    typer.Option("--token", help="Bearer token; default: a development token made here."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Site = Annotated[
    str,
    typer.Option(
        "--site", help="Confluence REST URL, such as https://acme.atlassian.net/wiki/rest/api."
    ),
]
WebUrl = Annotated[
    str | None,
    typer.Option("--web-url", help="Base of links handed out; default: derived from --site."),
]
User = Annotated[str, typer.Option("--user", help="Confluence user (e-mail).")]
ApiTokenFile = Annotated[
    Path | None,
    typer.Option(
        "--api-token-file",
        help="File with the Confluence API token, - for standard input; asked for if absent.",
    ),
]

DEFAULT_TENANT = DEVELOPMENT_TENANT


def make_connection(
    tenant: str, server: str | None, token: str | None, groups: list[str] | None = None
) -> Connection:
    """Return the connection that these options describe."""
    return Connection(tenant=tenant, server=server, token=token, groups=tuple(groups or ()))


def read_credentials(
    site: str, web_url: str | None, user: str, api_token_file: Path | None
) -> Login:
    """Return the account that these options describe. The token never stands on the command line."""
    return Login(site, user, _read_api_token(api_token_file), web_url or derive_web_url(site))


def _read_api_token(path: Path | None) -> str:
    if path is None:
        return str(typer.prompt("Confluence API token", hide_input=True, err=True))
    return read_secret(path)


def read_secret(path: Path) -> str:
    """Return what a file holds, without its line break; ``-`` is standard input."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandFailedError(f"cannot read {path}: {error.strerror}") from error
    return text.strip()
