"""Who asks for a page, and whether he may: the console's gate.

Every page begins with :func:`admit`, every form that is sent with :func:`admit_form`.
"""

import hmac
from dataclasses import dataclass
from typing import Final, cast

from fastapi import FastAPI, Request

from headwater.adapters.quotas import OpenStreams, RateLimiter
from headwater.adapters.tokens.callers import Authenticator, Caller, Permission
from headwater.console.cookies import SESSION, read_cookie
from headwater.console.forms import Form, read_form
from headwater.console.sessions import Session, Sessions
from headwater.domain.access import Reader
from headwater.domain.errors import (
    NotAllowedError,
    NoTenantError,
    RetryableError,
    UnauthenticatedError,
)
from headwater.domain.ids import TenantId
from headwater.ports import Ports
from headwater.services.credentials import Login

CSRF: Final = "csrf"
"""The field of every form that proves that this console made it."""

_DEFAULT_PORTS: Final = {"https": ":443", "http": ":80"}
"""Browsers leave them out of ``Origin``; a proxy may put them into ``Host``."""


class NotSignedInError(Exception):
    """Ends a request of somebody who is not signed in, or is not any more."""


class NotConnectedError(Exception):
    """Ends a request that needs a Confluence, where the session is connected to none."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What admission needs to know."""

    authenticator: Authenticator
    sessions: Sessions
    limiter: RateLimiter
    streams: OpenStreams


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who is signed in, and what his token allows right now."""

    session: Session
    caller: Caller

    @property
    def tenant(self) -> TenantId:
        """The tenant of the token."""
        return self.caller.tenant

    @property
    def reader(self) -> Reader:
        """The principals of the token."""
        return self.caller.reader

    @property
    def sight(self) -> Reader | None:
        """Whose eyes to look at documents with: ``None`` for who may change, and sees, everything."""
        return self.caller.sight

    @property
    def may_write(self) -> bool:
        """Whether forms that change something are shown, and accepted."""
        return Permission.WRITE in self.caller.permissions


def find_login(visit: Visit) -> Login:
    """Return the Confluence that the session is connected to; ``NotConnectedError`` without one."""
    if visit.session.login is None:
        raise NotConnectedError
    return visit.session.login


def is_stopping(app: FastAPI) -> bool:
    """Tell whether the server was asked to stop: what is under way ends, nothing new begins."""
    return cast("bool", app.state.stopping)


def ports_of(request: Request) -> Ports:
    """Return the open ports; ``RetryableError`` once the server is to stop."""
    if is_stopping(request.app):
        raise RetryableError("the service is shutting down; reload the page in a moment")
    return cast("Ports", request.app.state.ports)


def gate_of(request: Request) -> Gate:
    """Return what tells who calls."""
    return cast("Gate", request.app.state.gate)


async def find_visit(request: Request) -> Visit | None:
    """Return who is signed in here; ``None`` for nobody, or where the token counts no more."""
    gate, name = gate_of(request), read_cookie(request, SESSION)
    session = await gate.sessions.find(name) if name else None
    if session is None:
        return None
    try:
        caller = await gate.authenticator.identify(session.token.reveal())
    except (UnauthenticatedError, NoTenantError):
        return None  # expired, or trusted otherwise by now: the way on is to sign in again
    return Visit(session, caller)


async def admit(request: Request, permission: Permission = Permission.READ) -> Visit:
    """Admit somebody to a page.

    ``NotSignedInError``, ``TooManyRequestsError`` when the tenant's minute is full, ``NotAllowedError``
    without the scope.
    """
    visit = await find_visit(request)
    if visit is None:
        raise NotSignedInError
    request.state.visit = visit
    gate_of(request).limiter.admit(visit.tenant)
    if permission not in visit.caller.permissions:
        raise NotAllowedError(
            f"your token lacks the scope {permission}; sign in with one that has it"
        )
    return visit


async def admit_form(
    request: Request, permission: Permission = Permission.WRITE
) -> tuple[Visit, Form]:
    """Admit a form that was sent, if this console made it for this person."""
    visit = await admit(request, permission)
    check_origin(request)
    form = await read_form(request)
    check_csrf(form, visit.session.csrf)
    return visit, form


def check_origin(request: Request) -> None:
    """Refuse a form that a page of another site has sent; ``NotAllowedError``.

    Every browser says where a form comes from; what says nothing is none.
    """
    scheme, _, origin = request.headers.get("origin", "").partition("://")
    own = request.headers.get("host", "").removesuffix(_DEFAULT_PORTS.get(scheme, ""))
    said = request.headers.get("sec-fetch-site", "same-origin")
    if said != "same-origin" or not origin or origin != own:
        raise _foreign()


def check_csrf(form: Form, expected: str) -> None:
    """Refuse a form without the token it was given; ``NotAllowedError``."""
    given = form.text(CSRF).encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(given, expected.encode()):
        raise NotAllowedError(
            "this form is out of date or was not made here; reload the page and send it again"
        )


def _foreign() -> NotAllowedError:
    return NotAllowedError(
        "this form does not come from the console; open the console in this browser and use it there"
    )
