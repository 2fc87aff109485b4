"""Pieces of SQL that SQLite and Postgres both speak."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Table, and_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.domain.jobs import JobRef

Item = TypeVar("Item")
Row = Mapping[str, Any]

MAX_VALUES: Final = 900
"""Values in one ``IN``: SQLite before 3.32 stops at 999 variables in a statement."""


def split_batches(items: Sequence[Item], size: int = MAX_VALUES) -> Iterator[Sequence[Item]]:
    """Yield the items in order, at most ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def of_job(table: Table, ref: JobRef) -> ColumnElement[bool]:
    """Return the condition that a row belongs to this job of this tenant."""
    return and_(table.c.tenant == str(ref.tenant), table.c.job_id == ref.job_id)


async def upsert_rows(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert whole rows; where the key exists already, every other column is replaced."""
    if not rows:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    keys = [column.name for column in table.primary_key.columns]
    replaced = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=replaced), list(rows)
    )
