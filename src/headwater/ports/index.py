"""Turning text into vectors, and keeping records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from headwater.domain.access import Scope
from headwater.domain.content import (
    Chunk,
    DocumentKind,
    DocumentMetadata,
    StoredChunk,
    StoredMatch,
)
from headwater.domain.ids import (
    DocumentId,
    Namespace,
    SpaceKey,
)

Vector = list[float]


class EmbeddingKind(StrEnum):
    """Some models embed questions and passages differently."""

    QUERY = "query"
    PASSAGE = "passage"


class Embedder(Protocol):
    """Turns text into vectors of length one, never blocking the event loop."""

    @property
    def model(self) -> str:
        """Names weights and settings: equal names give equal vectors."""

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """The window; longer text would be cut off."""

    def count_tokens(self, text: str) -> int:
        """Return the text's length as the model counts it, special tokens included."""

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> Sequence[Vector]:
        """Return one vector per text, in order; ``RetryableError`` when the model is away."""


@dataclass(frozen=True, slots=True)
class Record:
    """A chunk with its vector."""

    chunk: Chunk
    vector: Vector


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document's whole content in the store; replaces whatever the store had of it."""

    metadata: DocumentMetadata
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class StoreBatch:
    """One commit: nobody ever sees a part of it, nor a document half."""

    upserts: tuple[StoredDocument, ...] = ()
    metadata: tuple[DocumentMetadata, ...] = ()
    """Documents whose text stays: every one of their records gets these fields."""
    deletions: tuple[DocumentId, ...] = ()
    deleted_from: SpaceKey | None = None
    """Delete only records that name this space: another's job may have taken the document over."""


@dataclass(frozen=True, slots=True)
class StoreFilter:
    """Which records a query may see. ``scopes`` has no default; an empty set sees nothing."""

    scopes: frozenset[Scope]
    space: SpaceKey | None = None
    labels: frozenset[str] = frozenset()
    """Any of these; empty filters nothing."""
    modified_after: datetime | None = None
    kinds: frozenset[DocumentKind] = frozenset()


@dataclass(frozen=True, slots=True)
class HybridQuery:
    """A question as words and as a vector, with the filter that acts inside the store."""

    text: str
    vector: Vector | None
    """``None`` where the model of the stored vectors is not at hand: then words alone decide."""
    filter: StoreFilter
    limit: int


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """What a namespace holds."""

    documents: int
    records: int


class StoreLedger(Protocol):
    """What we wrote to a store whose own listings lag behind its writes, and how words spread there.

    Written before the store and confirmed after it: what a crash leaves behind is in the ledger.
    """

    async def expect(
        self, namespace: Namespace, records: Mapping[DocumentId, int]
    ) -> Mapping[DocumentId, int]:
        """Note that each document is about to have so many records.

        Return the most that each may have had before; one that was never written is absent.
        """

    async def confirm(self, namespace: Namespace, records: Mapping[DocumentId, int]) -> None:
        """Note that each document has exactly so many records; one with none is forgotten."""

    async def read(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, int]:
        """Return the most records each document may have; others are absent."""

    async def forget(self, namespace: Namespace) -> None:
        """Forget all that was written to the namespace, its words too."""

    async def count_terms(
        self, namespace: Namespace, terms: Mapping[int, int], records: int
    ) -> None:
        """Add to the number of records there are, and of those that hold each term."""

    async def read_terms(
        self, namespace: Namespace, terms: Sequence[int]
    ) -> tuple[int, Mapping[int, int]]:
        """Return how many records were counted, and how many of them hold each of these terms."""


class VectorStore(Protocol):
    """Records by namespace. ``StoreError`` trouble surfaces as ``RetryableError``."""

    async def apply(self, namespace: Namespace, batch: StoreBatch) -> None:
        """Carry out the batch in one commit; repeating it changes nothing."""

    async def read_vectors(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[str, Vector]:
        """Return the vectors of these documents' chunks by chunk text hash."""

    async def read_chunks(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, Sequence[StoredChunk]]:
        """Return each document's chunks in reading order; documents without any are absent."""

    async def query(self, namespace: Namespace, query: HybridQuery) -> Sequence[StoredMatch]:
        """Return the best matches, best first: dense and keyword search fused, filtered before ranking."""

    async def count_records(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, int]:
        """Return how many records were written of each document; those without any are absent."""

    async def count(self, namespace: Namespace) -> StoreCounts:
        """Count the namespace's documents and records; zero where it does not exist."""

    async def list_documents(self, namespace: Namespace) -> Mapping[DocumentId, int]:
        """Return every document's number of records."""

    async def settle(self, namespace: Namespace) -> str | None:
        """Bring indexes up to date and compact; call it when a job ends. Return what is worth saying."""

    async def drop(self, namespace: Namespace) -> None:
        """Remove the namespace and everything in it; fine if there is none."""

    async def check(self) -> str | None:
        """Raise unless the store can be read and written; return what an operator should know of it."""
