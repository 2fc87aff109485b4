"""The first part of a sync: see what the space holds, and decide what to do about each document."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from headwater.domain.content import Space
from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobChange, JobRef, JobStatus, Stage
from headwater.domain.sync import KnownDocument, Outcome, WorkItem
from headwater.pipeline.planning import (
    Seen,
    SyncPolicy,
    decide_document,
    digest_comments,
    foresee_outcome,
)
from headwater.ports import KnownSpace, ListedCounts, Ports
from headwater.services.sync.access import tighten_access, write_access
from headwater.services.sync.listing import annotate, count_listed, list_space
from headwater.services.sync.retrying import read_retried, take_present_restriction
from headwater.services.sync.run import SyncRun, describe_item, open_run
from headwater.services.sync.survey import Survey

PLAN_BATCH: Final = 500


async def gather(ports: Ports, ref: JobRef) -> Survey:
    """Probe, list, read labels and access, and write a decision for every listed document.

    Starts over when it is repeated. Raises a ``SyncAbortedError`` where the job cannot go on.
    """
    await ports.jobs.change(
        ref, JobChange(status=JobStatus.RUNNING, stage=Stage.PROBING, started_at=ports.now())
    )
    async with open_run(ports, ref) as opened:
        run = await take_present_restriction(opened)
        only = await read_retried(ports, run.job)
        await run.check_cancelled()
        space = await run.source.find_space(run.job.request.space)
        # What was accepted last holds for every later retry, however this job ends.
        before = await _remember_space(run, space)
        await tighten_access(run, space)
        survey = await list_space(run, space)
        notes = await annotate(run, space)
        await run.reporter.enter(Stage.PLANNING)
        notes += await write_access(run, space, is_retry=only is not None)
        await _plan(run, space, _policy(run, before, survey), only)
        await run.source.check_credentials()
    return replace(survey, notes=(*survey.notes, *notes), is_retry=only is not None)


async def _plan(
    run: SyncRun, space: Space, policy: SyncPolicy, only: frozenset[ContentId] | None
) -> None:
    counted = ListedCounts(0, 0)
    after: ContentId | None = None
    while items := await run.ports.work.read(run.ref, after=after, limit=PLAN_BATCH):
        chosen = [item for item in items if only is None or item.listed.content_id in only]
        await _decide(run, space, chosen, policy)
        counted = _add_counts(counted, chosen)
        after = items[-1].listed.content_id
    await count_listed(run, counted)


def _add_counts(counted: ListedCounts, items: Sequence[WorkItem]) -> ListedCounts:
    attachments = sum(item.attachment is not None for item in items)
    documents = len(items) - attachments
    return ListedCounts(counted.documents + documents, counted.attachments + attachments)


async def _decide(
    run: SyncRun, space: Space, items: Sequence[WorkItem], policy: SyncPolicy
) -> None:
    beheld = await _behold(run, space, items)
    decisions = [decide_document(seen, known, policy) for seen, known in beheld]
    await run.ports.work.decide(run.ref, decisions)


async def _behold(
    run: SyncRun, space: Space, items: Sequence[WorkItem]
) -> list[tuple[Seen, KnownDocument | None]]:
    """Return what is seen of each item beside what is known of it."""
    ids = [item.listed.content_id for item in items]
    known = await run.ports.catalog.known(run.ref.tenant, run.site, ids)
    comments = await run.ports.work.comments(run.ref, ids)
    return [
        (
            Seen(
                metadata=describe_item(run, space, item),
                comments_digest=digest_comments(comments.get(key, ())),
                media_type=item.attachment.media_type if item.attachment else None,
            ),
            known.get(key),
        )
        for key, item in zip(ids, items, strict=True)
    ]


async def foresee_outcomes(run: SyncRun, survey: Survey) -> dict[ContentId, Outcome]:
    """Say how each gathered document will probably end, before anything is read."""
    space = survey.space
    before = await run.ports.catalog.find_space(run.ref.tenant, run.site, space.key)
    policy = _policy(run, before, survey)
    found: dict[ContentId, Outcome] = {}
    after: ContentId | None = None
    while items := await run.ports.work.read(run.ref, after=after, limit=PLAN_BATCH):
        for seen, known in await _behold(run, space, items):
            found[seen.metadata.content_id] = foresee_outcome(seen, known, policy)
        after = items[-1].listed.content_id
    return found


def _policy(run: SyncRun, before: KnownSpace | None, survey: Survey) -> SyncPolicy:
    request = run.job.request
    is_first = before is None or before.last_complete_sync is None
    return SyncPolicy(
        recipe=run.recipe,
        extractor=run.ports.extractor.recipe,
        incremental=request.incremental,
        use_ocr=request.use_ocr,
        first_sync_since=request.last_sync if is_first and request.incremental else None,
        comments_known=survey.comments_complete,
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
