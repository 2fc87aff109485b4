"""What a request says of its caller, held against what the token says."""

from typing import Any, Final

from starlette.datastructures import Headers

from headwater.adapters.tokens.callers import UUID, Caller, Permission
from headwater.api.errors import Location, Problem, RefusalError
from headwater.domain.errors import UnauthenticatedError

TENANT_HEADER: Final = "x-tenantid"


def read_bearer(headers: Headers) -> str:
    """Return the token of the one ``Authorization`` header; ``UnauthenticatedError`` otherwise."""
    given = headers.getlist("authorization")
    if not given:
        raise UnauthenticatedError("missing", "send the header Authorization: Bearer <token>")
    scheme, _, token = given[0].partition(" ")
    token = token.strip(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError("scheme", "send one header Authorization: Bearer <token>")
    return token


def check_tenant_header(caller: Caller, headers: Headers) -> list[Problem]:
    """Return what is wrong with ``x-tenantid``; 403 when it names another tenant."""
    given = headers.getlist(TENANT_HEADER)
    if any(UUID.fullmatch(value) and not _names(caller, value) for value in given):
        raise forbidden_tenant(("header", TENANT_HEADER))
    loc = ("header", TENANT_HEADER)
    if not given:
        return [Problem(loc, "field required", "value_error.missing")]
    if len(given) > 1 or not UUID.fullmatch(given[0]):
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
