"""The connections: one pool, deferred reading transactions, immediate writing ones.

SQLite: a transaction that reads first and writes later can meet "database is locked" at once,
whatever the timeout, when another wrote in between; so writers take the write lock at their
beginning and wait for it. Readers never wait (WAL).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from headwater.domain.errors import ConfigError, RetryableError

BUSY_TIMEOUT_MS: Final = 30_000
WRITES: Final = "headwater_writes"
"""Execution option of the engine whose transactions may write."""

DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}


@dataclass(frozen=True, slots=True)
class Database:
    """Opens transactions. Trouble with the database itself surfaces as ``RetryableError``."""

    engine: AsyncEngine

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that sees one state of the database and writes nothing."""
        async with _translating_errors(), self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that may write; it commits at the end, or not at all."""
        writer = self.engine.execution_options(**{WRITES: True})
        async with _translating_errors(), writer.begin() as connection:
            yield connection


@asynccontextmanager
async def _translating_errors() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        cause = error.orig if isinstance(error, OperationalError | InterfaceError) else error
        raise RetryableError(
            f"The catalog database is busy or away ({cause}). Try again; if this stays, look for"
            " a full disk, a read-only file or a server that is down."
        ) from error


def parse_url(text: str) -> URL:
    """Return the catalog's URL with the driver we use; ``ConfigError`` for one we cannot."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ConfigError(
            "HEADWATER_DATABASE_URL is no SQLAlchemy URL; write sqlite:////path/to/catalog.db"
            " or postgresql://user@host/database."
        ) from error
    driver = DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise ConfigError(
            f"HEADWATER_DATABASE_URL names {url.get_backend_name()!r}; use sqlite or postgresql."
        )
    if driver == DRIVERS["sqlite"] and (url.database or ":memory:") == ":memory:":
        raise ConfigError(
            "HEADWATER_DATABASE_URL names SQLite without a file; several processes share the"
            " catalog, so write sqlite:////path/to/catalog.db."
        )
    return url.set(drivername=driver)


def find_file(url: URL) -> Path | None:
    """Return the SQLite file that the URL names; ``None`` for a server."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def make_engine(url: URL) -> AsyncEngine:
    """Return the engine; nothing is opened yet. Errors never show the values of a statement."""
    engine = create_async_engine(url, hide_parameters=True)
    if url.get_backend_name() == "sqlite":
        event.listen(engine.sync_engine, "connect", prepare_connection)
        event.listen(engine.sync_engine, "begin", begin_transaction)
        event.listen(engine.sync_engine, "invalidate", end_transaction)
    return engine


def prepare_connection(connection: Any, _record: object) -> None:
    """Set what SQLite keeps per connection, and take transactions out of the driver's hands."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    # A job that was answered for survives a power cut too, which NORMAL would not promise.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def begin_transaction(connection: Connection) -> None:
    """Begin as the engine's option says: writers lock now, readers when they first read."""
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def end_transaction(connection: Any, _record: object, error: BaseException | None) -> None:
    """Roll back what a cancelled caller leaves behind, before its connection is thrown away.

    SQLite closes a connection only after its last cursor: until then an open transaction would keep
    everybody else from writing.
    """
    if isinstance(error, asyncio.CancelledError):
        connection.rollback()
