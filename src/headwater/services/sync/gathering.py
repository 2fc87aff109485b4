"""The first part of a sync: see what the space holds, and decide what to do about each document."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from headwater.pipeline.selection import REASONS, SelectionRules
from headwater.ports import KnownSpace, ListedCounts, Ports
from headwater.services.sync.access import tighten_access, write_access
from headwater.services.sync.ancestry import read_ancestry
from headwater.services.sync.keeping_out import read_deleted
from headwater.services.sync.listing import annotate, count_listed, list_space
from headwater.services.sync.retrying import read_retried, take_present_restriction
from headwater.services.sync.run import SyncRun, describe_item, open_run, read_open_job
from headwater.services.sync.selecting import Selection, read_rules, read_selection
from headwater.services.sync.stopping import until_cancelled
from headwater.services.sync.survey import Survey

PLAN_BATCH: Final = 500


async def gather(ports: Ports, ref: JobRef) -> Survey:
    """Probe, list, read labels and access, and write a decision for every listed document.

    Starts over when it is repeated. Raises a ``SyncAbortedError`` where the job cannot go on.
    """
    await ports.jobs.change(
        ref, JobChange(status=JobStatus.RUNNING, stage=Stage.PROBING, started_at=ports.now())
    )
    job = await read_open_job(ports, ref)
    if job.request.site and job.request.retry_of is None:
        await tighten_access(ports, job, job.request.site)
    return await until_cancelled(ports, ref, _gather(ports, ref))


async def _gather(ports: Ports, ref: JobRef) -> Survey:
    async with open_run(ports, ref) as opened:
        run = await take_present_restriction(opened)
        only = await read_retried(ports, run.job)
        await run.check_going_on()
        space = await run.source.find_space(run.job.request.space)
        await _tell(run)
        before = await _remember_space(run, space)
        await tighten_access(ports, run.job, run.site)
        survey = await list_space(run, space)
        notes = [*_list_vain_settings(run), *await annotate(run, space)]
        await run.reporter.enter(Stage.PLANNING)
        rules = await read_rules(ports, run.job)
        ancestry = await read_ancestry(run, upwards=_asks_upwards(run, rules))
        notes += await write_access(run, space, ancestry, is_retry=only is not None)
        selection = await read_selection(run, space, rules, ancestry)
        policy = replace(_policy(run, before, survey), deleted=await read_deleted(run))
        await _plan(run, space, _Criteria(policy, selection), only)
        await run.source.check_credentials()
        await _tell(run, *survey.notes, *notes)
    return replace(survey, notes=(*survey.notes, *notes), is_retry=only is not None)


def _list_vain_settings(run: SyncRun) -> list[str]:
    """Say which settings this Confluence leaves without effect."""
    if run.job.request.settings.include_archived and not run.source.archives_pages:
        return [f"include_archived changes nothing: {run.source.face} archives spaces, not pages"]
    return []


async def _tell(run: SyncRun, *notes: str) -> None:
    """Say on the job, while it runs, what was found of its Confluence."""
    found = f"{run.source.face}, site {run.source.site}: the account is known and sees the space"
    await run.ports.jobs.change(run.ref, JobChange(message="; ".join([found, *notes])))


@dataclass(frozen=True, slots=True)
class _Criteria:
    """What decides about each listed document."""

    policy: SyncPolicy
    selection: Selection


def _asks_upwards(run: SyncRun, rules: SelectionRules) -> bool:
    """Whether it matters what the listed documents stand under."""
    return run.job.request.restriction.source_restriction or rules.asks_ancestors


async def _plan(
    run: SyncRun, space: Space, criteria: _Criteria, only: frozenset[ContentId] | None
) -> None:
    counted = ListedCounts(0, 0)
    after: ContentId | None = None
    while items := await run.ports.work.read(run.ref, after=after, limit=PLAN_BATCH):
        chosen = [item for item in items if only is None or item.listed.content_id in only]
        await _decide(run, space, chosen, criteria)
        counted = _add_counts(counted, chosen)
        after = items[-1].listed.content_id
    await count_listed(run, counted)


def _add_counts(counted: ListedCounts, items: Sequence[WorkItem]) -> ListedCounts:
    attachments = sum(item.attachment is not None for item in items)
    documents = len(items) - attachments
    return ListedCounts(counted.documents + documents, counted.attachments + attachments)


async def _decide(
    run: SyncRun, space: Space, items: Sequence[WorkItem], criteria: _Criteria
) -> None:
    beheld = await _behold(run, space, items)
    shown = [seen.metadata for seen, _ in beheld]
    reasons = await criteria.selection.judge(run, list(zip(items, shown, strict=True)))
    decisions = [
        decide_document(replace(seen, left_out=reason), known, criteria.policy)
        for (seen, known), reason in zip(beheld, reasons, strict=True)
    ]
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
                left_out=item.reason if item.reason in REASONS else None,
            ),
            known.get(key),
        )
        for key, item in zip(ids, items, strict=True)
    ]


async def foresee_outcomes(run: SyncRun, survey: Survey) -> dict[ContentId, Outcome]:
    """Say how each gathered document will probably end, before anything is read."""
    space = survey.space
    before = await run.ports.catalog.find_space(run.ref.tenant, run.site, space.key)
    policy = replace(_policy(run, before, survey), deleted=await read_deleted(run))
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
        ocr_languages=request.settings.ocr_languages,
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
