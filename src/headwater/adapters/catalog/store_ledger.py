"""What was written to a vector store that is elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schema import store_ledger, store_terms
from headwater.adapters.catalog.statements import (
    Turn,
    make_insert,
    split_batches,
    take_turn,
    upsert_rows,
)
from headwater.domain.ids import DocumentId, Namespace

ALL_RECORDS: Final = -1
"""No hash is negative: under this term stands how many records were counted."""


@dataclass(frozen=True, slots=True)
class SqlStoreLedger:
    """Implements :class:`headwater.ports.StoreLedger`."""

    database: Database

    async def expect(
        self, namespace: Namespace, records: Mapping[DocumentId, int]
    ) -> Mapping[DocumentId, int]:
        """Note that each document is about to have so many records; return what it may have had."""
        async with self.database.write() as connection:
            await take_turn(connection, namespace.tenant, Turn.LEDGER)
            known = await _read(connection, namespace, list(records))
            most = {key: max(count, known.get(key, 0)) for key, count in records.items()}
            await upsert_rows(connection, store_ledger, _ledger_rows(namespace, most))
        return known

    async def confirm(self, namespace: Namespace, records: Mapping[DocumentId, int]) -> None:
        """Note that each document has exactly so many records; one with none is forgotten."""
        kept = {key: count for key, count in records.items() if count}
        gone = [key for key, count in records.items() if not count]
        async with self.database.write() as connection:
            await take_turn(connection, namespace.tenant, Turn.LEDGER)
            await upsert_rows(connection, store_ledger, _ledger_rows(namespace, kept))
            for some in split_batches(gone):
                named = store_ledger.c.document_id.in_(some)
                await connection.execute(
                    delete(store_ledger).where(_of(store_ledger, namespace), named)
                )

    async def read(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, int]:
        """Return the most records each document may have; others are absent."""
        async with self.database.read() as connection:
            return await _read(connection, namespace, document_ids)

    async def forget(self, namespace: Namespace) -> None:
        """Forget all that was written to the namespace, its words too."""
        async with self.database.write() as connection:
            await take_turn(connection, namespace.tenant, Turn.LEDGER)
            for table in (store_ledger, store_terms):
                await connection.execute(delete(table).where(_of(table, namespace)))

    async def count_terms(
        self, namespace: Namespace, terms: Mapping[int, int], records: int
    ) -> None:
        """Add to the number of records there are, and of those that hold each term."""
        counts = {**terms, ALL_RECORDS: records}
        rows = [
            {**_key(namespace), "term": term, "records": count}
            for term, count in sorted(counts.items())
        ]
        async with self.database.write() as connection:
            await connection.execute(_adding(connection), rows)

    async def read_terms(
        self, namespace: Namespace, terms: Sequence[int]
    ) -> tuple[int, Mapping[int, int]]:
        """Return how many records were counted, and how many of them hold each of these terms."""
        found: dict[int, int] = {}
        async with self.database.read() as connection:
            for some in split_batches([ALL_RECORDS, *terms]):
                query = select(store_terms.c.term, store_terms.c.records)
                named = store_terms.c.term.in_(some)
                rows = await connection.execute(query.where(_of(store_terms, namespace), named))
                found.update({row.term: row.records for row in rows})
        return found.pop(ALL_RECORDS, 0), found


def _key(namespace: Namespace) -> dict[str, Any]:
    return {"tenant": str(namespace.tenant), "generation": namespace.generation}


def _of(table: Table, namespace: Namespace) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in _key(namespace).items()))


def _ledger_rows(
    namespace: Namespace, records: Mapping[DocumentId, int]
) -> list[Mapping[str, Any]]:
    return [
        {**_key(namespace), "document_id": key, "records": count} for key, count in records.items()
    ]


async def _read(
    connection: AsyncConnection, namespace: Namespace, document_ids: Sequence[DocumentId]
) -> dict[DocumentId, int]:
    found: dict[DocumentId, int] = {}
    for some in split_batches(document_ids):
        query = select(store_ledger.c.document_id, store_ledger.c.records)
        named = store_ledger.c.document_id.in_(some)
        rows = await connection.execute(query.where(_of(store_ledger, namespace), named))
        found.update({DocumentId(row.document_id): row.records for row in rows})
    return found


def _adding(connection: AsyncConnection) -> Any:
    statement = make_insert(connection, store_terms)
    return statement.on_conflict_do_update(
        index_elements=["tenant", "generation", "term"],
        set_={"records": store_terms.c.records + statement.excluded.records},
    )
