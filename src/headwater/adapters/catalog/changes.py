"""What a change makes of a job."""

from dataclasses import replace
from datetime import datetime

from headwater.domain.jobs import Job, JobChange, JobStatus, Stage


def apply_change(job: Job, change: JobChange) -> Job:
    """Return the changed job, its revision one higher; the same job where nothing changes.

    A job in a final status changes no more, but for what is amended. Any stage but ``throttled`` ends
    the waiting.
    """
    if job.status.is_final and not change.amends:
        return job
    changed = replace(
        job,
        status=change.status or job.status,
        stage=change.stage or job.stage,
        message=job.message if change.message is None else change.message,
        started_at=change.started_at or job.started_at,
        finished_at=change.finished_at or job.finished_at,
        throttled_until=change.throttled_until or job.throttled_until,
        progress=job.progress + change.progress,
        starts=0 if _settles(change) else job.starts + change.starts,
    )
    if change.stage not in {None, Stage.THROTTLED}:
        changed = replace(changed, throttled_until=None)
    return job if changed == job else replace(changed, revision=job.revision + 1)


def _settles(change: JobChange) -> bool:
    return bool(change.progress.documents.done or change.progress.attachments.done)


def cancel_job(job: Job, now: datetime) -> Job:
    """Return the job as a wish to stop leaves it.

    A queued job, which never started, is cancelled at once; a running one is asked to stop and
    ends itself; a finished one stays as it is.
    """
    if job.status.is_final or job.cancel_requested:
        return job
    asked = replace(job, cancel_requested=True, revision=job.revision + 1)
    if job.status is JobStatus.RUNNING:
        return asked
    return replace(
        asked,
        status=JobStatus.CANCELLED,
        stage=Stage.DONE,
        message="cancelled on request before it began",
        finished_at=now,
    )
