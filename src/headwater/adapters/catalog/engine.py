"""The connections: one pool, and transactions that read or write.

SQLite: a transaction that reads first and writes later can meet "database is locked" at once,
whatever the timeout, when another wrote in between; so writers take the write lock at their
beginning and wait for it. Readers never wait (WAL).

Postgres: readers see one state from beginning to end; writers lock what they write by rows, and where
that is not enough by turns.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from psycopg.abc import Buffer
from psycopg.conninfo import make_conninfo
from psycopg.errors import DiskFull
from psycopg.pq import PGconn, Ping
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import URL, Connection, ExceptionContext, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from headwater.domain.errors import BackendAwayError, ConfigError

BUSY_TIMEOUT_MS: Final = 30_000
WRITES: Final = "headwater_writes"
"""Execution option of the engine whose transactions may write."""

SQLITE, POSTGRES = "sqlite+aiosqlite", "postgresql+psycopg"
SPELLINGS: Final = {
    "sqlite": SQLITE,
    SQLITE: SQLITE,
    "postgres": POSTGRES,
    "postgresql": POSTGRES,
    POSTGRES: POSTGRES,
}

POOL: Final = {
    "pool_size": 10,
    "max_overflow": 10,
    "pool_timeout": BUSY_TIMEOUT_MS / 1000,
    # A server that was restarted is met by a new connection, not by an error for each old one.
    "pool_pre_ping": True,
}

SESSION: Final = {
    # As long as SQLite's writers wait; what a vanished machine had locked is free a minute later.
    "lock_timeout": BUSY_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": 60_000,
    # Compiling a statement took a second where it then ran for 40 ms: what it costs is guessed too high
    # while a list that was written this minute has no statistics.
    "jit": "off",
}

CONNECT_SECONDS: Final = 10

CONNECTING: Final = {
    "application_name": "headwater",
    "connect_timeout": CONNECT_SECONDS,
    # A server whose machine is gone is given up within half a minute.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class Database:
    """Opens transactions. Trouble with the database itself surfaces as ``BackendAwayError``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._reader = engine.execution_options(**_reading(engine))
        self._writer = engine.execution_options(**{WRITES: True})

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that sees one state of the database and writes nothing."""
        async with _translating_errors(), self._reader.begin() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that may write; it commits at the end, or not at all.

        On Postgres each statement sees what others have committed before it, so what is read in
        order to be written back is locked first: by its row, or by a turn (``statements.take_turn``).
        """
        async with _translating_errors(), self._writer.begin() as connection:
            yield connection


@asynccontextmanager
async def _translating_errors() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, InternalError, PoolTimeoutError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise BackendAwayError(_advise(cause)) from error


def _advise(cause: BaseException | None) -> str:
    if _is_disk_full(cause):
        return f"The disk of the catalog database is full ({cause}); make room on it."
    return (
        f"The catalog database is busy or away ({cause}). Try again; if this stays, look for"
        " a full disk, a read-only file or a server that is down."
    )


def _is_disk_full(cause: BaseException | None) -> bool:
    """Tell SQLite's and Postgres's own words for it."""
    code = getattr(cause, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or isinstance(cause, DiskFull)


def _reading(engine: AsyncEngine) -> Mapping[str, Any]:
    """Return the options of a reading transaction; SQLite's see one state by themselves."""
    if engine.dialect.name == "sqlite":
        return {}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def parse_url(text: str) -> URL:
    """Return the catalog's URL with the driver we use; ``ConfigError`` for one we cannot."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Not "from" the error: it may quote what it took for a port, which may be half a password.
        raise ConfigError(
            "HEADWATER_DATABASE_URL is no SQLAlchemy URL; write sqlite:////path/to/catalog.db or"
            " postgresql://user:password@host/database, with %40 for an @ in the password, %2F for"
            " a /, %3A for a :."
        ) from None
    driver = SPELLINGS.get(url.drivername)
    if driver is None:
        raise ConfigError(
            f"HEADWATER_DATABASE_URL begins with {url.drivername}://, which we do not speak; use"
            " sqlite:// or postgresql://."
        )
    _refuse_nameless(url, driver)
    return url.set(drivername=driver)


def _refuse_nameless(url: URL, driver: str) -> None:
    if driver == SQLITE and (url.database or ":memory:") == ":memory:":
        raise ConfigError(
            "HEADWATER_DATABASE_URL names SQLite without a file; several processes share the"
            " catalog, so write sqlite:////path/to/catalog.db."
        )
    if driver == POSTGRES and not url.database:
        raise ConfigError(
            "HEADWATER_DATABASE_URL names a server without a database; write"
            " postgresql://user:password@host/database."
        )


def find_file(url: URL) -> Path | None:
    """Return the SQLite file that the URL names; ``None`` for a server."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def make_engine(url: URL) -> AsyncEngine:
    """Return the engine; nothing is opened yet. Errors never show the values of a statement."""
    if find_file(url) is None:
        arguments = server_arguments(url)
        engine = create_async_engine(url, hide_parameters=True, connect_args=arguments, **POOL)
        event.listen(engine.sync_engine, "connect", take_any_text)
        event.listen(engine.sync_engine, "handle_error", hide_rows)
        return engine
    engine = create_async_engine(url, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", prepare_connection)
    event.listen(engine.sync_engine, "begin", begin_transaction)
    event.listen(engine.sync_engine, "invalidate", end_transaction)
    return engine


def server_arguments(url: URL) -> dict[str, Any]:
    """Return how a connection to Postgres is made, as far as the URL does not say otherwise."""
    ours = [f"-c {name}={value}" for name, value in SESSION.items()]
    theirs = url.query.get("options", "")
    options = " ".join([*ours, theirs if isinstance(theirs, str) else " ".join(theirs)])
    left_open = {name: value for name, value in CONNECTING.items() if name not in url.query}
    return {**left_open, "options": options.strip()}


class AnyText(StrDumperUnknown):
    """Lets texts have NUL characters, which Postgres has no place for: a mark stands for each."""

    def dump(self, obj: str) -> Buffer | None:
        """Return the text as it is sent."""
        return super().dump(obj.replace("\0", "\ufffd"))


def take_any_text(connection: Any, _record: object) -> None:
    """Let a new connection send texts as :class:`AnyText` does."""
    connection.driver_connection.adapters.register_dumper(str, AnyText)


def hide_rows(context: ExceptionContext) -> None:
    """Leave of an error what Postgres says, without the row that it quotes: that may be a secret."""
    said = getattr(getattr(context.original_exception, "diag", None), "message_primary", None)
    if said is not None and context.sqlalchemy_exception is not None:
        context.original_exception.args = (said,)
        context.sqlalchemy_exception.args = (said,)


def name_server(url: URL) -> str:
    """Return where a server's database is, without anything secret."""
    place = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return place.render_as_string()


def is_answering(url: URL) -> bool:
    """Tell whether a Postgres is there that takes connections, be it not ours."""
    _, arguments = url.get_dialect()().create_connect_args(url)
    conninfo = make_conninfo(**{"connect_timeout": CONNECT_SECONDS, **arguments})
    return PGconn.ping(conninfo.encode()) == Ping.OK


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
