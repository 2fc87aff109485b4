"""Keeping the console's sessions.

The one store without a tenant: whose session it is becomes known by opening it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it is kept. ``key`` is a digest: it tells nobody how to be that person."""

    key: str
    sealed: bytes = field(repr=False)
    expires_at: datetime


class SessionStore(Protocol):
    """Remembers who is signed in to the console, in every process that serves it."""

    async def add(self, session: StoredSession) -> None:
        """Keep a session under a key that is new."""

    async def replace(self, session: StoredSession) -> None:
        """Keep this in place of the session of the same key; one that is gone stays gone."""

    async def find(self, key: str) -> StoredSession | None: ...

    async def remove(self, key: str) -> None:
        """Forget a session; fine if there is none."""

    async def remove_expired(self, now: datetime) -> int:
        """Forget every session that has expired; return how many those were."""
