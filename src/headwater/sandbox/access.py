"""Who is calling: Basic authentication by e-mail address and API token, as a Cloud site takes it."""

import base64
import binascii
from dataclasses import dataclass

from headwater.sandbox.calls import RefusalError
from headwater.sandbox.entities import User
from headwater.sandbox.world import World

REFUSED = (
    "com.atlassian.confluence.mvc.rest.common.exception.StacklessResponseStatusException: "
    '403 FORBIDDEN "Request rejected because caller cannot access Confluence"'
)


class UnreadableHeaderError(Exception):
    """The ``Authorization`` header is Basic and cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Login:
    """An e-mail address and a token, as sent."""

    email: str
    token: str


def read_login(header: str) -> Login | None:
    """Return what a Basic header holds; ``None`` for another scheme or none at all."""
    scheme, _, encoded = header.partition(" ")
    if scheme.casefold() != "basic":
        return None
    try:
        email, colon, token = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise UnreadableHeaderError from error
    if not colon:
        raise UnreadableHeaderError
    return Login(email, token)


def identify(world: World, header: str) -> User | None:
    """Return the caller; ``None`` is anonymous, which a site may allow.

    Wrong credentials count as none: on a site open to the world they get an anonymous answer,
    elsewhere a refusal.
    """
    login = read_login(header)
    user = world.people.find_login(login.email, login.token) if login else None
    if user is None and not world.anonymous_access:
        raise RefusalError(403, REFUSED, code="FORBIDDEN")
    return user
