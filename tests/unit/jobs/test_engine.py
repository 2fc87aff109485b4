"""The engine beside a real catalog."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta

import pytest
from dbos import DBOS
from sqlalchemy.exc import OperationalError

from headwater.domain.errors import ConfigError, RetryableError
from headwater.domain.ids import SpaceKey
from headwater.domain.jobs import JobChange, JobStatus
from headwater.jobs.engine import JobEngine
from headwater.jobs.workbench import JOBS_AT_ONCE, forget_ended
from tests.contract.catalog_samples import NOW, make_job, make_ref, make_request
from tests.unit.services.service_fakes import open_ports

REF = make_ref()


@asynccontextmanager
async def started(folder, ports):
    engine = JobEngine(folder / "jobs")
    try:
        await engine.start(ports)
        yield engine
    finally:
        await engine.stop()


@pytest.fixture
async def ports(tmp_path):
    async with open_ports(tmp_path) as ports:
        yield ports


async def wait_until_final(ports):
    async with asyncio.timeout(20):
        while not (job := await ports.jobs.find(REF)).status.is_final:  # noqa: ASYNC110  (the catalog tells nobody)
            await asyncio.sleep(0.05)
    return job


async def test_a_job_that_was_stored_but_not_queued_is_found_at_the_start(ports, tmp_path):
    await ports.jobs.add(make_job(REF, credential_id=None), None)
    async with started(tmp_path, ports) as engine:
        await engine.check()
        job = await wait_until_final(ports)
    assert job.status is JobStatus.FAILED
    assert "upload again" in job.message


@pytest.mark.parametrize("left", ["queued", "running"])
@pytest.mark.parametrize("status", ["ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"])
async def test_a_job_that_the_engine_has_given_up_does_not_stay_open(ports, tmp_path, status, left):
    async with started(tmp_path, ports) as engine:
        await ports.jobs.add(make_job(REF, credential_id=None), None)
        await engine.enqueue(REF)
        await wait_until_final(ports)
    with closing(sqlite3.connect(tmp_path / "jobs" / "jobs.db")) as engine_db:
        engine_db.execute("UPDATE workflow_status SET status = ?", [status])
        engine_db.commit()
    with closing(sqlite3.connect(tmp_path / "catalog.db")) as catalog:
        catalog.execute("UPDATE jobs SET status = ?, message = NULL", [left])
        catalog.commit()
    async with started(tmp_path, ports):
        job = await wait_until_final(ports)
    assert job.status is JobStatus.FAILED
    assert job.message.startswith("unexpected error ")


async def test_a_job_whose_workflow_broke_is_closed_while_the_process_runs(
    ports, tmp_path, monkeypatch
):
    async def break_down(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("headwater.jobs.workflows.abort", break_down)
    await ports.jobs.add(make_job(REF, credential_id=None), None)
    async with started(tmp_path, ports):
        job = await wait_until_final(ports)
    assert job.message.startswith("unexpected error ")


async def test_a_job_that_cannot_be_closed_keeps_no_other_from_its_turn(
    ports, tmp_path, monkeypatch
):
    async def break_down(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("headwater.jobs.workflows.abort", break_down)
    monkeypatch.setattr("headwater.jobs.dispatch.fail", break_down)
    refs = [make_ref(f"broken-{number}", REF.tenant) for number in range(JOBS_AT_ONCE)]
    for ref in refs:
        request = make_request(space=SpaceKey(ref.job_id))
        await ports.jobs.add(make_job(ref, request=request, credential_id=None), None)
    async with started(tmp_path, ports) as engine:
        later = make_ref("later", REF.tenant)
        await ports.jobs.add(make_job(later, created_at=NOW + timedelta(hours=1)), None)
        async with asyncio.timeout(20):
            while not await was_started(later):  # noqa: ASYNC110  (the engine tells nobody)
                await asyncio.sleep(0.05)
        await engine.check()


async def was_started(ref):
    found = await DBOS.get_workflow_status_async(f"{ref.tenant}:{ref.job_id}")
    return found is not None and found.status == "ERROR"


async def test_a_folder_that_is_no_folder_refuses_to_start(ports, tmp_path):
    (tmp_path / "jobs").touch()
    with pytest.raises(ConfigError, match="cannot keep jobs in"):
        async with started(tmp_path, ports):
            pass


async def test_a_stopped_engine_does_not_pass_for_healthy(ports, tmp_path):
    async with started(tmp_path, ports) as engine:
        await engine.check()
    with pytest.raises(ConfigError, match="not running"):
        await engine.check()


async def test_a_job_database_that_does_not_answer_is_a_reason_to_try_again(
    ports, tmp_path, monkeypatch
):
    async def be_away(*_, **__):
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error"))

    async with started(tmp_path, ports) as engine:
        monkeypatch.setattr(DBOS, "enqueue_workflow_async", be_away)
        monkeypatch.setattr(DBOS, "list_workflows_async", be_away)
        await ports.jobs.add(make_job(REF), None)
        with pytest.raises(RetryableError, match="check disk"):
            await engine.enqueue(REF)
        with pytest.raises(RetryableError, match="check disk"):
            await engine.check()


async def test_looking_for_jobs_to_take_over_survives_a_database_that_was_away(
    ports, tmp_path, monkeypatch
):
    looks: asyncio.Queue[str] = asyncio.Queue()

    async def be_away(*_, **__):
        looks.put_nowait("look")
        raise OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr("headwater.jobs.engagement.TAKE_OVER_SECONDS", 0.01)
    monkeypatch.setattr(DBOS, "list_workflows_async", be_away)
    (tmp_path / "jobs" / "seats").mkdir(parents=True)
    (tmp_path / "jobs" / "seats" / "seat-7.lock").touch()
    async with started(tmp_path, ports), asyncio.timeout(20):
        for _ in range(3):
            await looks.get()


async def test_of_workflows_that_ended_long_ago_nothing_is_kept(ports, tmp_path):
    async with started(tmp_path, ports):
        await ports.jobs.add(make_job(REF, credential_id=None), None)
        await wait_until_final(ports)
        async with asyncio.timeout(20):
            while [item.status for item in await DBOS.list_workflows_async()] != ["SUCCESS"]:  # noqa: ASYNC110  (the engine tells nobody)
                await asyncio.sleep(0.05)
        assert await forget_ended(datetime.now(UTC) - timedelta(days=1)) == 0
        assert await forget_ended(datetime.now(UTC) + timedelta(days=1)) == 1
        assert await DBOS.list_workflows_async() == []


async def test_credentials_that_were_kept_for_long_enough_are_removed_by_themselves(
    ports, tmp_path, monkeypatch
):
    monkeypatch.setattr("headwater.jobs.engagement.TAKE_OVER_SECONDS", 0.01)
    monkeypatch.setattr("headwater.jobs.engagement.SWEEP_SECONDS", 0.0)
    await ports.jobs.add(make_job(REF), b"sealed")
    ended = ports.now() - timedelta(days=7, seconds=1)
    await ports.jobs.change(REF, JobChange(status=JobStatus.PARTIAL, finished_at=ended))
    remove, sweeps = type(ports.credentials).remove_expired, iter([True])

    async def be_away_once(self, *, ended_before):
        if next(sweeps, False):
            raise RetryableError("the catalog is away")
        return await remove(self, ended_before=ended_before)

    monkeypatch.setattr(type(ports.credentials), "remove_expired", be_away_once)
    credential = make_job(REF).credential_id
    async with started(tmp_path, ports), asyncio.timeout(20):
        while await ports.credentials.read(REF.tenant, credential):  # noqa: ASYNC110  (the catalog tells nobody)
            await asyncio.sleep(0.02)
