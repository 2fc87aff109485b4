"""Documents that need no reading: kept, skipped, or changed in their metadata alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from headwater.domain.access import Scope
from headwater.domain.content import Space
from headwater.domain.errors import DocumentError
from headwater.domain.jobs import ChunkCounts
from headwater.domain.sync import Action, DocumentResult, Outcome, WorkItem
from headwater.ports import StoreBatch
from headwater.services.sync.batches import call_store
from headwater.services.sync.results import make_failure, make_result, record_results
from headwater.services.sync.run import SyncRun, describe_item

UPKEEP_BATCH: Final = 200

_OUTCOMES: Final = {
    Action.KEEP: Outcome.UNCHANGED,
    Action.SKIP: Outcome.SKIPPED,
    Action.METADATA: Outcome.METADATA_ONLY,
}


async def settle_unread(run: SyncRun, space: Space, items: Sequence[WorkItem], root: Scope) -> None:
    """Settle every item whose body need not be read."""
    unread = [item for item in items if item.action in _OUTCOMES]
    for start in range(0, len(unread), UPKEEP_BATCH):
        await run.check_cancelled()
        await _settle(run, space, unread[start : start + UPKEEP_BATCH], root)


async def _settle(run: SyncRun, space: Space, items: Sequence[WorkItem], root: Scope) -> None:
    ids = [item.listed.content_id for item in items]
    known = await run.ports.catalog.known(run.ref.tenant, run.site, ids)
    results = [
        _result(run, space, item, root, known[key].chunk_hashes if key in known else ())
        for key, item in zip(ids, items, strict=True)
    ]
    await record_results(run, await _rewrite(run, results))


def _result(
    run: SyncRun, space: Space, item: WorkItem, root: Scope, hashes: tuple[str, ...]
) -> DocumentResult:
    outcome = _OUTCOMES[item.action or Action.KEEP]
    result = make_result(run, describe_item(run, space, item, root), outcome)
    if outcome is Outcome.SKIPPED:
        return replace(result, skip_reason=item.reason)
    return replace(result, chunk_hashes=hashes, chunks=ChunkCounts(reused=len(hashes)))


async def _rewrite(run: SyncRun, results: list[DocumentResult]) -> list[DocumentResult]:
    """Write the changed metadata into the store; what the store refuses becomes failures."""
    changed = [item for item in results if item.outcome is Outcome.METADATA_ONLY]
    batch = StoreBatch(metadata=tuple(item.metadata for item in changed))
    if not changed:
        return results
    try:
        await call_store(lambda: run.ports.store.apply(run.namespace, batch))
    except DocumentError as error:
        return [
            make_failure(run, item.metadata, error) if item in changed else item for item in results
        ]
    return results
