"""Who is signed in: a random name in the browser, everything else sealed on the server."""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from headwater.domain.errors import ConfigError
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.ports import SecretBox, SessionStore, StoredSession
from headwater.services.credentials import Login

NAME_BYTES: Final = 32
"""Of a session's name and of its form token: as hard to guess as a key."""

LONGEST: Final = timedelta(hours=24)
"""However long a token counts, somebody who left is signed out a day later."""


@dataclass(frozen=True, slots=True)
class Session:
    """One person at one browser. Whoever knows ``name`` is that person."""

    name: Secret
    token: Secret
    """The bearer token of the sign-in; what it allows is asked of it at every request."""
    csrf: str = field(repr=False)
    expires_at: datetime
    login: Login | None = None
    """The Confluence this person connected, for the steps that follow."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Keeps sessions. Who reads the store learns neither a name nor what is in a session."""

    store: SessionStore
    box: SecretBox
    now: Callable[[], datetime]

    async def begin(self, token: Secret, *, expires_at: float) -> Session:
        """Return a new session under a new name, which ends with its token, or before.

        ``expires_at`` is in seconds since the epoch.
        """
        now = self.now()
        longest = (now + LONGEST).timestamp()
        session = Session(
            name=Secret(make_name()),
            token=token,
            csrf=make_name(),
            expires_at=datetime.fromtimestamp(min(expires_at, longest), UTC),
        )
        await self.store.remove_expired(now)
        await self.store.add(self._seal(session))
        return session

    async def connect(self, session: Session, login: Login | None) -> Session:
        """Remember, or forget, the Confluence that the session is connected to."""
        connected = replace(session, login=login)
        await self.store.replace(self._seal(connected))
        return connected

    async def find(self, name: str) -> Session | None:
        """Return the session of this name; ``None`` where there is none, or none any more."""
        stored = await self.store.find(_digest(name))
        if stored is None or stored.expires_at <= self.now():
            return None
        try:
            plain = self.box.open(stored.sealed)
        except ConfigError:
            return None  # sealed with a key that is gone: signing in again is the way on
        return _read(name, stored.expires_at, plain)

    async def end(self, name: str) -> None:
        """Forget a session; fine if it is gone already."""
        await self.store.remove(_digest(name))

    def _seal(self, session: Session) -> StoredSession:
        key, plain = _digest(session.name.reveal()), json.dumps(_write(session)).encode()
        return StoredSession(key, self.box.seal(plain), session.expires_at)


def make_name() -> str:
    """Return random text that nobody guesses."""
    return secrets.token_urlsafe(NAME_BYTES)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _write(session: Session) -> dict[str, object]:
    login = session.login
    return {
        "token": session.token.reveal(),
        "csrf": session.csrf,
        "login": login
        and {
            "instance_url": login.address.instance_url,
            "web_url": login.address.web_url,
            "username": login.credential.username,
            "token": login.credential.token.reveal(),
        },
    }


def _read(name: str, expires_at: datetime, plain: bytes) -> Session:
    held = json.loads(plain)
    login = held["login"]
    return Session(
        name=Secret(name),
        token=Secret(held["token"]),
        csrf=held["csrf"],
        expires_at=expires_at,
        login=login
        and Login(
            SiteAddress(login["instance_url"], login["web_url"]),
            SiteCredential(login["username"], Secret(login["token"])),
        ),
    )
