"""The vector store on LanceDB."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

import lancedb
import pyarrow as pa
import stamina
from lancedb.db import AsyncConnection
from lancedb.table import AsyncTable

from headwater.adapters.lance import indexes
from headwater.adapters.lance.faults import is_conflict, is_missing_table, lance_faults
from headwater.adapters.lance.filters import is_in, make_predicate
from headwater.adapters.lance.rows import (
    CHUNK_COLUMNS,
    check_length,
    check_schema,
    find_missing,
    make_rows,
    make_schema,
    read_chunks,
    read_dimension,
    replace_metadata,
)
from headwater.adapters.lance.search import search_snapshot
from headwater.domain.content import DocumentMetadata, StoredChunk, StoredMatch
from headwater.domain.ids import DocumentId, Namespace, SpaceKey
from headwater.ports import HybridQuery, StoreBatch, StoreCounts, Vector

_ATTEMPTS: Final = 8
_PATIENCE: Final = timedelta(seconds=30)
"""How often, and how long, a commit is tried again that another writer's commit overtook."""

_PROBE_BYTES: Final = 4096

_INDEX_CACHE_BYTES: Final = 256 << 20
_METADATA_CACHE_BYTES: Final = 32 << 20
"""By itself LanceDB would keep 6 GiB and 1 GiB: each commit leaves its manifest there, and a sync makes
thousands. Indexes that do not fit are read again, from the system's own cache."""


class LanceStore:
    """Records under one folder, for any number of readers and writers in any number of processes.

    One writer for each *document* at a time is the caller's affair: a metadata rewrite reads the rows
    it writes back.
    """

    def __init__(
        self, connection: AsyncConnection, *, folder: Path, dimension: int, vector_index_rows: int
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._dimension = dimension
        self._vector_index_rows = vector_index_rows

    @classmethod
    async def open(
        cls, folder: Path, *, dimension: int, vector_index_rows: int = indexes.VECTOR_INDEX_ROWS
    ) -> Self:
        """Open the store, creating the folder; close it when done.

        ``dimension`` is the length of vectors in tables made from now on; ``vector_index_rows`` the size from which
        a namespace gets a vector index. ``RetryableError`` if the folder cannot be used.
        """
        with lance_faults(f"open {folder}"):
            connection = await lancedb.connect_async(folder, session=_make_session())
        return cls(
            connection, folder=folder, dimension=dimension, vector_index_rows=vector_index_rows
        )

    def close(self) -> None:
        """Release the handles; the store answers no more."""
        self._connection.close()  # type: ignore[no-untyped-call]

    async def apply(self, namespace: Namespace, batch: StoreBatch) -> None:
        """Carry out the batch in one commit: deletions win over upserts, upserts over metadata."""
        if not (batch.upserts or batch.metadata or batch.deletions):
            return
        with lance_faults("write a batch"):
            async for attempt in _tries():
                with attempt:
                    await self._commit(namespace, batch)

    async def read_vectors(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[str, Vector]:
        """Return the vectors of these documents' chunks by chunk text hash."""
        wanted = is_in("document_id", document_ids)
        async with self._reading(namespace) as table:
            if table is None:
                return {}
            found = await table.query().where(wanted).select(["text_hash", "vector"]).to_arrow()
        return dict(zip(found["text_hash"].to_pylist(), found["vector"].to_pylist(), strict=True))

    async def read_chunks(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, Sequence[StoredChunk]]:
        """Return each document's chunks in reading order; documents without any are absent."""
        wanted = is_in("document_id", document_ids)
        async with self._reading(namespace) as table:
            if table is None:
                return {}
            found = await table.query().where(wanted).select(list(CHUNK_COLUMNS)).to_arrow()
        return read_chunks(found)

    async def query(self, namespace: Namespace, query: HybridQuery) -> Sequence[StoredMatch]:
        """Return the best matches on one snapshot; a filter that nothing satisfies asks nothing."""
        predicate = make_predicate(query.filter)
        if predicate is None or query.limit < 1:
            return []
        async with self._reading(namespace) as table:
            if table is None:
                return []
            if query.vector is not None:
                check_length(query.vector, read_dimension(await table.schema()))
            return await search_snapshot(table, query, predicate)

    async def count_records(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, int]:
        """Return how many records each document has; those without any are absent."""
        wanted = is_in("document_id", document_ids)
        async with self._reading(namespace) as table:
            if table is None:
                return {}
            found = await table.query().where(wanted).select(["document_id"]).to_arrow()
        return Counter(map(DocumentId, found["document_id"].to_pylist()))

    async def count(self, namespace: Namespace) -> StoreCounts:
        """Count the namespace's documents and records."""
        documents = await self.list_documents(namespace)
        return StoreCounts(documents=len(documents), records=sum(documents.values()))

    async def list_documents(self, namespace: Namespace) -> Mapping[DocumentId, int]:
        """Return every document's number of records."""
        counts: Counter[DocumentId] = Counter()
        async with self._reading(namespace) as table:
            if table is not None:
                async for batch in await table.query().select(["document_id"]).to_batches():
                    counts.update(batch["document_id"].to_pylist())
        return dict(counts)

    async def settle(self, namespace: Namespace) -> None:
        """Create missing indexes, bring them up to date, compact.

        ``RetryableError`` when writers kept overtaking it: nothing is lost, searches are only slower.
        """
        with lance_faults("bring the indexes up to date"):
            async for attempt in _tries():
                with attempt:
                    await self._settle(namespace)

    async def drop(self, namespace: Namespace) -> None:
        """Remove the namespace's table and files."""
        with lance_faults("drop a namespace"):
            await self._connection.drop_table(namespace.name, ignore_missing=True)

    async def check(self) -> None:
        """Raise ``RetryableError`` unless the folder can be listed and written."""
        with lance_faults("use its folder"):
            await self._connection.list_tables(limit=1)
            await asyncio.to_thread(_write_probe, self._folder)

    async def _commit(self, namespace: Namespace, batch: StoreBatch) -> None:
        async with self._snapshot(namespace, create=bool(batch.upserts)) as table:
            if table is not None:
                await self._merge(table, batch)

    async def _merge(self, table: AsyncTable, batch: StoreBatch) -> None:
        deletions = frozenset(batch.deletions)
        upserts = {
            item.metadata.document_id: item
            for item in batch.upserts
            if item.metadata.document_id not in deletions
        }
        metadata = {
            item.document_id: item
            for item in batch.metadata
            if item.document_id not in deletions and item.document_id not in upserts
        }
        fresh = make_rows(upserts.values(), read_dimension(await table.schema()))
        rewritten = await _rewrite(table, metadata)
        written = {*upserts, *rewritten["document_id"].to_pylist()}
        if deletions or written:
            rows = pa.concat_tables([fresh, rewritten.select(fresh.column_names)])
            await _write(table, rows, _touch(written, deletions, batch.deleted_from))

    async def _settle(self, namespace: Namespace) -> None:
        async with self._snapshot(namespace) as table:
            if table is None:
                return
            await indexes.create_column_indexes(table)
            await indexes.create_vector_index(table, from_rows=self._vector_index_rows)
            await indexes.compact(table)

    @asynccontextmanager
    async def _reading(self, namespace: Namespace) -> AsyncIterator[AsyncTable | None]:
        with lance_faults("be read"):
            async with self._snapshot(namespace) as table:
                yield table

    @asynccontextmanager
    async def _snapshot(
        self, namespace: Namespace, *, create: bool = False
    ) -> AsyncIterator[AsyncTable | None]:
        """Open the table at its newest commit, where it stays; ``None`` if there is none."""
        table = await self._find(namespace)
        if table is None and create:
            table = await self._create(namespace)
        if table is None:
            yield None
            return
        with closing(table):
            await _complete(table)
            check_schema(await table.schema())
            yield table

    async def _find(self, namespace: Namespace) -> AsyncTable | None:
        try:
            return await self._connection.open_table(namespace.name)
        except ValueError as error:
            if is_missing_table(error):
                return None
            raise

    async def _create(self, namespace: Namespace) -> AsyncTable:
        """Create the table and its indexes; whoever comes second gets the same table."""
        table = await self._connection.create_table(
            namespace.name, schema=make_schema(self._dimension), exist_ok=True
        )
        await indexes.create_column_indexes(table)
        return table


def _tries() -> AsyncIterator[stamina.Attempt]:
    return stamina.retry_context(
        on=is_conflict,
        attempts=_ATTEMPTS,
        timeout=_PATIENCE,
        wait_initial=0.05,
        wait_max=2.0,
        wait_jitter=0.1,
    )


async def _complete(table: AsyncTable) -> None:
    """Give a table of an earlier version the columns that came later."""
    if missing := find_missing(await table.schema()):
        await table.add_columns(missing)


def _make_session() -> lancedb.Session:
    return lancedb.Session(
        index_cache_size_bytes=_INDEX_CACHE_BYTES,
        metadata_cache_size_bytes=_METADATA_CACHE_BYTES,
    )


def _write_probe(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(b"\0" * _PROBE_BYTES)


def _touch(
    written: Iterable[DocumentId], deleted: Iterable[DocumentId], deleted_from: SpaceKey | None
) -> str:
    """Return the predicate of every row that the batch replaces or removes."""
    if deleted_from is None:
        return is_in("document_id", {*written, *deleted})
    removed = f"{is_in('document_id', deleted)} AND {is_in('space', [deleted_from])}"
    return f"{is_in('document_id', written)} OR ({removed})"


async def _rewrite(table: AsyncTable, metadata: Mapping[DocumentId, DocumentMetadata]) -> pa.Table:
    schema = await table.schema()
    if not metadata:
        return schema.empty_table()
    stored = await table.query().where(is_in("document_id", metadata)).to_arrow()
    return replace_metadata(stored, metadata)


async def _write(table: AsyncTable, rows: pa.Table, touched: str) -> None:
    """Replace everything that satisfies ``touched`` by these rows, in one commit.

    Deleting what the rows leave out makes the merge read the whole table (0.5 s at 200,000 rows, where
    a plain one takes 0.02 s), so it is done only where something is left. The second look finds what
    another writer of the same documents committed in between.
    """
    if not len(rows):
        await table.delete(touched)
        return
    merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
    if not await _has_leftovers(table, rows, touched):
        await merge.execute(rows)
        if not await _has_leftovers(table, rows, touched):
            return
    await merge.when_not_matched_by_source_delete(touched).execute(rows)


async def _has_leftovers(table: AsyncTable, rows: pa.Table, touched: str) -> bool:
    stored = await table.query().where(touched).select(["id"]).to_arrow()
    return not set(stored["id"].to_pylist()) <= set(rows["id"].to_pylist())
