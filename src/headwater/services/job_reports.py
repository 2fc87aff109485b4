"""Reading, watching and stopping jobs."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from headwater.domain.access import Reader
from headwater.domain.errors import NotFoundError
from headwater.domain.ids import SpaceKey, TenantId
from headwater.domain.jobs import Job, JobRef, JobStatus
from headwater.ports import JobPage, JobStore, Ports
from headwater.services.credentials import settle_credential

POLL: Final = 0.3
"""Seconds between looks at a job that is watched."""

JOBS_AT_A_TIME: Final = 100


def describe_job(job: Job, sight: Reader | None) -> str | None:
    """Return the job's message, and for who sees everything the pages of which most was lost."""
    worst = ", ".join(f'"{item.title[:80]}" ({item.lost})' for item in job.progress.lossiest)
    if sight is not None or not worst or not job.message:
        return job.message or None
    return f"{job.message}; most was lost in {worst}"


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


async def walk_jobs(
    jobs: JobStore, tenant: TenantId, *, space: SpaceKey | None
) -> AsyncGenerator[Job, None]:
    """Yield every job of the tenant, newest first."""
    cursor, is_more = None, True
    while is_more:
        page = await list_jobs(jobs, tenant, space=space, cursor=cursor, limit=JOBS_AT_A_TIME)
        for job in page.jobs:
            yield job
        cursor, is_more = page.next, page.next is not None


async def watch_job(
    jobs: JobStore, ref: JobRef, *, seen: int, may_go_on: Callable[[], bool]
) -> AsyncGenerator[Job, None]:
    """Yield the job whenever it is in another revision than the one ``seen``, and in any case at its end.

    Ends after a final job, and where it may not go on.
    """
    while may_go_on() and (job := await jobs.find(ref)) is not None:
        if job.revision != seen or job.status.is_final:
            seen = job.revision
            yield job
        if job.status.is_final:
            return
        await asyncio.sleep(POLL)


async def cancel_job(ports: Ports, ref: JobRef) -> Job:
    """Ask the job to stop and return it; a finished job is returned as it is.

    One that never began ends here, and its credential with it.
    """
    await read_job(ports.jobs, ref)
    await ports.jobs.request_cancel(ref)
    job = await read_job(ports.jobs, ref)
    if job.status.is_final:
        await settle_credential(ports, job)
    return job
