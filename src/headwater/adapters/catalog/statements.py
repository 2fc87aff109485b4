"""Pieces of SQL that SQLite and Postgres both speak."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, TypeVar
from zlib import crc32

from sqlalchemy import ColumnElement, FromClause, Table, and_, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.rows import AnyRow
from headwater.domain.ids import TenantId
from headwater.domain.jobs import JobRef

Item = TypeVar("Item")
Row = Mapping[str, Any]

MAX_VALUES: Final = 900
"""Values in one ``IN``: SQLite before 3.32 stops at 999 variables in a statement."""

_SIGNED: Final = 2**31
"""Keys of advisory locks are signed numbers of 32 bits."""


def split_batches(items: Sequence[Item], size: int = MAX_VALUES) -> Iterator[Sequence[Item]]:
    """Yield the items in order, at most ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def of_job(table: FromClause, ref: JobRef) -> ColumnElement[bool]:
    """Return the condition that a row belongs to this job of this tenant."""
    return and_(table.c.tenant == str(ref.tenant), table.c.job_id == ref.job_id)


def sort_by_id(rows: Sequence[AnyRow]) -> list[AnyRow]:
    """Return rows of documents by their id.

    Sorted here: asked for that order, SQLite walks all of a tenant's documents in it instead of
    looking up the few.
    """
    return sorted(rows, key=lambda row: row.document_id)


async def upsert_rows(
    connection: AsyncConnection, table: Table, rows: Sequence[Row], *, kept: Collection[str] = ()
) -> None:
    """Insert whole rows; where the key exists already, every other column but the kept is replaced."""
    if not rows:
        return
    statement = make_insert(connection, table)
    keys = [column.name for column in table.primary_key.columns]
    replaced = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    changed = {name: value for name, value in replaced.items() if name not in kept}
    # Two that write the same rows in two orders would wait for each other on Postgres.
    ordered = sorted(rows, key=lambda row: [row[name] for name in keys])
    await connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changed), ordered
    )


def make_insert(connection: AsyncConnection, table: Table) -> Any:
    """Return an ``INSERT`` that can say what to do where the key exists already."""
    return postgresql.insert(table) if _is_postgres(connection) else sqlite.insert(table)


class Turn(IntEnum):
    """What the writers of one tenant, or of one site, take turns at. The numbers are Postgres's, for ever."""

    INDEX = 1
    """Documents, who may read them, and what was deleted on request."""

    LEDGER = 2
    """What a vector store elsewhere holds."""

    SITE = 3
    """What each process has of the requests that a Confluence bears."""


async def take_turn(connection: AsyncConnection, tenant: TenantId, turn: Turn = Turn.INDEX) -> None:
    """Wait until no other transaction has the tenant's turn, and keep it until the caller's ends.

    For what is decided by rows that are read first, or that are not there yet, as no row lock could
    hold those. Taken before any row is locked, so that nobody who has a row waits for a turn. SQLite's
    writers take turns anyway.
    """
    if _is_postgres(connection):
        key = func.hashtext(str(tenant))
        await connection.execute(select(func.pg_advisory_xact_lock(int(turn), key)))


async def take_site_turns(connection: AsyncConnection, sites: Collection[str]) -> None:
    """Take the turns of some sites as :func:`take_turn` does, in an order that is everybody's."""
    if sites and _is_postgres(connection):
        keys = sorted({crc32(site.encode()) - _SIGNED for site in sites})
        locks = [func.pg_advisory_xact_lock(int(Turn.SITE), key) for key in keys]
        await connection.execute(select(*locks))


async def keep_out_writers(connection: AsyncConnection, *tables: Table) -> None:
    """Let no other transaction write to these tables until the caller's ends."""
    if _is_postgres(connection):
        names = ", ".join(table.name for table in tables)
        await connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))


def _is_postgres(connection: AsyncConnection) -> bool:
    return connection.dialect.name == "postgresql"
