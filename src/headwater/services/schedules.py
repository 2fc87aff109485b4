"""Schedules: what is due is uploaded again, by a job like any other, once however many processes look."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from headwater.domain.errors import ConflictError, InvalidInputError
from headwater.domain.ids import JobId, SiteId, SpaceKey, TenantId
from headwater.domain.jobs import Job, JobRef, JobStatus, Stage
from headwater.domain.schedules import Schedule
from headwater.domain.settings import SyncConfigurationId, SyncSettings
from headwater.pipeline.cron import find_due, find_latest
from headwater.ports import Ports
from headwater.services.settings import take_settings
from headwater.services.uploads import UPLOAD, digest_request, find_standing

Place = tuple[TenantId, SyncConfigurationId, SiteId, SpaceKey]


@dataclass(slots=True)
class Timetable:
    """What one process knows of its clock: of what is stamped with a time to come, since when it has seen it."""

    _seen: Mapping[Place, datetime] = field(default_factory=dict)

    def note(self, schedules: Sequence[Schedule], now: datetime) -> None:
        """Look which schedules, or their jobs, are of a clock that has been set back since."""
        self._seen = {
            _place(schedule): min(self._seen.get(_place(schedule), now), now)
            for schedule in schedules
            if max(_stamps(schedule)) > now
        }

    def find_due(self, schedule: Schedule, now: datetime) -> datetime | None:
        """Return the latest time that has come and is yet to be done; ``None`` if there is none.

        What was set at nine is not late for eight. Where the clock was set back, times count from when
        that was seen, but for the one that was done last.
        """
        past = [stamp for stamp in _stamps(schedule) if stamp <= now]
        seen = self._seen.get(_place(schedule))
        since = max([*past, *([seen] if seen else [])])
        due = find_due(schedule.cron, since=since, now=now)
        return None if due == find_latest(schedule.cron, schedule.accepted_at) else due


def _stamps(schedule: Schedule) -> tuple[datetime, datetime]:
    return schedule.accepted_at, schedule.set_at


def _place(schedule: Schedule) -> Place:
    return schedule.tenant, schedule.configuration_id, schedule.site, schedule.space


async def start_due(ports: Ports, timetable: Timetable) -> list[JobRef]:
    """Store a job for every schedule that is due, and return the jobs.

    A time that passed while nobody looked, or while the space was still at it, counts once.
    """
    started = []
    schedules, now = await ports.schedules.list_schedules(), ports.now()
    timetable.note(schedules, now)
    for schedule in schedules:
        due = timetable.find_due(schedule, now)
        if due and (job := await _repeat(ports, schedule, due)):
            started.append(job)
    return started


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
    """Return the id of the job for one time of a schedule: whoever stores it first has started it.

    It names the job that is repeated too: a clock that was set back lets the same time come twice.
    """
    names = (schedule.configuration_id, schedule.site, schedule.space, schedule.job_id)
    place = "\n".join(names)
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    return JobId(f"scheduled:{due:%Y-%m-%dT%H:%M}Z:{digest}")
