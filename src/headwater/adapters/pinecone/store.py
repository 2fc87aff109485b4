"""The vector store on Pinecone."""

from collections import Counter
from collections.abc import (
    AsyncIterator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import unquote

import structlog
from pinecone import AsyncPinecone
from pinecone.async_client.async_index import AsyncIndex
from pinecone.errors import NotFoundError

from headwater.adapters.pinecone.faults import opening_faults, pinecone_faults
from headwater.adapters.pinecone.filters import MAX_VALUES, make_filter
from headwater.adapters.pinecone.opening import IndexSettings, open_index
from headwater.adapters.pinecone.records import (
    PineconeVector,
    check_length,
    make_metadata,
    make_record_id,
    make_vectors,
    read_chunks,
    split_requests,
)
from headwater.adapters.pinecone.search import search_index
from headwater.adapters.pinecone.turns import Turns
from headwater.domain.content import DocumentMetadata, StoredChunk, StoredMatch
from headwater.domain.errors import RetryableError
from headwater.domain.ids import DocumentId, Namespace, SpaceKey
from headwater.domain.secrets import Secret
from headwater.ports import HybridQuery, StoreBatch, StoreCounts, StoreLedger, Vector

Item = TypeVar("Item")

_log = structlog.get_logger("headwater.pinecone")

NO_WORDS: Final = (
    "searched by vector only: the index compares by cosine, and only one that compares by dotproduct"
    " finds words; name another HEADWATER_PINECONE_INDEX, which will be created"
)

NOTHING_TO_FIND_BY: Final = (
    "This index finds by vector only, and the model that made its vectors is not at hand: set"
    " HEADWATER_PREVIOUS_EMBEDDER to it until every space was synced."
)

IDS_PER_DELETE: Final = 1_000
IDS_PER_FETCH: Final = 100
"""Fetched ids stand in the URL, and each brings a vector of some kilobytes back."""


@dataclass(frozen=True, slots=True)
class PineconeStore:
    """Records in one index, a namespace per tenant.

    Pinecone has no commits: a reader may see a batch half for a moment. Nobody sees what they must
    not, since each hit is held against the catalog, which is written last. One writer for each
    *document* at a time is the caller's affair.
    """

    index: AsyncIndex
    ledger: StoreLedger
    dimension: int
    hybrid: bool
    """Whether the index finds words; one made elsewhere with another metric finds by vector only."""
    turns: Turns

    async def apply(self, namespace: Namespace, batch: StoreBatch) -> None:
        """Carry out the batch: deletions win over upserts, upserts over metadata.

        The ledger is told first, so that whatever a crash leaves in the index is known and replaced.
        """
        plan = _Plan.make(batch, self.dimension, sparse=self.hybrid)
        before = await self.ledger.expect(namespace, plan.counts)
        with pinecone_faults("store a batch"):
            await self._upsert(namespace, plan.vectors)
            await self._delete(namespace, plan.list_leftovers(before))
            await self._delete_named(namespace, batch.deletions, batch.deleted_from)
            await self._update(namespace, plan.metadata)
        await self.ledger.confirm(namespace, plan.counts)
        await self._count_terms(namespace, plan, before)

    async def read_vectors(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[str, Vector]:
        """Return the vectors of these documents' chunks by chunk text hash; fresh ones may be missing."""
        return {
            metadata["text_hash"]: values
            for metadata, values in await self._fetch(namespace, document_ids)
        }

    async def read_chunks(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, Sequence[StoredChunk]]:
        """Return each document's chunks in reading order; fresh ones may be missing."""
        fetched = await self._fetch(namespace, document_ids)
        return read_chunks([metadata for metadata, _ in fetched])

    async def query(self, namespace: Namespace, query: HybridQuery) -> Sequence[StoredMatch]:
        """Return the best matches; a filter that nothing satisfies asks nothing."""
        filter_ = make_filter(query.filter)
        if filter_ is None or query.limit < 1:
            return []
        if query.vector is not None:
            check_length(query.vector, self.dimension)
        elif not self.hybrid:
            raise RetryableError(NOTHING_TO_FIND_BY)
        with pinecone_faults("answer a query"):
            return await search_index(
                self.index,
                namespace,
                query,
                filter_,
                dimension=self.dimension,
                ledger=self.ledger if self.hybrid else None,
            )

    async def count_records(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, int]:
        """Return how many records were written of each document, by the ledger; lists lag."""
        return await self.ledger.read(namespace, document_ids)

    async def count(self, namespace: Namespace) -> StoreCounts:
        """Count what the index lists: up to some seconds behind what was written."""
        documents = await self.list_documents(namespace)
        return StoreCounts(documents=len(documents), records=sum(documents.values()))

    async def list_documents(self, namespace: Namespace) -> Mapping[DocumentId, int]:
        """Return every document's number of records, as the index lists them."""
        counts: Counter[DocumentId] = Counter()
        with pinecone_faults("list records"):
            async for page in self.index.list(namespace=namespace.name):
                counts.update(_document_of(item.id or "") for item in page.vectors)
        return dict(counts)

    async def settle(self, namespace: Namespace) -> None:
        """Do nothing: Pinecone looks after its indexes."""

    async def drop(self, namespace: Namespace) -> None:
        """Remove the namespace and everything in it; fine if there is none."""
        with pinecone_faults("drop a namespace"), suppress(NotFoundError):
            await self.index.delete_namespace(name=namespace.name)
        await self.ledger.forget(namespace)

    async def check(self) -> str | None:
        """Raise unless the index answers; say so where it finds no words."""
        with pinecone_faults("describe its index"):
            await self.index.describe_index_stats()
        return None if self.hybrid else NO_WORDS

    async def _fetch(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> list[tuple[Mapping[str, Any], Vector]]:
        """Return what the ledger knows of these documents' records: their fields and vectors."""
        ids = _list_ids(await self.ledger.read(namespace, document_ids))
        with pinecone_faults("read records"):
            pages = await self.turns.gather(
                namespace,
                (
                    partial(self.index.fetch, ids=some, namespace=namespace.name)
                    for some in _split(ids, IDS_PER_FETCH)
                ),
            )
        vectors = [vector for page in pages for vector in page.vectors.values()]
        return [(vector.metadata, list(vector.values)) for vector in vectors if vector.metadata]

    async def _upsert(self, namespace: Namespace, vectors: Sequence[PineconeVector]) -> None:
        await self.turns.gather(
            namespace,
            (
                partial(self.index.upsert, vectors=request, namespace=namespace.name)
                for request in split_requests(vectors)
            ),
        )

    async def _delete(self, namespace: Namespace, ids: Sequence[str]) -> None:
        try:
            await self.turns.gather(
                namespace,
                (
                    partial(self.index.delete, ids=some, namespace=namespace.name)
                    for some in _split(ids, IDS_PER_DELETE)
                ),
            )
        except NotFoundError:
            return  # a namespace that was never written holds nothing to delete

    async def _delete_named(
        self, namespace: Namespace, document_ids: Sequence[DocumentId], space: SpaceKey | None
    ) -> None:
        """Delete what names these documents; with a space, only what still names that too.

        By filter, so that Pinecone itself looks at what the records say when it comes to them: where
        a deletion meets a sync of the same document, either may confirm last, and the ledger forget
        records that are there. What a space keeps stays in the ledger, which may exceed.
        """
        of_space = [] if space is None else [{"space": {"$eq": space}}]
        try:
            await self.turns.gather(
                namespace,
                (
                    partial(
                        self.index.delete,
                        filter={"$and": [{"document_id": {"$in": some}}, *of_space]},
                        namespace=namespace.name,
                    )
                    for some in _split(document_ids, MAX_VALUES)
                ),
            )
        except NotFoundError:
            return  # as above

    async def _update(self, namespace: Namespace, documents: Iterable[DocumentMetadata]) -> None:
        fields = {item.document_id: make_metadata(item) for item in documents}
        held = await self.ledger.read(namespace, list(fields))
        await self.turns.gather(
            namespace,
            (
                partial(
                    self.index.update,
                    id=make_record_id(key, ordinal),
                    set_metadata=fields[key],
                    namespace=namespace.name,
                )
                for key, count in held.items()
                for ordinal in range(count)
            ),
        )

    async def _count_terms(
        self, namespace: Namespace, plan: "_Plan", before: Mapping[DocumentId, int]
    ) -> None:
        """Count the words of documents that are new; how words spread need not follow every edit."""
        fresh = [item for item in plan.vectors if item["metadata"]["document_id"] not in before]
        terms: Counter[int] = Counter()
        for vector in fresh:
            terms.update(vector.get("sparse_values", {}).get("indices", ()))
        if terms:
            await self.ledger.count_terms(namespace, terms, len(fresh))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A batch as Pinecone has to be told of it."""

    vectors: Sequence[PineconeVector]
    counts: Mapping[DocumentId, int]
    """How many records each document will have, those included that are to be gone."""
    metadata: Sequence[DocumentMetadata]

    @classmethod
    def make(cls, batch: StoreBatch, dimension: int, *, sparse: bool) -> "_Plan":
        gone = frozenset(batch.deletions)
        upserts = {item.metadata.document_id: item for item in batch.upserts}
        upserts = {key: item for key, item in upserts.items() if key not in gone}
        vectors = [
            vector
            for item in upserts.values()
            for vector in make_vectors(item, dimension, sparse=sparse)
        ]
        counts = {key: len(item.records) for key, item in upserts.items()}
        if batch.deleted_from is None:  # else another space may have taken some over
            counts |= dict.fromkeys(batch.deletions, 0)
        left = [item for item in batch.metadata if item.document_id not in {*gone, *upserts}]
        return cls(vectors, counts, left)

    def list_leftovers(self, before: Mapping[DocumentId, int]) -> Sequence[str]:
        """Return the ids of records that documents may have beyond what they are to have."""
        return [
            make_record_id(key, ordinal)
            for key, count in self.counts.items()
            for ordinal in range(count, before.get(key, 0))
        ]


def _document_of(record_id: str) -> DocumentId:
    return DocumentId(unquote(record_id.rpartition("#")[0]))


def _list_ids(counts: Mapping[DocumentId, int]) -> list[str]:
    return [
        make_record_id(key, ordinal) for key, count in counts.items() for ordinal in range(count)
    ]


def _split(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


@asynccontextmanager
async def open_store(
    *,
    api_key: Secret,
    host: str | None,
    index: IndexSettings,
    dimension: int | None,
    ledger: StoreLedger,
) -> AsyncIterator[PineconeStore]:
    """Open the store, creating the index if there is none; ``host`` is another control plane's.

    Without a dimension the index has to be there, and may have any.

    ``ConfigError`` for a key or an index that cannot be used, ``RetryableError`` when Pinecone is away.
    """
    async with AsyncExitStack() as stack:
        with opening_faults("open its index"):
            client = await stack.enter_async_context(
                AsyncPinecone(api_key=api_key.reveal(), host=host or None)
            )
            opened = await open_index(client, index, dimension=dimension)
            data = await stack.enter_async_context(await client.index(host=opened.host))
        if not opened.hybrid:
            _log.warning("search by vector only: this index cannot find words", index=index.name)
        yield PineconeStore(data, ledger, opened.dimension, opened.hybrid, Turns())
