"""The order in which a request is checked, in one place.

401, the tenant's rate limit (429), 403 for tenant and scope, 400, 403 for the body's tenant, 422.
FastAPI's own parsing would read a body before anybody asked who sent it, so nothing is declared to
it: a route calls one of these functions first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar, cast

from fastapi import FastAPI, Request
from pydantic import BaseModel

from headwater.adapters.quotas import RateLimiter
from headwater.adapters.tokens.callers import Authenticator, Caller, Permission
from headwater.api.auth import (
    check_body_tenant,
    check_permission,
    check_tenant_header,
    read_bearer,
)
from headwater.api.errors import Problem, RefusalError
from headwater.api.json_bodies import read_json_object
from headwater.api.validation import validate
from headwater.domain.errors import RetryableError
from headwater.ports import Ports

M = TypeVar("M", bound=BaseModel)
N = TypeVar("N", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Gate:
    """What admission needs to know."""

    authenticator: Authenticator
    limiter: RateLimiter


class _Known(NamedTuple):
    """A caller who may make this call, and what is wrong with his tenant header."""

    caller: Caller
    problems: list[Problem]


def is_stopping(app: FastAPI) -> bool:
    """Tell whether the server was asked to stop: what is under way ends, nothing new begins."""
    return cast("bool", app.state.stopping)


def ports_of(request: Request) -> Ports:
    """Return the open ports; 503 before they are open and once the server is to stop."""
    ports = request.app.state.ports
    if ports is None or is_stopping(request.app):
        raise RetryableError("the service is starting or shutting down; try again")
    return cast("Ports", ports)


async def admit(request: Request, permission: Permission) -> Caller:
    """Admit a request that has neither body nor query."""
    known = await _identify(request, permission)
    _refuse_invalid(known.problems)
    return known.caller


async def admit_query(request: Request, permission: Permission, model: type[M]) -> tuple[Caller, M]:
    """Admit a request by its query string."""
    known = await _identify(request, permission)
    return known.caller, _accept(model, dict(request.query_params), "query", known.problems)


async def admit_body(request: Request, permission: Permission, model: type[M]) -> tuple[Caller, M]:
    """Admit a request by its JSON body."""
    known = await _identify(request, permission)
    body = await read_json_object(request)
    check_body_tenant(known.caller, body)
    return known.caller, _accept(model, body, "body", known.problems)


async def admit_query_and_body(
    request: Request,
    permission: Permission,
    models: tuple[type[N], type[M]],
    *,
    tenant_at: tuple[str, ...],
) -> tuple[Caller, N, M]:
    """Admit a request by its query string and its JSON body, which names the tenant at ``tenant_at``."""
    known = await _identify(request, permission)
    body = await read_json_object(request)
    check_body_tenant(known.caller, body, tenant_at)
    query, found = validate(models[0], dict(request.query_params), "query")
    accepted = _accept(models[1], body, "body", [*known.problems, *found])
    return known.caller, cast("N", query), accepted


async def admit_optional_body(
    request: Request, permission: Permission, model: type[M]
) -> tuple[Caller, M]:
    """Admit a request that may do without a body: none at all stands for an empty object."""
    if _announces_body(request):
        return await admit_body(request, permission, model)
    known = await _identify(request, permission)
    return known.caller, _accept(model, {}, "body", known.problems)


def _announces_body(request: Request) -> bool:
    headers = request.headers
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _identify(request: Request, permission: Permission) -> _Known:
    gate = cast("Gate", request.app.state.gate)
    caller = await gate.authenticator.identify(read_bearer(request.headers))
    gate.limiter.admit(caller.tenant)
    problems = check_tenant_header(caller, request.headers)
    check_permission(caller, permission)
    return _Known(caller, problems)


def _accept(model: type[M], values: Mapping[str, object], place: str, problems: list[Problem]) -> M:
    accepted, found = validate(model, values, place)
    _refuse_invalid([*problems, *found])
    return cast("M", accepted)


def _refuse_invalid(problems: list[Problem]) -> None:
    if problems:
        raise RefusalError(422, problems)
