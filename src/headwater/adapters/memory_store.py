"""The vector store in memory: the twin that tests and small demos use, same answers in a few lines."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from headwater.domain.content import DocumentMetadata, StoredChunk, StoredMatch
from headwater.domain.ids import ChunkId, DocumentId, Namespace, make_chunk_id
from headwater.pipeline.fusion import Ranked, candidate_depth, fuse_rankings
from headwater.pipeline.keywords import is_code, pick_keywords, split_words
from headwater.ports import (
    HybridQuery,
    Record,
    StoreBatch,
    StoreCounts,
    StoredDocument,
    StoreFilter,
    Vector,
)

Candidates = Mapping[ChunkId, tuple[DocumentMetadata, Record]]


class MemoryStore:
    """Records in dictionaries, by namespace and document; gone with the process."""

    def __init__(self) -> None:
        self._namespaces: dict[Namespace, dict[DocumentId, StoredDocument]] = defaultdict(dict)

    async def apply(self, namespace: Namespace, batch: StoreBatch) -> None:
        """Carry out the batch: deletions win over upserts, upserts over metadata."""
        documents = self._namespaces[namespace]
        for metadata in batch.metadata:
            if metadata.document_id in documents:
                records = documents[metadata.document_id].records
                documents[metadata.document_id] = StoredDocument(metadata, records)
        for document in batch.upserts:
            documents[document.metadata.document_id] = document
        for document_id in batch.deletions:
            stored = documents.get(document_id)
            if stored and batch.deleted_from in {None, stored.metadata.space}:
                del documents[document_id]

    async def read_vectors(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[str, Vector]:
        """Return the vectors of these documents' chunks by chunk text hash, rounded to float32."""
        wanted = frozenset(document_ids)
        return {
            record.chunk.text_hash: np.array(record.vector, dtype=np.float32).tolist()
            for document in self._documents(namespace)
            if document.metadata.document_id in wanted
            for record in document.records
        }

    async def read_chunks(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, Sequence[StoredChunk]]:
        """Return each document's chunks in reading order; documents without any are absent."""
        documents = self._namespaces.get(namespace, {})
        return {
            key: [_make_chunk(record) for record in documents[key].records]
            for key in document_ids
            if key in documents and documents[key].records
        }

    async def query(self, namespace: Namespace, query: HybridQuery) -> Sequence[StoredMatch]:
        """Return the best matches: exact cosine and BM25, fused."""
        if query.limit < 1:
            return []
        candidates = _admit(self._documents(namespace), query.filter)
        depth = candidate_depth(query.limit)
        keywords = pick_keywords(query.text)
        texts = {key: _spell(record.chunk.embedded_text) for key, (_, record) in candidates.items()}
        best = fuse_rankings(
            _nearest(candidates, query.vector)[:depth] if query.vector else (),
            _weigh_words(texts, keywords)[:depth],
            exact=[key for key, text in texts.items() if _holds_all(text, keywords)],
            limit=query.limit,
        )
        return [_make_match(hit, *candidates[hit.chunk_id]) for hit in best]

    async def count_records(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, int]:
        """Return how many records each document has; those without any are absent."""
        held = await self.list_documents(namespace)
        return {key: held[key] for key in document_ids if key in held}

    async def count(self, namespace: Namespace) -> StoreCounts:
        """Count the namespace's documents and records."""
        documents = await self.list_documents(namespace)
        return StoreCounts(documents=len(documents), records=sum(documents.values()))

    async def list_documents(self, namespace: Namespace) -> Mapping[DocumentId, int]:
        """Return every document's number of records; one without any is not there."""
        return {
            document.metadata.document_id: len(document.records)
            for document in self._documents(namespace)
            if document.records
        }

    async def settle(self, namespace: Namespace) -> None:
        """Do nothing: there are no indexes."""

    async def drop(self, namespace: Namespace) -> None:
        """Forget the namespace."""
        self._namespaces.pop(namespace, None)

    async def check(self) -> None:
        """Do nothing: memory is always there."""

    def _documents(self, namespace: Namespace) -> Iterable[StoredDocument]:
        return self._namespaces.get(namespace, {}).values()


def _admit(documents: Iterable[StoredDocument], filter_: StoreFilter) -> Candidates:
    return {
        make_chunk_id(document.metadata.document_id, record.chunk.ordinal): (
            document.metadata,
            record,
        )
        for document in documents
        if _passes(document.metadata, filter_)
        for record in document.records
    }


def _passes(metadata: DocumentMetadata, filter_: StoreFilter) -> bool:
    return (
        metadata.access_scope in filter_.scopes
        and (filter_.space is None or metadata.space == filter_.space)
        and (not filter_.labels or not filter_.labels.isdisjoint(metadata.labels))
        and (not filter_.kinds or metadata.kind in filter_.kinds)
        and (filter_.modified_after is None or metadata.last_modified > filter_.modified_after)
    )


def _nearest(candidates: Candidates, vector: Vector) -> Sequence[Ranked]:
    question = _unit(vector)
    return _best(
        Ranked(chunk_id, float(_unit(record.vector) @ question))
        for chunk_id, (_, record) in candidates.items()
    )


def _holds_all(text: str, keywords: Sequence[str]) -> bool:
    """Tell whether every keyword is there, the parts of each side by side."""
    return bool(keywords) and all(_spell(keyword) in text for keyword in keywords)


def _weigh_words(texts: Mapping[ChunkId, str], keywords: Sequence[str]) -> Sequence[Ranked]:
    """Score by BM25 without length norm: the parts of words, and codes unbroken."""
    wanted = {
        _spell(part)
        for keyword in keywords
        for part in ([keyword] if is_code(keyword) else split_words(keyword))
    }
    wanted.discard("")
    counts = {
        key: {part: text.count(part) for part in wanted if part in text}
        for key, text in texts.items()
    }
    spread = Counter(part for found in counts.values() for part in found)
    rarity = {part: math.log(1 + len(texts) / holders) for part, holders in spread.items()}
    return _best(Ranked(key, _weigh(found, rarity)) for key, found in counts.items() if found)


def _weigh(words: Mapping[str, int], rarity: Mapping[str, float]) -> float:
    return sum(rarity[word] * 2.2 * count / (count + 1.2) for word, count in words.items())


def _best(hits: Iterable[Ranked]) -> Sequence[Ranked]:
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))


def _spell(text: str) -> str:
    """Return the text's words, each between spaces of its own."""
    return "".join(f" {word} " for word in split_words(text))


def _unit(vector: Vector) -> npt.NDArray[np.float32]:
    numbers = np.array(vector, dtype=np.float32)
    length = np.linalg.norm(numbers)
    return numbers / length if length else numbers


def _make_chunk(record: Record) -> StoredChunk:
    chunk = record.chunk
    return StoredChunk(chunk.ordinal, chunk.heading_path, chunk.text, chunk.ocr_confidence)


def _make_match(hit: Ranked, metadata: DocumentMetadata, record: Record) -> StoredMatch:
    return StoredMatch(
        chunk_id=hit.chunk_id,
        score=hit.score,
        text=record.chunk.text,
        heading_path=record.chunk.heading_path,
        metadata=metadata,
        ocr_confidence=record.chunk.ocr_confidence,
    )
