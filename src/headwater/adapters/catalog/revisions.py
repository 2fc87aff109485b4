"""The schema's revisions: brings a database up to this code's, with Alembic."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError

from headwater.adapters.catalog.engine import (
    WRITES,
    begin_transaction,
    find_file,
    is_answering,
    name_server,
    prepare_connection,
    server_arguments,
)
from headwater.domain.errors import ConfigError, HeadwaterError, RetryableError

SCRIPTS: Final = Path(__file__).parent / "migrations"
UPGRADE_SECONDS: Final = 300
POSTGRES_LOCK: Final = 0x68656164
"""Key of the advisory lock under which one process at a time upgrades."""


def upgrade_schema(url: URL) -> None:
    """Create the database or bring it to the newest revision; one process at a time does.

    Raises ``ConfigError`` for a database that cannot be opened, or that newer code has written;
    ``RetryableError`` for a server that is away.
    """
    try:
        with _lock_file(find_file(url)), open_connection(url) as connection:
            config = make_config(connection)
            _refuse_newer(connection)
            command.upgrade(config, "head")
    except (OSError, DatabaseError) as error:
        raise _explain(url, error.orig if isinstance(error, DatabaseError) else error) from error


def _explain(url: URL, cause: BaseException | None) -> HeadwaterError:
    """Return what to say of a database that cannot be opened, without its password."""
    if find_file(url) is not None:
        return ConfigError(
            f"The catalog at {url.render_as_string()} cannot be opened: {cause}. Check"
            " HEADWATER_DATABASE_URL, HEADWATER_DATA_DIR and who may write there."
        )
    server = f"The database of HEADWATER_DATABASE_URL, {name_server(url)},"
    if is_answering(url):
        return ConfigError(
            f"{server} cannot be used: {cause}. Check the user, the password, that the database"
            " exists, and that the user may create tables in it."
        )
    return RetryableError(
        f"{server} does not answer: {cause}. Check host and port; if they are right, start the"
        " server, or wait until it takes connections."
    )


def list_revisions() -> frozenset[str]:
    """Return every revision that this code knows."""
    return frozenset(item.revision for item in ScriptDirectory(str(SCRIPTS)).walk_revisions())


def make_config(connection: Connection) -> Config:
    """Return Alembic's configuration: our scripts, run on this connection."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def open_connection(url: URL) -> Iterator[Connection]:
    """Open a connection in one writing transaction, on a short-lived engine of its own."""
    engine = _make_engine(url)
    try:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            if find_file(url) is None:
                connection.execute(text(f"SET LOCAL lock_timeout = '{UPGRADE_SECONDS}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": POSTGRES_LOCK})
            yield connection
    finally:
        engine.dispose()


def _lock_file(file: Path | None) -> AbstractContextManager[object]:
    if file is None:
        return nullcontext()
    file.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(f"{file}.lock", timeout=UPGRADE_SECONDS)


def _make_engine(url: URL) -> Engine:
    if find_file(url) is None:
        return create_engine(url, hide_parameters=True, connect_args=server_arguments(url))
    engine = create_engine(url.set(drivername="sqlite+pysqlite"))
    event.listen(engine, "connect", prepare_connection)
    event.listen(engine, "connect", _write_ahead)
    event.listen(engine, "begin", begin_transaction)
    return engine


def _write_ahead(connection: Any, _record: object) -> None:
    # The file remembers this; two processes that switch at once would find it locked.
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


def _refuse_newer(connection: Connection) -> None:
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - list_revisions()
    if unknown:
        raise ConfigError(
            f"The catalog was written by a newer Headwater (schema {', '.join(sorted(unknown))})."
            " Start that version or a newer one, or restore a backup made by this one."
        )
