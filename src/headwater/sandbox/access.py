"""Who is calling a Cloud site: Basic authentication by e-mail address and API token."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse

from headwater.sandbox.calls import RefusalError, TurnedAwayError
from headwater.sandbox.entities import User
from headwater.sandbox.world import World

REFUSED = (
    "com.atlassian.confluence.mvc.rest.common.exception.StacklessResponseStatusException: "
    '403 FORBIDDEN "Request rejected because caller cannot access Confluence"'
)
_TOMCAT = "<html><head><title>HTTP Status 401 - Unauthorized</title></head><body></body></html>"


class UnreadableHeaderError(Exception):
    """The ``Authorization`` header is Basic and cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Login:
    """A name (on Cloud an e-mail address) and a token or password, as sent."""

    name: str
    token: str


def read_login(header: str) -> Login | None:
    """Return what a Basic header holds; ``None`` for another scheme or none at all."""
    scheme, _, encoded = header.partition(" ")
    if scheme.casefold() != "basic":
        return None
    try:
        name, colon, token = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise UnreadableHeaderError from error
    if not colon:
        raise UnreadableHeaderError
    return Login(name, token)


def read_bearer(header: str) -> str | None:
    """Return what a Bearer header holds; ``None`` for another scheme or none at all."""
    scheme, _, token = header.partition(" ")
    return token if scheme.casefold() == "bearer" else None


def open_site_door(world: World, request: Request, _template: str) -> User | None:
    """Return the caller; ``None`` is anonymous, which a site may allow.

    Wrong credentials count as none: on a site open to the world they get an anonymous answer,
    elsewhere a refusal.
    """
    try:
        login = read_login(request.headers.get("authorization", ""))
    except UnreadableHeaderError as error:
        base = f"{request.url.scheme}://{request.url.netloc}/wiki"
        realm = {"www-authenticate": f'OAuth realm="{quote(base, safe="")}"'}
        raise TurnedAwayError(HTMLResponse(_TOMCAT, 401, headers=realm)) from error
    user = world.people.find_login(login.name, login.token) if login else None
    if user is None and not world.anonymous_access:
        raise RefusalError(403, REFUSED, code="FORBIDDEN")
    return user
