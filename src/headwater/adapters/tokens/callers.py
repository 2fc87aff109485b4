"""Who calls: the tenant, permissions and reader that a verified token names.

One of the places where a ``TenantId`` is made; the others are the catalog and the jobs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from headwater.adapters.tokens.verification import LEEWAY, Claims, TokenVerifier
from headwater.domain.access import Reader, make_reader
from headwater.domain.errors import NoTenantError, UnauthenticatedError
from headwater.domain.ids import TenantId

UUID: Final = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


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

    @property
    def sight(self) -> Reader | None:
        """Whose eyes to look at documents with: ``None`` for who may change, and sees, everything."""
        return None if Permission.WRITE in self.permissions else self.reader


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Which claims name the tenant and list the reader's groups."""

    tenant: str
    groups: str


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Tells from a token who calls."""

    verifier: TokenVerifier
    names: ClaimNames

    async def identify(self, token: str) -> Caller:
        """Return the caller; raise ``UnauthenticatedError`` without a valid token, ``NoTenantError``."""
        return make_caller(await self.verifier.verify(token), self.names)


def make_caller(claims: Claims, names: ClaimNames) -> Caller:
    """Return the caller.

    ``NoTenantError`` without a tenant, ``UnauthenticatedError`` for identities of the wrong type.
    """
    return Caller(
        tenant=_mint_tenant(claims.get(names.tenant), names.tenant),
        permissions=_read_permissions(claims.get("scope")),
        reader=make_reader(
            groups=_read_groups(claims.get(names.groups), names.groups),
            account_id=_read_text(claims, "confluence_account_id"),
            email_address=_read_text(claims, "email"),
        ),
        expires_at=claims["exp"] + LEEWAY,
    )


def _mint_tenant(value: object, claim: str) -> TenantId:
    if not isinstance(value, str) or not UUID.fullmatch(value):
        raise NoTenantError(f"the token's claim {claim!r} names no tenant (a UUID)")
    return TenantId(value.lower())


def _read_permissions(scope: object) -> frozenset[str]:
    # Only the one space-separated string of the contract grants anything.
    return frozenset(scope.split(" ")) if isinstance(scope, str) else frozenset()


def _read_groups(value: object, claim: str) -> Sequence[str]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise UnauthenticatedError("claims", f"the claim {claim!r} is not a list of strings")
    return value


def _read_text(claims: Claims, claim: str) -> str | None:
    value = claims.get(claim)
    if value is not None and not isinstance(value, str):
        raise UnauthenticatedError("claims", f"the claim {claim!r} is not a string")
    return value
