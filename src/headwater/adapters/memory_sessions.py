"""Sessions of one process, in memory: the twin of the catalog's."""

from datetime import datetime

from headwater.ports import StoredSession


class MemorySessionStore:
    """Keeps sessions in a dictionary."""

    def __init__(self) -> None:
        self._sessions: dict[str, StoredSession] = {}

    async def add(self, session: StoredSession) -> None:
        """Keep a session."""
        self._sessions[session.key] = session

    async def replace(self, session: StoredSession) -> None:
        """Keep this in place of the session of the same key, if it is there."""
        if session.key in self._sessions:
            self._sessions[session.key] = session

    async def find(self, key: str) -> StoredSession | None:
        """Return the session of this key."""
        return self._sessions.get(key)

    async def remove(self, key: str) -> None:
        """Forget a session."""
        self._sessions.pop(key, None)

    async def remove_expired(self, now: datetime) -> int:
        """Forget every session that has expired."""
        expired = [key for key, item in self._sessions.items() if item.expires_at <= now]
        for key in expired:
            del self._sessions[key]
        return len(expired)
