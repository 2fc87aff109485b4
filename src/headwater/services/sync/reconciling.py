"""The third part of a sync: remove what is proven gone, hold what is too much to believe."""

from collections.abc import Mapping, Sequence

from headwater.domain.ids import ContentId
from headwater.domain.jobs import ChunkCounts, DocumentCounts, JobChange, JobRef, Progress, Stage
from headwater.domain.sync import DeletionPlan, KnownDocument
from headwater.pipeline.planning import is_searchable, plan_deletions
from headwater.ports import ContentStatus, LookedUp, Ports, StoreBatch
from headwater.services.sync.batches import call_store
from headwater.services.sync.run import SyncRun, open_run
from headwater.services.sync.survey import Survey


async def reconcile(ports: Ports, ref: JobRef, survey: Survey) -> None:
    """Remove the documents of the space that are no longer in it.

    Only after a complete listing, with a credential proven alive, and each missing id looked up.
    """
    if not survey.complete:
        return
    missing = await ports.catalog.missing(ref, survey.site, survey.space.key)
    if not missing:
        return
    async with open_run(ports, ref) as run:
        await run.reporter.enter(Stage.RECONCILING)
        await run.source.check_credentials()
        found = await run.source.look_up([item.content_id for item in missing])
        vanished = [item for item in missing if _has_left(item, found, survey)]
        await _carry_out(run, survey, vanished)


def _has_left(item: KnownDocument, found: Mapping[ContentId, LookedUp], survey: Survey) -> bool:
    """Whether the document is not in the space any more; without an answer it is taken to be."""
    answer = found.get(item.content_id)
    if answer is None:
        return False
    return not (
        answer.status is ContentStatus.CURRENT and answer.space_id in {None, survey.space.id}
    )


async def _carry_out(run: SyncRun, survey: Survey, vanished: Sequence[KnownDocument]) -> None:
    searchable = [item for item in vanished if is_searchable(item)]
    total = await run.ports.catalog.count_indexed(run.ref.tenant, run.site, survey.space.key)
    plan = plan_deletions(searchable, searchable_in_space=total)
    never_in = tuple(item.document_id for item in vanished if not is_searchable(item))
    await run.ports.catalog.forget(run.ref, never_in, JobChange())
    await _delete(run, searchable, plan)
    held = JobChange(progress=Progress(documents=DocumentCounts(held=len(plan.hold))))
    await run.ports.catalog.hold(run.ref, plan.hold, held)


async def _delete(run: SyncRun, known: Sequence[KnownDocument], plan: DeletionPlan) -> None:
    if not plan.delete:
        return
    await call_store(
        lambda: run.ports.store.apply(run.namespace, StoreBatch(deletions=plan.delete))
    )
    chunks = sum(len(item.chunk_hashes) for item in known if item.document_id in set(plan.delete))
    change = JobChange(
        progress=Progress(
            documents=DocumentCounts(deleted=len(plan.delete)), chunks=ChunkCounts(deleted=chunks)
        )
    )
    await run.ports.catalog.forget(run.ref, plan.delete, change)
