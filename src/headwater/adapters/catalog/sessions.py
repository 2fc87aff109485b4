"""The console's sessions, as opaque bytes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schema import console_sessions
from headwater.adapters.catalog.statements import upsert_rows
from headwater.ports import StoredSession


@dataclass(frozen=True, slots=True)
class SqlSessionStore:
    """Implements :class:`headwater.ports.SessionStore`."""

    database: Database

    async def put(self, session: StoredSession) -> None:
        """Add a session, or replace the one of the same key."""
        row = {"key": session.key, "sealed": session.sealed, "expires_at": session.expires_at}
        async with self.database.write() as connection:
            await upsert_rows(connection, console_sessions, [row])

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
