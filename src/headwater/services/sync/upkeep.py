"""Documents that need no reading: kept, skipped, or changed in their metadata alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from headwater.domain.content import DocumentMetadata, Space
from headwater.domain.errors import DocumentError
from headwater.domain.jobs import ChunkCounts
from headwater.domain.sync import (
    Action,
    DocumentResult,
    KnownDocument,
    Outcome,
    Provenance,
    WorkItem,
)
from headwater.pipeline.planning import digest_metadata
from headwater.ports import StoreBatch
from headwater.services.sync.batches import call_store, settle_skips
from headwater.services.sync.preparing import Unchanged
from headwater.services.sync.results import make_failure, make_result, make_skip, record_results
from headwater.services.sync.run import SyncRun, describe_item

UPKEEP_BATCH: Final = 200

_OUTCOMES: Final = {
    Action.KEEP: Outcome.UNCHANGED,
    Action.METADATA: Outcome.METADATA_ONLY,
}


async def settle_unread(run: SyncRun, space: Space, items: Sequence[WorkItem]) -> None:
    """Settle every item whose body need not be read."""
    unread = [item for item in items if item.action is not Action.FETCH]
    for start in range(0, len(unread), UPKEEP_BATCH):
        await run.check_cancelled()
        await _settle(run, space, unread[start : start + UPKEEP_BATCH])


async def settle_unchanged(run: SyncRun, items: Sequence[Unchanged]) -> None:
    """Settle documents whose content was fetched and is the one that is known."""
    results = [_result_unchanged(item.metadata, item.known) for item in items]
    await record_results(run, await _rewrite(run, results))


def _result_unchanged(metadata: DocumentMetadata, known: KnownDocument) -> DocumentResult:
    is_same = digest_metadata(metadata) == known.metadata_digest
    outcome = Outcome.UNCHANGED if is_same else Outcome.METADATA_ONLY
    return _keep(metadata, known.provenance, known.chunk_hashes, outcome)


def _keep(
    metadata: DocumentMetadata, provenance: Provenance, hashes: tuple[str, ...], outcome: Outcome
) -> DocumentResult:
    return replace(
        make_result(metadata, outcome, provenance),
        chunk_hashes=hashes,
        chunks=ChunkCounts(reused=len(hashes)),
    )


async def _settle(run: SyncRun, space: Space, items: Sequence[WorkItem]) -> None:
    ids = [item.listed.content_id for item in items]
    known = await run.ports.catalog.known(run.ref.tenant, run.site, ids)
    results = [
        _result(run, describe_item(run, space, item), item, known.get(key))
        for key, item in zip(ids, items, strict=True)
    ]
    await settle_skips(run, [item for item in results if item.outcome is Outcome.SKIPPED])
    others = [item for item in results if item.outcome is not Outcome.SKIPPED]
    await record_results(run, await _rewrite(run, others))


def _result(
    run: SyncRun, metadata: DocumentMetadata, item: WorkItem, known: KnownDocument | None
) -> DocumentResult:
    provenance = known.provenance if known else _provenance_of_skip(run, item)
    if item.action is Action.SKIP:
        return make_skip(metadata, item.reason or "", provenance)
    hashes = known.chunk_hashes if known else ()
    return _keep(metadata, provenance, hashes, _OUTCOMES[item.action or Action.KEEP])


def _provenance_of_skip(run: SyncRun, item: WorkItem) -> Provenance:
    """Return by what recipe a document was left out that was never read."""
    if item.attachment:
        return Provenance(str(run.attachment_recipe(ocr_missing=True)))
    return Provenance(str(run.recipe))


async def _rewrite(run: SyncRun, results: list[DocumentResult]) -> list[DocumentResult]:
    """Write the changed metadata into the store; what the store refuses becomes failures."""
    changed = [item for item in results if item.outcome is Outcome.METADATA_ONLY]
    if not changed:
        return results
    batch = StoreBatch(metadata=tuple(item.metadata for item in changed))
    try:
        await call_store(lambda: run.ports.store.apply(run.namespace, batch))
    except DocumentError as error:
        return [make_failure(item.metadata, error) if item in changed else item for item in results]
    return results
