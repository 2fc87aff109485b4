"""Development tokens: signed with the secret of this machine's own server."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import jwt
import typer

from headwater.bootstrap import prepare_settings
from headwater.cli.output import CommandFailedError, ending_on_errors, print_json
from headwater.config import Settings, load_settings

DEVELOPMENT_TENANT: Final = "00000000-0000-4000-8000-000000000001"
SCOPES: Final = ("knowledge:read", "knowledge:write")
LIFETIME: Final = timedelta(hours=12)


def mint_token(
    settings: Settings, tenant: str, *, groups: Sequence[str] = (), scopes: Sequence[str] = SCOPES
) -> str:
    """Return a token for a tenant, valid for twelve hours.

    ``CommandFailedError`` where tokens come from elsewhere: then only the issuer can make one.
    """
    if settings.jwt_secret is None:
        raise CommandFailedError(
            "tokens are verified with a key set or public key, so only their issuer can make one",
            hint="pass one with --token",
        )
    now = datetime.now(UTC)
    claims = {
        settings.jwt_tenant_claim: tenant,
        settings.jwt_groups_claim: list(groups),
        "scope": " ".join(scopes),
        "sub": "headwater-cli",
        "iat": now,
        "exp": now + LIFETIME,
        **({"iss": settings.jwt_issuer} if settings.jwt_issuer else {}),
        **({"aud": settings.jwt_audience} if settings.jwt_audience else {}),
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")


def parse_tenant(text: str) -> str:
    """Return a tenant id in the form tokens carry it; ``BadParameter`` if it is no UUID."""
    try:
        return str(UUID(text))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a UUID") from error


def token(
    tenant: str = typer.Option(..., callback=parse_tenant, help="Tenant the token is for (UUID)."),
    group: list[str] = typer.Option([], help="Group the reader is in; repeat for more."),
    scope: list[str] = typer.Option(list(SCOPES), help="Scope; repeat for more."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Print a development token for a tenant."""
    with ending_on_errors():
        settings = prepare_settings(load_settings())
        text = mint_token(settings, tenant, groups=group, scopes=scope)
    if json_output:
        print_json({"token": text, "tenant": tenant})
    else:
        typer.echo(text)
