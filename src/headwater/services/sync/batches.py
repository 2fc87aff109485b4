"""Settling one batch: compare, embed what is new, store in one commit, remember last."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import stamina

from headwater.domain.errors import DocumentError, FailureType, RetryableError
from headwater.domain.ids import DocumentId
from headwater.domain.sync import ChunkPlan, DocumentResult, KnownDocument, Outcome
from headwater.pipeline.planning import (
    digest_metadata,
    is_searchable,
    judge_outcome,
    plan_chunks,
    reusable_documents,
)
from headwater.ports import EmbeddingKind, Record, StoreBatch, StoredDocument, Vector
from headwater.services.sync.preparing import Batch, Prepared
from headwater.services.sync.results import make_failure, make_result, make_skip, record_results
from headwater.services.sync.run import SyncRun

BACKEND_ATTEMPTS: Final = 5
BACKEND_PATIENCE: Final = 60.0
"""Seconds a batch waits for a store or model that is away before its documents fail."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Compared:
    """A prepared document beside what is known of it."""

    document: Prepared
    known: KnownDocument | None
    plan: ChunkPlan
    outcome: Outcome


async def settle_batch(run: SyncRun, batch: Batch) -> None:
    """Bring a batch into the index. A document that fails is recorded and stops no other."""
    failures = [make_failure(broken.metadata, broken.error) for broken in batch.broken]
    await record_results(run, failures)
    await settle_skips(
        run, [make_skip(item.metadata, item.reason, item.provenance) for item in batch.left_out]
    )
    await _settle(run, batch.prepared)


async def settle_skips(run: SyncRun, results: Sequence[DocumentResult]) -> None:
    """Record documents that are left out, and take out of the store what it had of them."""
    ids = [result.metadata.content_id for result in results]
    known = await run.ports.catalog.known(run.ref.tenant, run.site, ids)
    stored = tuple(item.document_id for item in known.values() if is_searchable(item))
    try:
        if stored:
            batch = StoreBatch(deletions=stored)
            await call_store(lambda: run.ports.store.apply(run.namespace, batch))
    except DocumentError as error:
        results = [make_failure(result.metadata, error) for result in results]
    await record_results(run, results)


async def _settle(run: SyncRun, prepared: Sequence[Prepared]) -> None:
    if not prepared:
        return
    try:
        results = await _bring_in(run, prepared)
    except DocumentError as error:
        if len(prepared) > 1 and not isinstance(error.__cause__, RetryableError):
            # One document spoils the batch: find it by settling each alone.
            for document in prepared:
                await _settle(run, [document])
            return
        results = [make_failure(item.metadata, error) for item in prepared]
    await record_results(run, results)


async def _bring_in(run: SyncRun, prepared: Sequence[Prepared]) -> list[DocumentResult]:
    known = await _read_known(run, prepared)
    vectors = await call_store(
        lambda: run.ports.store.read_vectors(run.namespace, reusable_documents(known, run.recipe))
    )
    compared = [_compare(item, known, frozenset(vectors)) for item in prepared]
    fresh = await _embed(run, compared)
    batch = _make_store_batch(compared, {**vectors, **fresh})
    await call_store(lambda: run.ports.store.apply(run.namespace, batch))
    return [_make_result(item) for item in compared]


async def _read_known(
    run: SyncRun, prepared: Sequence[Prepared]
) -> Mapping[DocumentId, KnownDocument]:
    ids = [item.metadata.content_id for item in prepared]
    known = await run.ports.catalog.known(run.ref.tenant, run.site, ids)
    return {item.document_id: item for item in known.values()}


def _compare(
    document: Prepared, known: Mapping[DocumentId, KnownDocument], at_hand: frozenset[str]
) -> _Compared:
    before = known.get(document.metadata.document_id)
    return _Compared(
        document=document,
        known=before,
        plan=plan_chunks(document.hashes, before.chunk_hashes if before else (), at_hand),
        outcome=judge_outcome(
            before,
            chunk_hashes=document.hashes,
            metadata_digest=digest_metadata(document.metadata),
        ),
    )


async def _embed(run: SyncRun, compared: Sequence[_Compared]) -> dict[str, Vector]:
    texts = {
        chunk.text_hash: chunk.embedded_text
        for item in compared
        for chunk in item.document.chunks
        if chunk.text_hash in item.plan.embed
    }
    if not texts:
        return {}
    vectors = await _call_patiently(
        lambda: run.ports.embedder.embed(list(texts.values()), kind=EmbeddingKind.PASSAGE),
        FailureType.VECTOR_EMBEDDING_FAILED,
    )
    return dict(zip(texts, vectors, strict=True))


def _make_store_batch(compared: Sequence[_Compared], vectors: Mapping[str, Vector]) -> StoreBatch:
    return StoreBatch(
        upserts=tuple(
            StoredDocument(
                item.document.metadata,
                tuple(Record(chunk, vectors[chunk.text_hash]) for chunk in item.document.chunks),
            )
            for item in compared
            if _must_write(item)
        ),
        metadata=tuple(
            item.document.metadata
            for item in compared
            if item.outcome is Outcome.METADATA_ONLY and not _must_write(item)
        ),
    )


def _must_write(item: _Compared) -> bool:
    """Whether text or vectors differ: vectors also after a change of model, when no text does."""
    return item.outcome in {Outcome.ADDED, Outcome.UPDATED} or bool(item.plan.embed)


def _make_result(item: _Compared) -> DocumentResult:
    return replace(
        make_result(item.document.metadata, item.outcome, item.document.provenance),
        chunk_hashes=item.document.hashes,
        chunks=item.plan.counts,
        losses=item.document.losses,
        ocr_pages=item.document.ocr_pages,
    )


async def call_store(call: Callable[[], Awaitable[T]]) -> T:
    """Call the store, waiting a bounded time for one that is away; ``DocumentError`` after that."""
    return await _call_patiently(call, FailureType.STORE_ERROR)


async def _call_patiently(call: Callable[[], Awaitable[T]], failure: FailureType) -> T:
    try:
        async for attempt in stamina.retry_context(
            on=RetryableError, attempts=BACKEND_ATTEMPTS, timeout=BACKEND_PATIENCE
        ):
            with attempt:
                return await call()
    except RetryableError as error:
        raise DocumentError(failure, str(error)) from error
    raise AssertionError("a retry context ends by returning or raising")
