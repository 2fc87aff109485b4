"""Schedules fire once a time, whoever looks and however late."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headwater.domain.errors import RetryableError
from headwater.domain.jobs import (
    DocumentCounts,
    JobChange,
    JobRef,
    JobStatus,
    ProcessorMode,
    Progress,
)
from headwater.domain.settings import SyncConfigurationId, SyncSettings
from headwater.pipeline.cron import find_due
from headwater.services.credentials import settle_credential
from headwater.services.schedules import Timetable, start_due
from headwater.services.settings import put_configuration, remove_configuration
from headwater.services.uploads import submit_upload
from tests.unit.services.service_fakes import CREDENTIAL, NOW, TENANT, make_upload

NIGHTLY = SyncConfigurationId("nightly")
AT_THREE = SyncSettings(schedule="0 3 * * *")
NEXT_NIGHT = datetime(2026, 3, 2, 3, tzinfo=UTC)
"""The first time after ``NOW``, which is noon of the day before."""


class Clock:
    """What time it is, as the test says."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def timed(ports, clock):
    return replace(ports, now=clock)


async def accept(ports, **changes):
    """Accept an upload that names the configuration; return its job."""
    upload = make_upload(**{"sync_configuration_id": NIGHTLY, **changes})
    job_id = await submit_upload(ports, TENANT, upload, CREDENTIAL, job_id=None)
    return await ports.jobs.find(JobRef(TENANT, job_id))


async def end(ports, ref, status=JobStatus.SUCCEEDED, **changes):
    """End a job as its workflow does."""
    ended = JobChange(status=status, finished_at=ports.now(), **changes)
    await settle_credential(ports, await ports.jobs.find(ref))
    await ports.jobs.change(ref, ended)


async def is_kept(ports, job):
    return await ports.credentials.read(TENANT, job.credential_id) is not None


async def begin(ports, settings=AT_THREE, **changes):
    """Store a configuration, and an upload that named it and has ended."""
    await put_configuration(ports, TENANT, NIGHTLY, settings)
    job = await accept(ports, **changes)
    await end(ports, job.ref)
    return job


async def test_nothing_is_due_before_its_time_and_once_at_its_time(timed, clock):
    await begin(timed)
    assert await start_due(timed, Timetable()) == []
    clock.time = NEXT_NIGHT
    (ref,) = await start_due(timed, Timetable())
    assert timed.queue.enqueued[-1] == ref
    assert await start_due(timed, Timetable()) == []
    await end(timed, ref)
    assert await start_due(timed, Timetable()) == []


async def test_a_repetition_is_the_same_upload_by_the_same_credential(timed, clock):
    first = await begin(timed, incremental=False)
    clock.time = NEXT_NIGHT
    (ref,) = await start_due(timed, Timetable())
    job = await timed.jobs.find(ref)
    assert (job.kind, job.status, job.request) == ("upload", JobStatus.QUEUED, first.request)
    assert job.credential_id == first.credential_id
    assert job.ref.job_id.startswith("scheduled:2026-03-02T03:00Z:")


async def test_times_that_passed_while_nobody_looked_count_once(timed, clock):
    await begin(timed)
    clock.time = NEXT_NIGHT + timedelta(days=5, hours=7)
    (ref,) = await start_due(timed, Timetable())
    await end(timed, ref)
    assert await start_due(timed, Timetable()) == []
    clock.time += timedelta(days=1)
    assert len(await start_due(timed, Timetable())) == 1


async def test_a_repetition_waits_for_the_one_before(timed, clock):
    await begin(timed)
    clock.time = NEXT_NIGHT
    (ref,) = await start_due(timed, Timetable())
    clock.time += timedelta(days=2)
    assert await start_due(timed, Timetable()) == []
    await end(timed, ref)
    assert len(await start_due(timed, Timetable())) == 1


BACK = [timedelta(hours=1), timedelta(days=1), timedelta(days=366)]


@pytest.mark.parametrize("back", BACK)
async def test_after_the_clock_was_set_back_the_next_time_counts_and_none_counts_twice(
    timed, clock, back
):
    hourly = SyncSettings(schedule="0 * * * *")
    await begin(timed, hourly)
    timetable = Timetable()
    clock.time = NEXT_NIGHT
    (ref,) = await start_due(timed, timetable)
    await end(timed, ref)
    clock.time = NEXT_NIGHT + timedelta(minutes=20) - back
    assert await start_due(timed, timetable) == []
    is_same = back == timedelta(hours=1)
    started = []
    for _ in range(3):
        clock.time += timedelta(hours=1)
        for found in await start_due(timed, timetable):
            started.append(found)
            await end(timed, found)
    assert len(started) == (2 if is_same else 3), "the time that was done last is not done again"
    assert len({ref, *started}) == len(started) + 1


async def test_a_clock_set_back_by_a_moment_lets_no_time_count_twice(timed, clock):
    await begin(timed)
    timetable = Timetable()
    clock.time = NEXT_NIGHT + timedelta(seconds=1)
    (ref,) = await start_due(timed, timetable)
    await end(timed, ref)
    for seconds in range(-3, 6):
        clock.time = NEXT_NIGHT + timedelta(seconds=seconds)
        assert await start_due(timed, timetable) == []


async def test_processes_that_look_at_once_start_one_job(timed, clock):
    await begin(timed)
    clock.time = NEXT_NIGHT
    started = await asyncio.gather(*(start_due(timed, Timetable()) for _ in range(5)))
    assert len([ref for refs in started for ref in refs]) == 1


async def test_a_newer_upload_is_what_is_repeated_and_the_older_credential_goes(timed, clock):
    before = await begin(timed)
    after = await accept(timed, incremental=False)
    assert not await is_kept(timed, before)
    await end(timed, after.ref)
    clock.time = NEXT_NIGHT
    (ref,) = await start_due(timed, Timetable())
    assert not (await timed.jobs.find(ref)).request.incremental
    assert await is_kept(timed, after)


async def test_a_repetition_of_a_manual_upload_takes_the_settings_of_its_time(timed, clock):
    await begin(timed, processor_mode=ProcessorMode.MANUAL)
    changed = replace(AT_THREE, chunk_tokens=16)
    await put_configuration(timed, TENANT, NIGHTLY, changed)
    clock.time = NEXT_NIGHT
    (ref,) = await start_due(timed, Timetable())
    assert (await timed.jobs.find(ref)).request.settings == changed


async def test_a_schedule_does_not_fire_for_times_before_it_was_set(timed, clock):
    job = await accept(timed)
    await end(timed, job.ref)
    clock.time = NEXT_NIGHT + timedelta(hours=1)
    await put_configuration(timed, TENANT, NIGHTLY, AT_THREE)
    assert await start_due(timed, Timetable()) == []
    clock.time += timedelta(days=1)
    assert len(await start_due(timed, Timetable())) == 1


async def test_an_upload_without_a_configuration_is_not_repeated_and_keeps_no_credential(
    timed, clock
):
    job = await begin(timed, sync_configuration_id=None)
    assert not await is_kept(timed, job)
    clock.time = NEXT_NIGHT
    assert await start_due(timed, Timetable()) == []


async def test_a_credential_is_kept_through_every_repetition(timed, clock):
    job = await begin(timed)
    assert await is_kept(timed, job)
    for night in range(3):
        clock.time = NEXT_NIGHT + timedelta(days=night)
        (ref,) = await start_due(timed, Timetable())
        await end(timed, ref, JobStatus.FAILED)
        assert await is_kept(timed, job)


async def lose_schedule(ports):
    await put_configuration(ports, TENANT, NIGHTLY, SyncSettings())


async def lose_configuration(ports):
    await remove_configuration(ports, TENANT, NIGHTLY)


@pytest.mark.parametrize("lose", [lose_schedule, lose_configuration])
async def test_a_credential_goes_with_the_schedule_that_used_it(timed, clock, lose):
    job = await begin(timed)
    await lose(timed)
    assert not await is_kept(timed, job)
    clock.time = NEXT_NIGHT
    assert await start_due(timed, Timetable()) == []


@pytest.mark.parametrize("lose", [lose_schedule, lose_configuration])
async def test_a_job_at_work_keeps_its_credential_when_the_schedule_goes(timed, clock, lose):
    await begin(timed)
    clock.time = NEXT_NIGHT
    (ref,) = await start_due(timed, Timetable())
    await lose(timed)
    job = await timed.jobs.find(ref)
    assert await is_kept(timed, job)
    await end(timed, ref)
    assert not await is_kept(timed, job)


async def test_what_can_still_be_retried_keeps_its_credential_when_the_schedule_goes(timed):
    await put_configuration(timed, TENANT, NIGHTLY, AT_THREE)
    job = await accept(timed)
    failed = Progress(documents=DocumentCounts(failed=1))
    await end(timed, job.ref, JobStatus.PARTIAL, progress=failed)
    await lose_schedule(timed)
    assert await is_kept(timed, job)


async def test_a_configuration_that_goes_while_it_is_looked_at_starts_nothing(
    timed, clock, monkeypatch
):
    await begin(timed, processor_mode=ProcessorMode.MANUAL)
    clock.time = NEXT_NIGHT
    find = type(timed.configurations).find

    async def be_removed(self, tenant, name):
        await self.remove(tenant, name)
        return await find(self, tenant, name)

    monkeypatch.setattr(type(timed.configurations), "find", be_removed)
    assert await start_due(timed, Timetable()) == []
    assert await timed.jobs.count_open(TENANT) == 0


async def test_a_tenant_without_room_is_not_forgotten(timed, clock):
    await begin(timed)
    clock.time = NEXT_NIGHT
    full = replace(timed, max_open_jobs=1)
    other = await accept(timed, sync_configuration_id=None)
    assert await start_due(full, Timetable()) == []
    await end(timed, other.ref)
    assert len(await start_due(full, Timetable())) == 1


async def test_a_configuration_that_comes_back_under_its_name_repeats_nothing_old(timed, clock):
    await begin(timed)
    await lose_configuration(timed)
    await put_configuration(timed, TENANT, NIGHTLY, AT_THREE)
    clock.time = NEXT_NIGHT
    assert await start_due(timed, Timetable()) == []


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (NEXT_NIGHT - timedelta(microseconds=1), None),
        (NEXT_NIGHT, NEXT_NIGHT),
        (NEXT_NIGHT + timedelta(microseconds=1), NEXT_NIGHT),
        (NEXT_NIGHT + timedelta(hours=23), NEXT_NIGHT),
        (NEXT_NIGHT + timedelta(days=9), NEXT_NIGHT + timedelta(days=9)),
    ],
    ids=["just before", "at", "just after", "late", "days later"],
)
def test_the_latest_time_that_has_come_is_due(now, due):
    assert find_due("0 3 * * *", since=NOW, now=now) == due
    assert find_due("0 3 * * *", since=now, now=now) is None


async def test_an_upload_that_was_refused_leaves_the_schedule_as_it_was(timed, clock):
    before = await begin(timed)
    timed.queue.down = RetryableError("the queue is away")
    with pytest.raises(RetryableError):
        await accept(timed, use_ocr=True)
    timed.queue.down = None
    assert await is_kept(timed, before)
    clock.time = NEXT_NIGHT
    (ref,) = await start_due(timed, Timetable())
    repeated = await timed.jobs.find(ref)
    assert repeated.credential_id == before.credential_id
    assert repeated.request.use_ocr is False


async def test_a_first_upload_that_was_refused_starts_no_schedule(timed, clock):
    await put_configuration(timed, TENANT, NIGHTLY, AT_THREE)
    timed.queue.down = RetryableError("the queue is away")
    with pytest.raises(RetryableError):
        await accept(timed)
    timed.queue.down = None
    clock.time = NEXT_NIGHT
    assert await start_due(timed, Timetable()) == []
