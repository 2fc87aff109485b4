"""What makes a retry: the documents that failed in another job, under the space's present rules."""

from dataclasses import replace
from typing import Final

from headwater.domain.ids import ContentId
from headwater.domain.jobs import Job, JobRef
from headwater.ports import Ports
from headwater.services.sync.run import SyncRun

FAILURES_AT_ONCE: Final = 500


async def read_retried(ports: Ports, job: Job) -> frozenset[ContentId] | None:
    """Return what a retry is to process; ``None`` for a job that processes everything."""
    if job.request.retry_of is None:
        return None
    ref, cursor = JobRef(job.ref.tenant, job.request.retry_of), None
    found: set[ContentId] = set()
    while True:
        page = await ports.jobs.failures(ref, cursor=cursor, limit=FAILURES_AT_ONCE)
        found |= {ContentId(item.document_id.rpartition(":")[2]) for item in page.failures}
        if page.next is None:
            return frozenset(found)
        cursor = page.next


async def take_present_restriction(run: SyncRun) -> SyncRun:
    """Return a retry under the restriction that the space's last accepted upload asked for.

    The job that is retried may be older: its restriction may have been tightened since.
    """
    request = run.job.request
    if request.retry_of is None:
        return run
    space = await run.ports.catalog.find_space(run.ref.tenant, run.site, request.space)
    present = replace(request, restriction=space.restriction) if space else request
    return replace(run, job=replace(run.job, request=present))
