"""Reading and stopping jobs."""

from headwater.domain.errors import NotFoundError
from headwater.domain.ids import SpaceKey, TenantId
from headwater.domain.jobs import Job, JobRef, JobStatus
from headwater.ports import FailurePage, JobPage, JobStore

FIRST_FAILURES = 20


async def read_job(jobs: JobStore, ref: JobRef) -> Job:
    """Return the job; ``NotFoundError`` also where it is another tenant's."""
    job = await jobs.find(ref)
    if job is None:
        raise NotFoundError(f"no job {ref.job_id!r}; GET /v2/confluence/jobs lists yours")
    return job


async def list_jobs(
    jobs: JobStore,
    tenant: TenantId,
    *,
    space: SpaceKey | None = None,
    status: JobStatus | None = None,
    cursor: str | None = None,
    limit: int,
) -> JobPage:
    """Return a page of the tenant's jobs, newest first."""
    return await jobs.list(tenant, space=space, status=status, cursor=cursor, limit=limit)


async def list_failures(
    jobs: JobStore, ref: JobRef, *, cursor: str | None = None, limit: int = FIRST_FAILURES
) -> FailurePage:
    """Return a page of the job's failures, oldest first; ``NotFoundError`` without the job."""
    await read_job(jobs, ref)
    return await jobs.failures(ref, cursor=cursor, limit=limit)


async def cancel_job(jobs: JobStore, ref: JobRef) -> Job:
    """Ask the job to stop and return it; a finished job is returned as it is."""
    await read_job(jobs, ref)
    await jobs.request_cancel(ref)
    return await read_job(jobs, ref)
