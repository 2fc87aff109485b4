"""Processes that share one Postgres: an API that executes nothing, a worker, and a server that goes away."""

import socket

import pytest

from tests.e2e.comparing import FIRST, Comparison
from tests.e2e.conftest import DOCUMENTS, FIRST_GROUP, make_data_dir
from tests.e2e.service_process import Api, open_api, run_service
from tests.postgres import run_server

SECRET_KEY = "bG9uZy1lbm91Z2gtdG8tYmUtYS1mZXJuZXQta2V5LW4="


@pytest.fixture(scope="module")
def server():
    with run_server() as server:
        yield server


@pytest.fixture
def options(server):
    return {
        "database_url": server.plain_url(server.create_database()),
        "secret_key": SECRET_KEY,
        "worker_port": 0,
    }


@pytest.fixture
def pair(options, data_dir):
    """An API and a worker, over one data dir for the embedded store."""
    with (
        run_service(data_dir, "serve", "--no-worker", **options) as service,
        run_service(data_dir, "worker", **options) as worker,
        open_api(service.url, FIRST) as api,
    ):
        worker.wait_for("working")
        yield service, worker, api


@pytest.fixture
def comparison(options, data_dir, site):
    return Comparison(data_dir, site, options["database_url"], upload=Api.upload)


def test_a_sync_outlives_a_restart_of_the_database_and_is_searched(
    pair, server, site, gate, comparison
):
    service, worker, api = pair
    assert api.http.get("/readyz").status_code == 200
    job_id = api.upload(site)
    job = api.wait_until(job_id, lambda job: job["progress"]["documents"]["done"] >= FIRST_GROUP)
    assert job["status"] == "running"

    server.stop()
    gate.open()  # what it does next, it does without a catalog
    assert api.http.get("/readyz").status_code == 503
    worker.wait_for("stamina.retry_scheduled")
    server.start()

    job = api.wait(job_id)
    documents = job["progress"]["documents"]
    assert job["status"] == "succeeded", job["message"]
    assert (documents["listed"], documents["done"], documents["added"]) == (DOCUMENTS,) * 3
    assert api.search("Issue 3.")
    comparison.compare(comparison.build_afresh(service.url))
    assert service.events("job step done") == []
    assert "open-sesame" not in "".join([*service.log, *worker.log])


@pytest.mark.long
def test_a_second_machine_with_a_store_of_its_own_is_refused(
    options, data_dir, tmp_path, built_models
):
    elsewhere = make_data_dir(tmp_path / "elsewhere", built_models)
    with run_service(data_dir, "worker", **options) as first:
        first.wait_for("working")
        with run_service(elsewhere, "worker", **options) as second:
            assert second.process.wait() == 1
    said = "".join(second.log)
    assert socket.gethostname() in said
    assert "HEADWATER_VECTOR_STORE=pinecone" in said
