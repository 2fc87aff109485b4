"""What was answered for is carried out, whatever is killed meanwhile."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.adapters.catalog.stores import open_catalog
from headwater.adapters.lance.store import LanceStore
from headwater.domain.ids import Namespace, TenantId
from tests.e2e.conftest import DOCUMENTS, FIRST_GROUP, make_data_dir
from tests.e2e.service_process import TENANT, Service, open_api, run_service, serve

STEPS = ["gather", "bring_in", "reconcile", "finish"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory, built_models):
    """A server and a worker on one data dir, for tests that kill nobody: each is another tenant."""
    data_dir = make_data_dir(tmp_path_factory.mktemp("pair") / "data", built_models)
    with serve(data_dir) as (server, api), run_service(data_dir, "worker") as worker:
        worker.wait_for("working")
        yield Pair(data_dir, server, worker, str(api.http.base_url))


@dataclass(frozen=True)
class Pair:
    data_dir: Path
    server: Service
    worker: Service
    url: str

    def list_steps(self):
        """Return the steps that both processes did, by job."""
        steps: dict[str, list[str]] = {}
        for service in (self.server, self.worker):
            for line in service.events("job step done"):
                steps.setdefault(line["job_id"], []).append(line["step"])
        return steps


@pytest.fixture(scope="module")
def undisturbed(pair, site):
    """The index as a run leaves it that nothing happened to."""
    with open_api(pair.url) as api:
        assert_whole(api.wait(api.upload(site)))
    return read_index(pair.data_dir)


def read_index(data_dir):
    """Return each document's digests of chunks, held against the store's number of records."""
    statement = f"SELECT document_id, chunk_hashes FROM documents WHERE tenant = '{TENANT}'"  # noqa: S608  (a constant)
    rows = query(data_dir, statement)
    assert {key: text.count(",") + 1 for key, text in rows} == count_records(data_dir)
    return dict(rows)


def query(data_dir, statement):
    with closing(sqlite3.connect(data_dir / "catalog.db")) as catalog:
        return catalog.execute(statement).fetchall()


def count_records(data_dir, tenant=TENANT):
    async def count():
        store = await LanceStore.open(data_dir / "vectors", dimension=384)
        try:
            return dict(await store.list_documents(Namespace(TenantId(tenant))))
        finally:
            store.close()

    return asyncio.run(count())


def make_tenant(number):
    return f"00000000-0000-4000-8000-{number:012d}"


def has_settled_some(job):
    return job["progress"]["documents"]["done"] >= FIRST_GROUP


def assert_whole(job):
    documents = job["progress"]["documents"]
    assert job["status"] == "succeeded", job["message"]
    assert (documents["listed"], documents["done"], documents["added"]) == (DOCUMENTS,) * 3


def start_and_settle_some(api, site):
    """Start an upload; return its id once it settled the first group. The gate holds the rest."""
    job_id = api.upload(site)
    job = api.wait_until(job_id, has_settled_some)
    assert job["progress"]["documents"]["done"] == FIRST_GROUP
    return job_id


def test_an_answered_upload_survives_kill_9_and_finishes_after_a_restart(
    data_dir, site, undisturbed
):
    with serve(data_dir) as (service, api):
        job_id = api.upload(site)
        service.kill()
    with serve(data_dir) as (_, api):
        assert_whole(api.wait(job_id))
    assert read_index(data_dir) == undisturbed


def test_a_kill_in_the_middle_loses_nothing_and_counts_nothing_twice(
    data_dir, site, gate, undisturbed
):
    with serve(data_dir) as (service, api):
        job_id = start_and_settle_some(api, site)
        service.kill()
    gate.open()
    with serve(data_dir) as (_, api):
        assert_whole(api.wait(job_id))
    assert read_index(data_dir) == undisturbed


def test_a_stop_signal_parks_the_work_and_a_restart_finishes_it(data_dir, site, gate, undisturbed):
    with serve(data_dir) as (service, api):
        job_id = start_and_settle_some(api, site)
        queued = api.upload(site, incremental=True)
        assert service.terminate() == 0
    assert query(data_dir, "SELECT DISTINCT status FROM jobs ORDER BY 1") == [
        ("queued",),
        ("running",),
    ]
    gate.open()
    with serve(data_dir) as (_, api):
        assert_whole(api.wait(job_id))
        assert api.wait(queued)["progress"]["documents"]["unchanged"] == DOCUMENTS
    assert read_index(data_dir) == undisturbed


def test_a_worker_takes_over_what_a_killed_server_left(data_dir, site, gate, undisturbed):
    with serve(data_dir) as (server, api):
        job_id = start_and_settle_some(api, site)
        with run_service(data_dir, "worker") as worker:
            worker.wait_for("working")
            server.kill()
            gate.open()
            worker.wait_for("job step done", job_id=job_id, step="finish")
            assert worker.events("taking over jobs of a process that is gone")
            assert worker.terminate() == 0
    assert query(data_dir, "SELECT status FROM jobs") == [("succeeded",)]
    assert read_index(data_dir) == undisturbed


def test_a_deletion_that_a_kill_cut_off_is_carried_out_after_a_restart(data_dir, site):
    with serve(data_dir) as (service, api):
        assert_whole(api.wait(api.upload(site)))
        service.kill()
    asyncio.run(delete_from_the_catalog_only(data_dir))
    assert len(count_records(data_dir)) == DOCUMENTS
    with serve(data_dir) as (service, api):
        service.wait_for("deletions carried out")
        assert api.search("GEN1 news 3") == []
    assert count_records(data_dir) == {}


async def delete_from_the_catalog_only(data_dir):
    """Do what a process has done that is killed before it reaches the store."""
    stores = await open_catalog(f"sqlite:///{data_dir / 'catalog.db'}")
    try:
        tenant, now = TenantId(TENANT), datetime.now(UTC)
        found = await stores.inventory.list_documents(tenant, after=None, limit=DOCUMENTS)
        ids = [item.document_id for item in found]
        await stores.deletions.remove(tenant, ids, [], now=now, claimed_until=now)
    finally:
        await stores.close()


def test_two_live_processes_run_each_job_once(pair, site):
    with open_api(pair.url, make_tenant(2)) as api:
        ids = [api.upload(site, space) for space in ("GEN1", "GEN2")]
        for job_id in ids:
            assert_whole(api.wait(job_id))
    steps = pair.list_steps()
    assert [steps[job_id] for job_id in ids] == [STEPS] * 2


def test_jobs_of_one_space_queue_up_and_spaces_run_side_by_side(pair, site, gate):
    with open_api(pair.url, make_tenant(3)) as api:
        first, other = api.upload(site), api.upload(site, "GEN2")
        second, given_up = api.upload(site, incremental=True), api.upload(site)
        for job in (first, other):  # the gate keeps both from ending
            api.wait_until(job, lambda job: job["status"] == "running")
        assert [api.read(job)["status"] for job in (second, given_up)] == ["queued"] * 2
        assert api.cancel(given_up)["status"] == "cancelled"
        gate.open()
        first, second = api.wait(first), api.wait(second)
        assert first["finished_at"] <= second["started_at"]
        assert second["progress"]["documents"]["unchanged"] == DOCUMENTS
        assert api.read(given_up)["started_at"] is None


def test_a_cancelled_job_stops_within_a_batch_and_says_so(data_dir, site, gate):
    with serve(data_dir) as (_, api):
        job_id = start_and_settle_some(api, site)
        assert api.cancel(job_id)["status"] == "running"
        gate.open()
        ended = api.wait(job_id)
    assert ended["status"] == "cancelled"
    assert ended["message"] == "cancelled on request; what was brought in so far stays"
    assert ended["progress"]["documents"]["done"] == FIRST_GROUP
    assert len(count_records(data_dir)) == FIRST_GROUP
