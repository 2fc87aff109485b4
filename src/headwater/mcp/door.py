"""The door of the HTTP transport: nobody comes in without a token that the API itself accepts."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.client import AsyncClient, ClientError, Problem, RefusalError

OpenClient = Callable[[str, str], AsyncClient]
"""Gives a client for a token and its tenant."""

NO_TENANT: Final = ""
UNAUTHENTICATED: Final = 401


class Door:
    """Asks the API about the token of every request, before anything reads the request's body."""

    def __init__(self, app: ASGIApp, callers: "Callers") -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        refusal = await self._judge(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    async def _judge(self, request: Request) -> Response | None:
        try:
            async with self._callers.connect(request) as client:
                await client.list_jobs(limit=1)
        except ClientError as error:
            return _refuse(error)
        return None


class Callers:
    """Who asks, by the bearer token of a request.

    The token is read, without belief, for the tenant it names under ``tenant_claim``: the API refuses
    a token that it did not verify, and one whose tenant is another.
    """

    def __init__(self, open_client: OpenClient, tenant_claim: str) -> None:
        self._open_client = open_client
        self._tenant_claim = tenant_claim

    @asynccontextmanager
    async def connect(self, request: Request | None) -> AsyncGenerator[AsyncClient, None]:
        """Give the API as the request's sender sees it."""
        token = read_bearer(request)
        async with self._open_client(token, read_tenant(token, self._tenant_claim)) as client:
            yield client


def read_bearer(request: Request | None) -> str:
    """Return the token of a request's one ``Authorization`` header; nothing without one."""
    given = request.headers.getlist("authorization") if request else []
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    fits = scheme.lower() == "bearer" and token.isascii() and token.isprintable()
    return token.strip(" ") if fits else ""


def read_tenant(token: str, claim: str) -> str:
    """Return the tenant that a token names, verified or not; nothing for what is no token."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        # What is no token is not for us to judge either: the API refuses it with its own words.
        return NO_TENANT
    tenant = claims.get(claim)
    return tenant if isinstance(tenant, str) else NO_TENANT


def _refuse(error: ClientError) -> Response:
    """Return the API's own refusal; 503 where it did not answer."""
    problems = error.problems if isinstance(error, RefusalError) else (_silence(error),)
    status = error.status if isinstance(error, RefusalError) else 503
    detail = [{"loc": list(item.loc), "msg": item.msg, "type": item.type} for item in problems]
    headers = {"WWW-Authenticate": 'Bearer realm="headwater"'} if status == UNAUTHENTICATED else {}
    return JSONResponse({"detail": detail}, status_code=status, headers=headers)


def _silence(error: ClientError) -> Problem:
    return Problem(("service",), str(error), "unavailable_error")
