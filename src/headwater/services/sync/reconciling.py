"""The third part of a sync: remove what is proven gone, hold what is too much to believe."""

from collections.abc import Mapping, Sequence

from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, SpaceId
from headwater.domain.jobs import ChunkCounts, DocumentCounts, JobChange, JobRef, Progress, Stage
from headwater.domain.settings import SyncSettings
from headwater.domain.sync import DocumentState, KnownDocument
from headwater.pipeline.planning import is_searchable, plan_deletions
from headwater.ports import ContentStatus, LookedUp, Ports, StoreBatch
from headwater.services.sync.batches import call_store
from headwater.services.sync.expelling import find_expelled
from headwater.services.sync.run import SyncRun, open_run, read_open_job
from headwater.services.sync.survey import Survey


async def reconcile(ports: Ports, ref: JobRef, survey: Survey) -> None:
    """Remove the documents of the space that are no longer in it, or that a rule wants out of it.

    Never by a retry. What left Confluence goes only after a complete listing, with a credential proven
    alive, and each missing id looked up.
    """
    if survey.is_retry:
        return
    missing = await ports.catalog.missing(ref, survey.site, survey.space.key)
    expelled = await find_expelled(ports, await read_open_job(ports, ref), survey, missing)
    if not (expelled or (missing and survey.complete)):
        return
    async with open_run(ports, ref) as run:
        await run.reporter.enter(Stage.RECONCILING)
        await _remove(run, survey, expelled)
        if survey.complete:
            gone = {item.document_id for item in expelled}
            rest = [item for item in missing if item.document_id not in gone]
            await _reconcile(run, survey, rest)


async def _reconcile(run: SyncRun, survey: Survey, missing: Sequence[KnownDocument]) -> None:
    if missing:  # the credential has just proven itself: no source is opened without it
        pages = [item for item in missing if item.kind is not DocumentKind.ATTACHMENT]
        await _reconcile_pages(run, survey, pages)
        if survey.attachments_complete:
            files = [item for item in missing if item.kind is DocumentKind.ATTACHMENT]
            await _reconcile_attachments(run, survey, files)


async def _reconcile_pages(run: SyncRun, survey: Survey, missing: Sequence[KnownDocument]) -> None:
    if (await read_open_job(run.ports, run.ref)).progress.documents.held:
        return  # holding is the last that is done here: a repeated step must not count it as a proof
    vanished = await _look_up(run, survey, missing)
    searchable = [item for item in vanished if is_searchable(item)]
    total = await run.ports.catalog.count_indexed(run.ref.tenant, run.site, survey.space.key)
    plan = plan_deletions(searchable, searchable_in_space=total)
    held = set(plan.hold)
    await _remove(run, survey, [item for item in vanished if item.document_id not in held])
    change = JobChange(progress=Progress(documents=DocumentCounts(held=len(held))))
    await run.ports.catalog.hold(run.ref, plan.hold, change)


async def _reconcile_attachments(
    run: SyncRun, survey: Survey, missing: Sequence[KnownDocument]
) -> None:
    """Remove attachments that went, with their page or alone; those of a held page stay with it."""
    pages = list({item.page_id for item in missing})
    known = await run.ports.catalog.known(run.ref.tenant, run.site, pages)
    alone = [item for item in missing if _is_page_in(item, known)]
    orphaned = [item for item in missing if item.page_id not in known]
    await _remove(run, survey, [*orphaned, *await _look_up(run, survey, alone)])


def _is_page_in(item: KnownDocument, pages: Mapping[ContentId, KnownDocument]) -> bool:
    page = pages.get(item.page_id)
    return page is not None and page.state is not DocumentState.HELD


async def _look_up(
    run: SyncRun, survey: Survey, missing: Sequence[KnownDocument]
) -> list[KnownDocument]:
    """Return those that have left the space by Confluence's own word."""
    if not missing:
        return []
    ids = [item.content_id for item in missing]
    found = await run.until_cancelled(run.source.look_up(ids))
    settings = run.job.request.settings
    return [item for item in missing if has_left(found[item.content_id], survey.space.id, settings)]


def has_left(answer: LookedUp, space_id: SpaceId, settings: SyncSettings) -> bool:
    """Tell whether a document is no longer in the space, by a look-up's word.

    An archived one has left unless the settings want it.
    """
    stays = {ContentStatus.CURRENT}
    if settings.include_archived:
        stays.add(ContentStatus.ARCHIVED)
    return not (answer.status in stays and answer.space_id in {None, space_id})


async def _remove(run: SyncRun, survey: Survey, vanished: Sequence[KnownDocument]) -> None:
    """Remove what is this space's still, in store and catalog.

    Another space's job may take a moved page over at any moment, so both are told whose it must be.
    """
    space = survey.space.key
    stored = tuple(item.document_id for item in vanished if is_searchable(item))
    if stored:
        batch = StoreBatch(deletions=stored, deleted_from=space)
        await call_store(lambda: run.ports.store.apply(run.namespace, batch))
    gone = [item.document_id for item in vanished]
    await run.ports.catalog.forget(run.ref, space, gone, _count)


def _count(removed: Sequence[KnownDocument]) -> JobChange:
    """Count what was searchable: what was never in the index is not reported as deleted."""
    return JobChange(progress=count_removed([item for item in removed if is_searchable(item)]))


def count_removed(removed: Sequence[KnownDocument]) -> Progress:
    """Return what removing these adds to a job's progress: what was never in is not counted."""
    files = sum(item.kind is DocumentKind.ATTACHMENT for item in removed)
    return Progress(
        documents=DocumentCounts(deleted=len(removed) - files),
        attachments=DocumentCounts(deleted=files),
        chunks=ChunkCounts(deleted=sum(len(item.chunk_hashes) for item in removed)),
    )
