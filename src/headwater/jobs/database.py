"""Where the job engine keeps what it knows: a file of the data dir, or a schema in the catalog's Postgres."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

import sqlalchemy
from dbos import DBOSConfig

from headwater.domain.errors import BackendAwayError, ConfigError, RetryableError

SCHEMA: Final = "dbos"
"""Of the engine's tables, beside the catalog's own schema in the same database."""

PROBE_BYTES: Final = 256 << 10
"""More than the engine notes at a time."""

POOL_SIZE: Final = 8
"""Connections of one process: for the jobs it runs side by side, and for looking after them."""


@dataclass(frozen=True, slots=True)
class JobDatabase:
    """The engine's database. ``str`` of it is for people; the URL, which has a password, never is."""

    folder: Path
    server_url: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return where the engine's tables are."""
        return f"the folder {self.folder}" if self.server_url is None else "the Postgres database"

    def prepare(self) -> DBOSConfig:
        """Make ready what can be made before the engine starts; return its part of the settings."""
        if self.server_url is not None:
            return DBOSConfig(
                system_database_url=self.server_url,
                dbos_system_schema=SCHEMA,
                sys_db_pool_size=POOL_SIZE,
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        _use_write_ahead_log(self.folder / "jobs.db")
        return DBOSConfig(system_database_url=f"sqlite:///{self.folder / 'jobs.db'}")

    def check_room(self) -> None:
        """Raise ``BackendAwayError`` where a file on the disk cannot grow; a server says so itself."""
        if self.server_url is not None:
            return
        try:
            with TemporaryFile(dir=self.folder) as probe:
                probe.write(b"\0" * PROBE_BYTES)
        except OSError as error:
            raise BackendAwayError(
                f"the job database in {self} cannot grow ({error.strerror}); make room on its disk,"
                " and see that it can be written"
            ) from error


def _use_write_ahead_log(path: Path) -> None:
    """Let readers and one writer work side by side; the mode stays with the file."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


@contextmanager
def explaining(place: JobDatabase) -> Iterator[None]:
    """Say what to do about a place in which jobs cannot be kept; raise ``ConfigError``."""
    try:
        yield
    except (OSError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        advice = (
            "give this process write access, or restore the folder from a backup"
            if place.server_url is None
            else f"let its user create the schema {SCHEMA}, or create it for that user"
        )
        raise ConfigError(f"cannot keep jobs in {place} ({error}); {advice}") from error


@contextmanager
def waiting_for(place: JobDatabase) -> Iterator[None]:
    """Turn trouble with the engine's database into ``RetryableError``."""
    try:
        yield
    except sqlalchemy.exc.SQLAlchemyError as error:
        advice = (
            "check disk and permissions"
            if place.server_url is None
            else "check that the server runs and can be reached"
        )
        raise RetryableError(f"the job database in {place} does not answer; {advice}") from error
