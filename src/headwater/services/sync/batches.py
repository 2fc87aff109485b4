"""Settling one batch: compare and embed what is new, then store in one commit, remember last.

Two halves, so that the embedder works on the next batch while the store takes this one.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

import stamina

from headwater.domain.errors import BackendAwayError, DocumentError, FailureType, RetryableError
from headwater.domain.ids import DocumentId
from headwater.domain.jobs import ChunkCounts
from headwater.domain.sync import ChunkPlan, DocumentResult, KnownDocument, Outcome
from headwater.pipeline.planning import (
    digest_metadata,
    is_searchable,
    judge_outcome,
    plan_chunks,
    reusable_documents,
)
from headwater.ports import EmbeddingKind, Record, StoreBatch, StoredDocument, Vector
from headwater.services.sync.preparing import Batch, Prepared, join_documents
from headwater.services.sync.results import make_failure, make_result, make_skip, record_results
from headwater.services.sync.run import SyncRun

BACKEND_ATTEMPTS: Final = 5
BACKEND_PATIENCE: Final = 60.0
"""Seconds a batch waits for a store or model that is away before its documents fail."""

T = TypeVar("T")
Item = TypeVar("Item")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class _Compared:
    """A prepared document beside what is known of it."""

    document: Prepared
    known: KnownDocument | None
    plan: ChunkPlan
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class EmbeddedBatch:
    """A batch that is ready to be stored: every vector that it needs is at hand."""

    batch: Batch
    compared: tuple[_Compared, ...]
    vectors: Mapping[str, Vector]
    """By chunk text hash."""
    failures: tuple[DocumentResult, ...]
    """What could not be embedded."""


async def embed_batches(
    run: SyncRun, batches: AsyncGenerator[Batch, None]
) -> AsyncGenerator[EmbeddedBatch, None]:
    """Yield the batches as they are embedded: one after the other, whatever becomes of the one before.

    No two batches may share a document, since the earlier one may not be stored when the later one
    is compared with what is.
    """
    async with aclosing(batches):
        async for batch in batches:
            yield await _embed_batch(run, batch)


async def _embed_batch(run: SyncRun, batch: Batch) -> EmbeddedBatch:
    done, failed = await _do_all_or_each(partial(_compare_and_embed, run), batch.prepared)
    return EmbeddedBatch(
        batch,
        compared=tuple(item for compared, _ in done for item in compared),
        vectors={name: vector for _, vectors in done for name, vector in vectors.items()},
        failures=tuple(make_failure(item.metadata, error) for item, error in failed),
    )


async def join_batches(
    parts: AsyncGenerator[Sequence[EmbeddedBatch], None],
) -> AsyncGenerator[EmbeddedBatch, None]:
    """Yield as one what may be stored in one commit, which takes hardly longer for many than for few."""
    async with aclosing(parts):
        async for several in parts:
            yield _join(several)


def _join(parts: Sequence[EmbeddedBatch]) -> EmbeddedBatch:
    return EmbeddedBatch(
        join_documents([part.batch for part in parts]),
        compared=tuple(item for part in parts for item in part.compared),
        vectors={name: vector for part in parts for name, vector in part.vectors.items()},
        failures=tuple(failure for part in parts for failure in part.failures),
    )


async def store_batch(run: SyncRun, embedded: EmbeddedBatch) -> None:
    """Bring a batch into the index, and remember it. A document that fails stops no other."""
    broken = [make_failure(item.metadata, item.error) for item in embedded.batch.broken]
    await record_results(run, [*broken, *embedded.failures])
    left_out = embedded.batch.left_out
    await settle_skips(
        run, [make_skip(item.metadata, item.reason, item.provenance) for item in left_out]
    )
    done, failed = await _do_all_or_each(partial(_store, run, embedded.vectors), embedded.compared)
    results = [_make_result(item) for stored in done for item in stored]
    failures = [make_failure(item.document.metadata, error) for item, error in failed]
    await record_results(run, [*results, *failures])


async def _do_all_or_each(
    work: Callable[[Sequence[Item]], Awaitable[Done]], items: Sequence[Item]
) -> tuple[list[Done], list[tuple[Item, DocumentError]]]:
    """Do the work for all items at once; where one spoils it, find that one by doing each alone."""
    if not items:
        return [], []
    try:
        return [await work(items)], []
    except DocumentError as error:
        if len(items) == 1 or isinstance(error.__cause__, RetryableError):
            return [], [(item, error) for item in items]
    parts = [await _do_all_or_each(work, [item]) for item in items]
    return [part for done, _ in parts for part in done], [one for _, bad in parts for one in bad]


async def settle_skips(run: SyncRun, results: Sequence[DocumentResult]) -> None:
    """Record documents that are left out, and take out of the store what it had of them."""
    ids = [result.metadata.content_id for result in results]
    known = await run.ports.catalog.known(run.ref.tenant, run.site, ids)
    stored = {item.document_id: item for item in known.values() if is_searchable(item)}
    try:
        if stored:
            batch = StoreBatch(deletions=tuple(stored))
            await call_store(lambda: run.ports.store.apply(run.namespace, batch))
        results = [_count_removal(item, stored.get(item.metadata.document_id)) for item in results]
    except DocumentError as error:
        results = [make_failure(result.metadata, error) for result in results]
    await record_results(run, results)


def _count_removal(result: DocumentResult, known: KnownDocument | None) -> DocumentResult:
    if known is None:
        return result
    return replace(result, chunks=ChunkCounts(deleted=len(known.chunk_hashes)))


async def _compare_and_embed(
    run: SyncRun, prepared: Sequence[Prepared]
) -> tuple[list[_Compared], Mapping[str, Vector]]:
    known = await _read_known(run, prepared)
    stored = reusable_documents(known, run.recipe)
    vectors = await _read_vectors(run, stored) if stored else {}
    compared = [_compare(item, known, frozenset(vectors)) for item in prepared]
    return compared, {**vectors, **await _embed(run, compared)}


async def _read_vectors(run: SyncRun, stored: Sequence[DocumentId]) -> Mapping[str, Vector]:
    return await call_store(lambda: run.ports.store.read_vectors(run.namespace, stored))


async def _store(
    run: SyncRun, vectors: Mapping[str, Vector], compared: Sequence[_Compared]
) -> Sequence[_Compared]:
    batch = _make_store_batch(compared, vectors)
    await call_store(lambda: run.ports.store.apply(run.namespace, batch))
    return compared


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
    """Whether text or vectors differ: vectors also after a change of model, when no text does.

    What moved here from another space is written anew: that space's job removes what it misses, and
    may have been faster.
    """
    has_changed = item.outcome in {Outcome.ADDED, Outcome.UPDATED} or bool(item.plan.embed)
    return has_changed or (
        item.known is not None and item.known.space != item.document.metadata.space
    )


def _make_result(item: _Compared) -> DocumentResult:
    return replace(
        make_result(item.document.metadata, item.outcome, item.document.provenance),
        chunk_hashes=item.document.hashes,
        chunks=item.plan.counts,
        losses=item.document.losses,
        ocr_pages=item.document.ocr_pages,
    )


async def call_store(call: Callable[[], Awaitable[T]]) -> T:
    """Call the store, waiting a bounded time for one that is busy; ``DocumentError`` after that.

    ``BackendAwayError`` where it is no use to go on with other documents.
    """
    return await _call_patiently(call, FailureType.STORE_ERROR)


async def _call_patiently(call: Callable[[], Awaitable[T]], failure: FailureType) -> T:
    try:
        async for attempt in stamina.retry_context(
            on=RetryableError, attempts=BACKEND_ATTEMPTS, timeout=BACKEND_PATIENCE
        ):
            with attempt:
                return await call()
    except BackendAwayError:
        raise
    except RetryableError as error:
        raise DocumentError(failure, str(error)) from error
    raise AssertionError("a retry context ends by returning or raising")
