"""Schedules: what is due is uploaded again, by a job like any other, once however many processes look."""

import hashlib
from dataclasses import replace
from datetime import datetime

from headwater.domain.errors import ConflictError, InvalidInputError
from headwater.domain.ids import JobId
from headwater.domain.jobs import Job, JobRef, JobStatus, Stage
from headwater.domain.schedules import Schedule
from headwater.domain.settings import SyncSettings
from headwater.pipeline.cron import find_due
from headwater.ports import Ports
from headwater.services.settings import take_settings
from headwater.services.uploads import UPLOAD, digest_request, find_standing


async def start_due(ports: Ports) -> list[JobRef]:
    """Store a job for every schedule that is due, and return the jobs.

    A time that passed while nobody looked, or while the space was still at it, counts once.
    """
    started = []
    for schedule in await ports.schedules.list_schedules():
        due = find_due(schedule.cron, since=_quiet_since(schedule), now=ports.now())
        if due and (job := await _repeat(ports, schedule, due)):
            started.append(job)
    return started


def _quiet_since(schedule: Schedule) -> datetime:
    """Return from when on times count: what was set at nine is not late for eight."""
    return max(schedule.accepted_at, schedule.set_at)


async def _repeat(ports: Ports, schedule: Schedule, due: datetime) -> JobRef | None:
    before = await ports.jobs.find(schedule.ref)
    if before is None or not before.status.is_final:
        return None
    if await ports.jobs.count_open(schedule.tenant) >= ports.max_open_jobs:
        return None  # it is due still when there is room again
    try:
        job = await _make_repetition(ports, before, name_repetition(schedule, due))
        standing = find_standing(job, instead_of=schedule.job_id)
        await ports.jobs.add(job, None, standing=standing)
    except ConflictError:
        return None  # another process was quicker, or a newer upload has taken its place
    except InvalidInputError:
        return None  # the configuration is gone since it was listed
    await ports.queue.enqueue(job.ref)
    return job.ref


async def _make_repetition(ports: Ports, before: Job, job_id: JobId) -> Job:
    """Return the same upload under the configuration's present settings, by the same credential."""
    tenant = before.ref.tenant
    request = replace(before.request, settings=SyncSettings())
    request = await take_settings(ports, tenant, request)
    return Job(
        ref=JobRef(tenant, job_id),
        kind=UPLOAD,
        status=JobStatus.QUEUED,
        stage=Stage.QUEUED,
        request=request,
        request_digest=digest_request(request),
        credential_id=before.credential_id,
        created_at=ports.now(),
    )


def name_repetition(schedule: Schedule, due: datetime) -> JobId:
    """Return the id of the job for one time of a schedule: whoever stores it first has started it."""
    place = f"{schedule.configuration_id}\n{schedule.site}\n{schedule.space}"
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    return JobId(f"scheduled:{due:%Y-%m-%dT%H:%M}Z:{digest}")
