"""The console's sessions, as opaque bytes."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schema import console_sessions
from headwater.ports import StoredSession


@dataclass(frozen=True, slots=True)
class SqlSessionStore:
    """Implements :class:`headwater.ports.SessionStore`."""

    database: Database

    async def add(self, session: StoredSession) -> None:
        """Keep a session under a key that is new."""
        async with self.database.write() as connection:
            await connection.execute(insert(console_sessions).values(asdict(session)))

    async def replace(self, session: StoredSession) -> None:
        """Keep this in place of the session of the same key, if it is there."""
        same = console_sessions.c.key == session.key
        async with self.database.write() as connection:
            await connection.execute(update(console_sessions).where(same).values(asdict(session)))

    async def find(self, key: str) -> StoredSession | None:
        """Return the session of this key."""
        query = select(console_sessions).where(console_sessions.c.key == key)
        async with self.database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return StoredSession(row["key"], row["sealed"], row["expires_at"]) if row else None

    async def remove(self, key: str) -> None:
        """Forget a session; fine if there is none."""
        named = console_sessions.c.key == key
        async with self.database.write() as connection:
            await connection.execute(delete(console_sessions).where(named))

    async def remove_expired(self, now: datetime) -> int:
        """Forget every session that has expired; return how many those were."""
        old = console_sessions.c.expires_at <= now
        async with self.database.write() as connection:
            return (await connection.execute(delete(console_sessions).where(old))).rowcount
