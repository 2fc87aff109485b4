"""Who calls: the tenant, permissions and reader that a verified token names.

One of the two places where a ``TenantId`` is made; the other is the catalog.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from starlette.datastructures import Headers

from headwater.api.errors import Location, Problem, RefusalError
from headwater.api.tokens import LEEWAY, Claims, unauthenticated
from headwater.config import Settings
from headwater.domain.access import Reader, make_reader
from headwater.domain.ids import TenantId

TENANT_HEADER: Final = "x-tenantid"

_UUID: Final = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class Permission(StrEnum):
    """What a token's ``scope`` may allow."""

    READ = "knowledge:read"
    WRITE = "knowledge:write"


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified token in our words. ``expires_at`` is in seconds since the epoch, leeway included."""

    tenant: TenantId
    permissions: frozenset[str]
    reader: Reader
    expires_at: float


def read_bearer(headers: Headers) -> str:
    """Return the token of the one ``Authorization`` header; 401 otherwise."""
    given = headers.getlist("authorization")
    if not given:
        raise unauthenticated("missing", "send the header Authorization: Bearer <token>")
    scheme, _, token = given[0].partition(" ")
    token = token.strip(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not token:
        raise unauthenticated("scheme", "send one header Authorization: Bearer <token>")
    return token


def make_caller(claims: Claims, settings: Settings) -> Caller:
    """Return the caller; 403 without a tenant, 401 for identities of the wrong type."""
    return Caller(
        tenant=_mint_tenant(claims.get(settings.jwt_tenant_claim), settings.jwt_tenant_claim),
        permissions=_read_permissions(claims.get("scope")),
        reader=make_reader(
            groups=_read_groups(claims.get(settings.jwt_groups_claim), settings.jwt_groups_claim),
            account_id=_read_text(claims, "confluence_account_id"),
            email_address=_read_text(claims, "email"),
        ),
        expires_at=claims["exp"] + LEEWAY,
    )


def check_tenant_header(caller: Caller, headers: Headers) -> list[Problem]:
    """Return what is wrong with ``x-tenantid``; 403 when it names another tenant."""
    given = headers.getlist(TENANT_HEADER)
    if any(_UUID.fullmatch(value) and not _names(caller, value) for value in given):
        raise forbidden_tenant(("header", TENANT_HEADER))
    loc = ("header", TENANT_HEADER)
    if not given:
        return [Problem(loc, "field required", "value_error.missing")]
    if len(given) > 1 or not _UUID.fullmatch(given[0]):
        return [Problem(loc, "value is not a valid uuid", "type_error.uuid")]
    return []


IN_PINECONE_CONFIG: Final = ("pinecone_config", "tenant_id")
"""Where nearly every body names its tenant."""


def check_body_tenant(
    caller: Caller, body: dict[str, Any], place: tuple[str, ...] = IN_PINECONE_CONFIG
) -> None:
    """Refuse with 403 a body whose value at ``place`` is a text that is not the tenant."""
    value: object = body
    for name in place:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str) and not _names(caller, value):
        raise forbidden_tenant(("body", *place))


def check_permission(caller: Caller, permission: Permission) -> None:
    """Refuse with 403 a caller whose token lacks the permission."""
    if permission not in caller.permissions:
        message = f"the token's scope lacks {permission}"
        problem = Problem(("header", "authorization"), message, "permission_error.scope")
        raise RefusalError(403, [problem])


def forbidden_tenant(loc: Location) -> RefusalError:
    """Return the 403 of a request that names another tenant than its token."""
    message = "this is not the tenant of the token"
    return RefusalError(403, [Problem(loc, message, "permission_error.tenant")])


def _names(caller: Caller, value: str) -> bool:
    return value.lower() == caller.tenant.value


def _mint_tenant(value: object, claim: str) -> TenantId:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        message = f"the token's claim {claim!r} names no tenant (a UUID)"
        problem = Problem(("header", "authorization"), message, "permission_error.tenant")
        raise RefusalError(403, [problem])
    return TenantId(value.lower())


def _read_permissions(scope: object) -> frozenset[str]:
    # Only the one space-separated string of the contract grants anything.
    return frozenset(scope.split(" ")) if isinstance(scope, str) else frozenset()


def _read_groups(value: object, claim: str) -> Sequence[str]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise unauthenticated("claims", f"the claim {claim!r} is not a list of strings")
    return value


def _read_text(claims: Claims, claim: str) -> str | None:
    value = claims.get(claim)
    if value is not None and not isinstance(value, str):
        raise unauthenticated("claims", f"the claim {claim!r} is not a string")
    return value
