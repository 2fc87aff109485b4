"""The first half of a sync: see what the space holds, and decide what to do about each document."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from headwater.domain.access import space_scope
from headwater.domain.content import UNREADABLE, Annotation, Space
from headwater.domain.errors import ListingIncompleteError, SourceUnreachableError
from headwater.domain.ids import ContentId
from headwater.domain.jobs import DocumentCounts, JobChange, JobRef, JobStatus, Progress, Stage
from headwater.domain.sync import WorkItem
from headwater.pipeline.planning import SyncPolicy, decide_document
from headwater.ports import KnownSpace, Ports
from headwater.services.sync.access import tighten_access, write_access
from headwater.services.sync.run import SyncRun, describe_item, open_run, read_open_job
from headwater.services.sync.survey import Survey

PLAN_BATCH: Final = 500
ANNOTATE_BATCH: Final = 50


async def gather(ports: Ports, ref: JobRef) -> Survey:
    """Probe, list, read labels and access, and write a decision for every listed document.

    Starts over when it is repeated. Raises a ``SyncAbortedError`` where the job cannot go on.
    """
    await ports.jobs.change(
        ref, JobChange(status=JobStatus.RUNNING, stage=Stage.PROBING, started_at=ports.now())
    )
    async with open_run(ports, ref) as run:
        await run.check_cancelled()
        await run.source.check_credentials()
        space = await run.source.find_space(run.job.request.space)
        await tighten_access(run, space)
        notes = await _list(run, space)
        complete = not notes
        notes += await _annotate(run, space)
        await run.reporter.enter(Stage.PLANNING)
        notes += await write_access(run, space)
        await _plan(run, space)
        await run.source.check_credentials()
    return Survey(run.site, space, complete, tuple(notes))


async def _list(run: SyncRun, space: Space) -> list[str]:
    await run.reporter.enter(Stage.LISTING)
    await run.ports.work.clear(run.ref)
    notes = []
    try:
        async with aclosing(run.source.list_documents(space)) as batches:
            async for listed in batches:
                await run.ports.work.add(run.ref, listed)
                await _count_listed(run)
                await run.check_cancelled()
    except ListingIncompleteError as error:
        notes.append(f"the listing is incomplete, so nothing is deleted: {error}")
    await _count_listed(run)
    return notes


async def _count_listed(run: SyncRun) -> None:
    """Bring the job's counter to the work list's length, however often the listing is repeated."""
    listed = await run.ports.work.count(run.ref)
    shown = (await read_open_job(run.ports, run.ref)).progress.documents.listed
    growth = Progress(documents=DocumentCounts(listed=listed - shown))
    await run.ports.jobs.change(run.ref, JobChange(progress=growth))


async def _annotate(run: SyncRun, space: Space) -> list[str]:
    """Read labels and restrictions in bulk, then one by one whatever the bulk reading left out."""
    notes = []
    try:
        async with aclosing(run.source.list_annotations(space)) as batches:
            async for annotations in batches:
                await run.ports.work.annotate(run.ref, annotations)
    except (ListingIncompleteError, SourceUnreachableError) as error:
        notes.append(f"labels and restrictions were read page by page: {error}")
    while missing := await run.ports.work.unannotated(run.ref, limit=ANNOTATE_BATCH):
        annotations = await run.source.read_annotations(missing)
        await run.ports.work.annotate(
            run.ref, _complete(annotations, [item.content_id for item in missing])
        )
        await run.check_cancelled()
    return notes


def _complete(
    annotations: Sequence[Annotation], asked: Sequence[ContentId]
) -> Sequence[Annotation]:
    """Close what got no answer."""
    answered = {annotation.content_id for annotation in annotations}
    silent = [key for key in asked if key not in answered]
    return [*annotations, *(Annotation(key, frozenset(), UNREADABLE) for key in silent)]


async def _plan(run: SyncRun, space: Space) -> None:
    policy = _policy(run, await _remember_space(run, space))
    after: ContentId | None = None
    while items := await run.ports.work.read(run.ref, after=after, limit=PLAN_BATCH):
        await _decide(run, space, items, policy)
        after = items[-1].listed.content_id


async def _decide(
    run: SyncRun, space: Space, items: Sequence[WorkItem], policy: SyncPolicy
) -> None:
    ids = [item.listed.content_id for item in items]
    known = await run.ports.catalog.known(run.ref.tenant, run.site, ids)
    root = space_scope(run.site, space.id)
    decisions = [
        decide_document(
            describe_item(run, space, item, root), known.get(item.listed.content_id), policy
        )
        for item in items
    ]
    await run.ports.work.decide(run.ref, decisions)


def _policy(run: SyncRun, before: KnownSpace | None) -> SyncPolicy:
    request = run.job.request
    is_first = before is None or before.last_complete_sync is None
    return SyncPolicy(
        recipe=run.recipe,
        incremental=request.incremental,
        first_sync_since=request.last_sync if is_first and request.incremental else None,
    )


async def _remember_space(run: SyncRun, space: Space) -> KnownSpace | None:
    catalog, tenant = run.ports.catalog, run.ref.tenant
    before = await catalog.find_space(tenant, run.site, space.key)
    await catalog.put_space(
        tenant,
        KnownSpace(
            site=run.site,
            space=space.key,
            space_id=space.id,
            name=space.name,
            restriction=run.job.request.restriction,
            last_complete_sync=before.last_complete_sync if before else None,
        ),
    )
    return before
