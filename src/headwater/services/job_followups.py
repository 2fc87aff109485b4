"""What somebody does about a finished job: carry out the deletions it held, or retry what failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from headwater.domain.content import DocumentKind
from headwater.domain.errors import JobStateError, SpaceNotFoundError
from headwater.domain.ids import (
    ContentId,
    CredentialId,
    JobId,
    Namespace,
    SpaceId,
    make_document_id,
)
from headwater.domain.jobs import (
    DocumentCounts,
    Job,
    JobChange,
    JobRef,
    JobStatus,
    Progress,
    SiteCredential,
    Stage,
)
from headwater.domain.sync import KnownDocument
from headwater.pipeline.planning import is_searchable
from headwater.ports import Ports, Source, StoreBatch
from headwater.services.credentials import (
    Login,
    choose_credential,
    seal_credential,
    settle_credential,
)
from headwater.services.job_reports import read_job
from headwater.services.sync.reconciling import count_removed, has_left
from headwater.services.sync.storekeeping import tidy_store
from headwater.services.uploads import check_room, digest_request, enqueue_or_withdraw

RETRY: Final = "retry"
PAGES_AT_ONCE: Final = 200
"""Held pages that are removed together: what a crash may leave to be repeated."""


@dataclass(frozen=True, slots=True)
class HeldDeletions:
    """What a space holds: pages and posts by title, and how many attachments hang on them."""

    pages: tuple[KnownDocument, ...]
    files: int


async def list_held(ports: Ports, job: Job) -> HeldDeletions:
    """Return what approving the job would remove, where Confluence still does not have it."""
    held = await ports.catalog.held(job.ref.tenant, job.request.space)
    pages = [item for item in held if item.kind is not DocumentKind.ATTACHMENT]
    return HeldDeletions(
        tuple(sorted(pages, key=lambda item: item.title)), files=len(held) - len(pages)
    )


async def approve_deletions(ports: Ports, ref: JobRef, login: Login | None) -> Job:
    """Remove what the job's space holds and Confluence does not have; return the job.

    Each document is looked up again first; one that is there stays. Repeating the call goes on where
    it was, and does nothing once nothing is held. ``JobStateError`` while a job of the space is open,
    and where the account does not see the space: then a look-up proves nothing.
    """
    job = await read_job(ports.jobs, ref)
    await _check_quiet(ports, job)
    held = await ports.catalog.held(ref.tenant, job.request.space)
    if held:
        credential = await choose_credential(ports, job, login)
        gone = await _prove_gone(ports, job, credential, held)
        await _remove(ports, job, gone)
    job = await _note_settled(ports, job)
    await settle_credential(ports, job)
    return job


async def _note_settled(ports: Ports, before: Job) -> Job:
    """Say in the job's message what became of what it held; return the job as it is now.

    Where nothing of the space is held any more, a later job has settled what this one still counts.
    """
    ref, counted = before.ref, before.progress.documents
    now = (await read_job(ports.jobs, ref)).progress.documents
    is_held = bool(now.held and await ports.catalog.held(ref.tenant, before.request.space))
    settled = 0 if is_held else now.held
    deleted = now.deleted - counted.deleted
    notes = [
        f"{deleted} held documents were deleted on approval" if deleted else "",
        f"{settled} were settled by a later job" if settled else "",
        _describe_kept(before, now.held - settled),
    ]
    if any(notes):
        change = JobChange(
            progress=Progress(documents=DocumentCounts(held=-settled)),
            message="; ".join(filter(None, [before.message, *notes])),
            amends=True,
        )
        await ports.jobs.change(ref, change)
    return await read_job(ports.jobs, ref)


def _describe_kept(before: Job, kept: int) -> str:
    """Say what is held still; nothing where the job says so already."""
    note = f"still held, since Confluence has them: {kept}; the next sync takes them back"
    return note if kept and note not in (before.message or "") else ""


async def retry_failed(ports: Ports, ref: JobRef, login: Login | None) -> JobId:
    """Queue a job that processes only what failed in this one, and return its id.

    ``JobStateError`` while the job is open, where nothing failed, and where the account does not see
    the space.
    """
    job = await read_job(ports.jobs, ref)
    _check_final(job)
    if not (await ports.jobs.failures(ref, cursor=None, limit=1)).total:
        raise JobStateError(f"nothing failed in job {ref.job_id!r}: there is nothing to retry")
    await check_room(ports, ref.tenant)
    credential = await choose_credential(ports, job, login)
    async with ports.sources.open(job.request.address, credential) as source:
        await source.check_credentials()
        await _find_space(source, job)
    retry = _make_retry(ports, job)
    await ports.jobs.add(retry, seal_credential(ports.secret_box, credential))
    await enqueue_or_withdraw(ports, retry, may_be_repeated=False)
    return retry.ref.job_id


def _make_retry(ports: Ports, job: Job) -> Job:
    request = replace(job.request, retry_of=job.ref.job_id)
    return Job(
        ref=JobRef(job.ref.tenant, ports.new_job_id()),
        kind=RETRY,
        status=JobStatus.QUEUED,
        stage=Stage.QUEUED,
        request=request,
        request_digest=digest_request(request),
        credential_id=CredentialId(f"{ports.new_job_id()}"),
        created_at=ports.now(),
        trace=ports.tracer.current(),
    )


def _check_final(job: Job) -> None:
    if not job.status.is_final:
        raise JobStateError(f"job {job.ref.job_id!r} is {job.status}; wait until it has ended")


async def _check_quiet(ports: Ports, job: Job) -> None:
    """Refuse while a job may be about to find, or to remove, what is held."""
    _check_final(job)
    for status in (JobStatus.QUEUED, JobStatus.RUNNING):
        page = await ports.jobs.list(
            job.ref.tenant, space=job.request.space, status=status, cursor=None, limit=1
        )
        for other in page.jobs:
            raise JobStateError(
                f"job {other.ref.job_id!r} of the same space is {status}; approve when it has ended"
            )


async def _prove_gone(
    ports: Ports, job: Job, credential: SiteCredential, held: Sequence[KnownDocument]
) -> list[list[KnownDocument]]:
    """Return the held documents that Confluence has no more, each page with its attachments."""
    async with ports.sources.open(job.request.address, credential) as source:
        await source.check_credentials()
        space_id = await _find_space(source, job)
        families = _group_by_page(source, held)
        found = await source.look_up(list(families))
    settings = job.request.settings
    return [items for key, items in families.items() if has_left(found[key], space_id, settings)]


async def _find_space(source: Source, job: Job) -> SpaceId:
    try:
        return (await source.find_space(job.request.space)).id
    except SpaceNotFoundError as error:
        raise JobStateError(f"{error}; nothing was done") from error


def _group_by_page(
    source: Source, held: Sequence[KnownDocument]
) -> Mapping[ContentId, list[KnownDocument]]:
    """Return the held pages of this Confluence with all that hangs on each."""
    families: dict[ContentId, list[KnownDocument]] = {}
    for item in held:
        if item.document_id == make_document_id(source.site, item.content_id):
            families.setdefault(item.page_id, []).append(item)
    return families


async def _remove(ports: Ports, job: Job, families: Sequence[list[KnownDocument]]) -> None:
    """Remove from the store first, from the catalog last: a crash in between is repeated.

    Another space's job may take a moved page over at any moment, so both look whose it is.
    """
    tenant, space = job.ref.tenant, job.request.space
    for start in range(0, len(families), PAGES_AT_ONCE):
        items = [item for family in families[start : start + PAGES_AT_ONCE] for item in family]
        stored = tuple(item.document_id for item in items if is_searchable(item))
        batch = StoreBatch(deletions=stored, deleted_from=space)
        await ports.store.apply(Namespace(tenant), batch)
        await ports.catalog.remove_held(job.ref, [item.document_id for item in items], _tally)
    if families:
        await tidy_store(ports, tenant)


def _tally(job: Job, removed: Sequence[KnownDocument]) -> JobChange:
    pages = sum(item.kind is not DocumentKind.ATTACHMENT for item in removed)
    released = DocumentCounts(held=-min(pages, job.progress.documents.held))
    counted = count_removed([item for item in removed if is_searchable(item)])
    return JobChange(progress=counted + Progress(documents=released), amends=True)
