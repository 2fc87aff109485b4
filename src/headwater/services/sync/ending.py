"""The end of a sync, good or bad: say what was done, and keep nothing that is no longer needed."""

from dataclasses import replace

from headwater.domain.errors import HeadwaterError, JobCancelledError, SourceRefusedError
from headwater.domain.jobs import DocumentCounts, Job, JobChange, JobRef, JobStatus, Progress, Stage
from headwater.ports import Ports
from headwater.services.credentials import settle_credential
from headwater.services.sync.run import read_open_job
from headwater.services.sync.storekeeping import tidy_store
from headwater.services.sync.survey import Survey


async def finish(ports: Ports, ref: JobRef, survey: Survey) -> None:
    """Close a job that ran to its end: ``partial`` if anything failed, is held or was not seen."""
    job = await read_open_job(ports, ref)
    notes = [*_describe_held(job), *survey.notes]
    if survey.complete and not survey.is_retry:
        await _remember_completion(ports, job, survey)
    notes += await tidy_store(ports, job.ref.tenant)
    await _close(ports, job, _judge(job.progress, survey), describe_sync(job.progress, notes))


def _describe_held(job: Job) -> list[str]:
    """Say what somebody may do about what the job holds, if it holds anything."""
    if not job.progress.documents.held:
        return []
    name = job.ref.job_id
    way = f"POST /v2/confluence/jobs/{name}/approve (headwater jobs {name} --approve)"
    return [
        f"what is held stays searchable until {way} deletes it, or a second complete sync misses it too"
    ]


async def abort(ports: Ports, ref: JobRef, error: HeadwaterError) -> None:
    """Close a job that could not go on; what it brought in stays, nothing is deleted."""
    job = await read_open_job(ports, ref)
    cancelled = isinstance(error, JobCancelledError)
    status = JobStatus.CANCELLED if cancelled else JobStatus.FAILED
    await _close(ports, job, status, f"{error}{await _advise(ports, job, error)}")


async def _advise(ports: Ports, job: Job, error: HeadwaterError) -> str:
    """Return what is worth adding where a schedule is going to meet the same again."""
    if not isinstance(error, SourceRefusedError) or job.credential_id is None:
        return ""
    if await ports.schedules.uses(job.ref.tenant, job.credential_id):
        return "; upload the space again with credentials that work, and its schedule takes those"
    return ""


async def fail(ports: Ports, ref: JobRef, error_id: str) -> None:
    """Close a job that met a defect; the log has the details under ``error_id``."""
    job = await read_open_job(ports, ref)
    message = f"unexpected error {error_id}; the log has its details. Upload again to go on."
    await _close(ports, job, JobStatus.FAILED, message)


async def give_up(ports: Ports, ref: JobRef, error_id: str) -> None:
    """Close a job whose process ended again and again while it ran."""
    job = await read_open_job(ports, ref)
    message = (
        f"given up ({error_id}): the server was stopped {job.starts - 1} times while this job ran, and it"
        " settled no document in between. Look for the reason in the log, memory first; then upload again."
    )
    await _close(ports, job, JobStatus.FAILED, message)


def describe_sync(progress: Progress, notes: list[str]) -> str:
    """Return one sentence on what a sync did, and the notes."""
    chunks = progress.chunks
    attachments = _describe_counts(progress.attachments)
    documents = _describe_counts(progress.documents) or (
        "" if attachments else "the space is empty"
    )
    embedded = f"{chunks.embedded} chunks embedded" if chunks.embedded else "nothing embedded"
    total = sum(progress.losses.values())
    lost = f"constructs not kept whole: {total}" if total else ""
    parts = [documents, attachments and f"attachments: {attachments}", embedded, lost, *notes]
    return "; ".join(part for part in parts if part)


def _describe_counts(counted: DocumentCounts) -> str:
    counts = {
        "added": counted.added,
        "updated": counted.updated,
        "changed in metadata only": counted.metadata_only,
        "unchanged": counted.unchanged,
        "skipped": counted.skipped,
        "failed": counted.failed,
        "deleted": counted.deleted,
        "held": counted.held,
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _judge(progress: Progress, survey: Survey) -> JobStatus:
    everything = progress.documents + progress.attachments
    if everything.failed or everything.held or not survey.is_whole:
        return JobStatus.PARTIAL
    return JobStatus.SUCCEEDED


async def _remember_completion(ports: Ports, job: Job, survey: Survey) -> None:
    tenant, key = job.ref.tenant, survey.space.key
    known = await ports.catalog.find_space(tenant, survey.site, key)
    if known:
        await ports.catalog.put_space(tenant, replace(known, last_complete_sync=ports.now()))


async def _close(ports: Ports, job: Job, status: JobStatus, message: str) -> None:
    await settle_credential(ports, job)
    await ports.work.clear(job.ref)
    await ports.jobs.change(
        job.ref,
        JobChange(status=status, stage=Stage.DONE, message=message, finished_at=ports.now()),
    )
