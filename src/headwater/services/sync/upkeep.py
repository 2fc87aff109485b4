"""Documents that need no reading: kept, skipped, or changed in their metadata alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from headwater.domain.content import DocumentMetadata, Space
from headwater.domain.errors import DocumentError, FailureType
from headwater.domain.ids import ContentId
from headwater.domain.jobs import ChunkCounts
from headwater.domain.sync import (
    Action,
    Decision,
    DocumentResult,
    KnownDocument,
    Outcome,
    Provenance,
    WorkItem,
)
from headwater.pipeline.planning import OCR_MISSING, digest_metadata, is_searchable, is_settled_skip
from headwater.ports import StoreBatch, Vector
from headwater.services.sync.batches import call_store, settle_skips
from headwater.services.sync.preparing import Unchanged
from headwater.services.sync.results import make_failure, make_result, make_skip, record_results
from headwater.services.sync.run import SyncRun, describe_item

UPKEEP_BATCH: Final = 200
REMOVED: Final = (
    "Its records were removed with the space that it left, just as it was to move here."
    " The next sync reads it again."
)

Known = Mapping[ContentId, KnownDocument]

_OUTCOMES: Final = {
    Action.KEEP: Outcome.UNCHANGED,
    Action.METADATA: Outcome.METADATA_ONLY,
}


async def settle_unread(run: SyncRun, space: Space, items: Sequence[WorkItem]) -> None:
    """Settle every item whose body need not be read."""
    unread = [item for item in items if item.action is not Action.FETCH]
    for start in range(0, len(unread), UPKEEP_BATCH):
        await run.check_going_on()
        await _settle(run, space, unread[start : start + UPKEEP_BATCH])


async def settle_unchanged(run: SyncRun, items: Sequence[Unchanged]) -> None:
    """Settle documents whose content was fetched and is the one that is known."""
    results = [_result_unchanged(item.metadata, item.known) for item in items]
    known = {item.known.content_id: item.known for item in items}
    await record_results(run, await _rewrite(run, results, known))


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
    gone = [item for item in items if _is_gone(item, known)]
    # Another space's job removed it after this one had decided that it need not be read.
    reading = [Decision(item.listed.content_id, Action.FETCH) for item in gone]
    await run.ports.work.decide(run.ref, reading)
    results = [
        _result(run, describe_item(run, space, item), item, known.get(item.listed.content_id))
        for item in items
        if item not in gone
    ]
    await settle_skips(run, [item for item in results if item.outcome is Outcome.SKIPPED])
    others = [item for item in results if item.outcome is not Outcome.SKIPPED]
    await record_results(run, await _rewrite(run, others, known))


def _is_gone(item: WorkItem, known: Known) -> bool:
    before = known.get(item.listed.content_id)
    return item.action is not Action.SKIP and (before is None or not is_searchable(before))


def _result(
    run: SyncRun, metadata: DocumentMetadata, item: WorkItem, known: KnownDocument | None
) -> DocumentResult:
    if item.action is Action.SKIP:
        return make_skip(metadata, item.reason or "", _provenance_of_skip(run, item, known))
    if known is None:
        raise TypeError(f"nothing is known of {metadata.document_id}: it is to be read")
    return _keep(
        metadata, known.provenance, known.chunk_hashes, _OUTCOMES[item.action or Action.KEEP]
    )


def _provenance_of_skip(run: SyncRun, item: WorkItem, known: KnownDocument | None) -> Provenance:
    """Return by what recipe a document was left out; of one that was read, how, if that still holds."""
    if known and is_settled_skip(known, item.listed.version, item.reason):
        recipe = known.provenance.recipe
        holds = run.file_recipes.holds(recipe) if item.attachment else recipe == str(run.recipe)
        if holds:
            return known.provenance
    if item.attachment:
        return Provenance(run.file_recipes.name(OCR_MISSING))
    return Provenance(str(run.recipe))


async def _rewrite(
    run: SyncRun, results: list[DocumentResult], known: Known
) -> list[DocumentResult]:
    """Write the changed metadata into the store; what the store refuses, or lacks, becomes failures."""
    changed = [item for item in results if item.outcome is Outcome.METADATA_ONLY]
    if not changed:
        return results
    batch = StoreBatch(metadata=tuple(item.metadata for item in changed))
    try:
        await call_store(lambda: run.ports.store.apply(run.namespace, batch))
        lost = await _find_lost(run, changed, known)
    except DocumentError as error:
        return [make_failure(item.metadata, error) if item in changed else item for item in results]
    loss = DocumentError(FailureType.STORE_ERROR, REMOVED)
    return [make_failure(item.metadata, loss) if item in lost else item for item in results]


async def _find_lost(
    run: SyncRun, changed: Sequence[DocumentResult], known: Known
) -> list[DocumentResult]:
    """Return the documents that moved here from another space and whose records are no longer there.

    That space's job removes what it misses. Once the records name this space it leaves them alone.
    """
    lost = []
    for item in changed:
        has_moved = known[item.metadata.content_id].space != item.metadata.space
        if has_moved and item.chunk_hashes and not await _read_vectors(run, item):
            lost.append(item)
    return lost


async def _read_vectors(run: SyncRun, item: DocumentResult) -> Mapping[str, Vector]:
    ids = [item.metadata.document_id]
    return await call_store(lambda: run.ports.store.read_vectors(run.namespace, ids))
