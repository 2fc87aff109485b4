"""SQLite databases at one moment, while others read and write them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from headwater.domain.errors import ConfigError, RetryableError

WAIT_SECONDS: Final = 30.0


@contextmanager
def holding_writers(path: Path) -> Iterator[None]:
    """Keep everybody from writing this database while the block runs; readers go on.

    ``RetryableError`` when a writer does not let go in time.
    """
    with _connect(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def freeze(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that sees the database as it is now, while the block runs."""
    with _connect(path) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield connection


def copy_frozen(frozen: sqlite3.Connection, target: Path) -> None:
    """Write what the connection sees into a new file; ``ConfigError`` if that is not sound."""
    with closing(sqlite3.connect(target)) as copy:
        frozen.backup(copy)
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        # One file, without a log beside it; whoever opens it again keeps a log again.
        copy.execute("PRAGMA journal_mode = DELETE")
    if verdict != "ok":
        raise ConfigError(
            f"{target.name} is damaged in the data dir itself ({verdict}); restore an earlier backup"
        )


def read_schema(path: Path) -> str:
    """Return the catalog's revision; empty before its first."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return ",".join(sorted(row[0] for row in rows))


@contextmanager
def _connect(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        # Read and write, but never create: a file that is not there is no database of ours.
        address = f"{path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None)
        with closing(connection):
            yield connection
    except sqlite3.OperationalError as error:
        raise RetryableError(
            f"{path} is busy or cannot be read ({error}); try again, and look for a full disk"
        ) from error
