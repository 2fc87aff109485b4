"""What a step does with what it meets, on a real catalog."""

import asyncio
import sqlite3
from dataclasses import replace

import pytest
import stamina
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from headwater.domain.errors import (
    BackendAwayError,
    JobCancelledError,
    RetryableError,
    SourceRefusedError,
)
from headwater.domain.jobs import DocumentCounts, JobChange, JobStatus, Progress
from headwater.jobs import runtime, workflows
from headwater.services.job_reports import describe_job
from tests.contract.catalog_samples import add_running_job, make_ref
from tests.unit.services.service_fakes import open_ports

REF = make_ref()


@pytest.fixture
async def ports(tmp_path):
    async with open_ports(tmp_path) as ports:
        runtime.set_runtime(runtime.Runtime(ports))
        await add_running_job(ports, REF)
        yield ports
        runtime.clear_runtime()


@pytest.fixture
def impatient():
    with stamina.set_testing(True, attempts=5):
        yield


async def attempt(error=None):
    async def call(_ports, _ref):
        if error:
            raise error

    return await workflows._attempt("gather", REF, call)


async def test_a_step_that_is_done_leaves_the_job_open(ports):
    assert await attempt()
    assert (await ports.jobs.find(REF)).status is JobStatus.RUNNING


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (SourceRefusedError("wrong token"), JobStatus.FAILED, "wrong token"),
        (JobCancelledError("on request"), JobStatus.CANCELLED, "on request"),
        (ZeroDivisionError("secret text"), JobStatus.FAILED, "unexpected error "),
    ],
)
async def test_whatever_a_step_meets_ends_the_job_visibly(ports, error, status, message):
    assert not await attempt(error)
    job = await ports.jobs.find(REF)
    assert job.status is status
    assert job.message.startswith(message)
    assert "secret text" not in job.message
    assert await ports.credentials.read(REF.tenant, job.credential_id) is None


@pytest.mark.usefixtures("impatient")
async def test_the_end_of_a_job_is_written_however_long_the_catalog_is_away(ports, monkeypatch):
    away = iter([True, True, True])
    change = type(ports.jobs).change

    async def come_back_later(self, ref, asked):
        if next(away, False):
            raise RetryableError("the catalog is away")
        await change(self, ref, asked)

    monkeypatch.setattr(type(ports.jobs), "change", come_back_later)
    assert not await attempt(SourceRefusedError("wrong token"))
    assert (await ports.jobs.find(REF)).status is JobStatus.FAILED


async def test_a_step_that_meets_a_backend_away_is_taken_up_again(ports):
    away = iter([RetryableError("the catalog is away"), RetryableError("still away")])
    said = []

    async def call(ports, ref):
        said.append((await ports.jobs.find(ref)).message)
        if error := next(away, None):
            raise error

    with stamina.set_testing(True, attempts=9):
        assert await workflows._attempt("bring_in", REF, call)
    assert said == [
        None,
        "waiting, to go on by itself: the catalog is away",
        "waiting, to go on by itself: still away",
    ]
    job = await ports.jobs.find(REF)
    assert (job.status, job.message) == (JobStatus.RUNNING, "")
    assert describe_job(job, None) is None


async def test_a_job_waits_as_well_where_it_cannot_be_said_on_it(ports, monkeypatch):
    away = iter([RetryableError("the store is away")])

    async def refuse(_self, _ref, _asked):
        raise RetryableError("the catalog is away too")

    async def call(_ports, _ref):
        if error := next(away, None):
            raise error

    with (
        stamina.set_testing(True, attempts=9),
        monkeypatch.context() as patch,
        capture_logs() as log,
    ):
        patch.setattr(type(ports.jobs), "change", refuse)
        assert await workflows._attempt("bring_in", REF, call)
    told = [line for line in log if line["event"] == "job waits"]
    assert "the store is away" in told[0]["waits_for"]


async def test_a_step_whose_backend_stays_away_ends_its_job(ports):
    async def call(_ports, _ref):
        raise RetryableError("the store is away")

    with stamina.set_testing(True, attempts=2):
        assert not await workflows._attempt("bring_in", REF, call)
    job = await ports.jobs.find(REF)
    assert (job.status, job.message) == (JobStatus.FAILED, "the store is away")


@pytest.mark.usefixtures("ports")
async def test_a_workflow_checks_in_while_it_runs():
    lent = runtime.current_runtime()

    async def work():
        await workflows._check_in(lent, REF)
        assert asyncio.current_task() in lent.running
        assert lent.at_work == {REF: asyncio.current_task()}

    await asyncio.create_task(work())
    await asyncio.sleep(0)  # lets the task's callbacks run
    assert (lent.running, lent.at_work) == (set(), {})


@pytest.mark.usefixtures("ports")
async def test_a_workflow_that_is_run_again_ends_its_earlier_run_first():
    lent = runtime.current_runtime()
    earlier = asyncio.create_task(asyncio.sleep(3600))
    await lent.check_in_workflow(REF, earlier)
    later = asyncio.create_task(asyncio.sleep(0))
    await lent.check_in_workflow(REF, later)
    assert earlier.cancelled()
    assert lent.at_work == {REF: later}
    await later


async def test_a_job_is_parked_while_the_engine_cannot_note_how_far_it_is(ports):
    full = OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
    with pytest.raises(asyncio.CancelledError):
        async with workflows._parking_when_not_noted(ports, REF):
            raise full
    job = await ports.jobs.find(REF)
    assert job.status is JobStatus.RUNNING
    assert "the job engine's database takes no writes (database or disk is full)" in job.message
    begun = await workflows._begin(REF)
    assert begun
    assert (await ports.jobs.find(REF)).message == ""


@pytest.mark.parametrize("wants_to_stop", [False, True])
async def test_a_job_waits_for_room_but_not_to_be_cancelled(ports, monkeypatch, wants_to_stop):
    full, asked = iter([True, True]), []

    async def look():
        if next(full, False):
            raise BackendAwayError("0.0 GiB free")

    async def call(_ports, _ref):
        asked.append("Confluence")

    if wants_to_stop:
        await ports.jobs.request_cancel(REF)
    small = replace(ports, check_room=look)
    monkeypatch.setattr(runtime.current_runtime(), "ports", small)
    with stamina.set_testing(True, attempts=9):
        assert await workflows._attempt("bring_in", REF, call) is not wants_to_stop
    assert asked == ([] if wants_to_stop else ["Confluence"])
    job = await ports.jobs.find(REF)
    assert job.status is (JobStatus.CANCELLED if wants_to_stop else JobStatus.RUNNING)


async def test_a_workflow_that_starts_while_the_process_stops_is_parked(ports):
    lent = runtime.current_runtime()
    lent.stopping = True
    with pytest.raises(asyncio.CancelledError):
        await workflows._check_in(lent, REF)
    assert (await ports.jobs.find(REF)).status is JobStatus.RUNNING


async def test_a_job_that_starts_again_and_again_without_settling_anything_is_given_up(ports):
    begun = [await workflows._begin(REF) for _ in range(workflows.MAX_STARTS + 1)]
    starts = [job is not None for job in begun]
    assert starts == [True] * workflows.MAX_STARTS + [False]
    job = await ports.jobs.find(REF)
    assert job.status is JobStatus.FAILED
    assert "was stopped 20 times while this job ran" in job.message


async def test_a_job_that_settles_documents_may_be_interrupted_for_ever(ports):
    for _ in range(workflows.MAX_STARTS):
        assert await workflows._begin(REF)
    settled = Progress(documents=DocumentCounts(done=1))
    await ports.jobs.change(REF, JobChange(progress=settled))
    assert await workflows._begin(REF)
    assert (await ports.jobs.find(REF)).starts == 1
