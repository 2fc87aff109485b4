"""A schedule goes on by itself: through restarts, once a time, however many processes look."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

from starlette.responses import Response

from tests.e2e.conftest import DOCUMENTS
from tests.e2e.killing import wait_for
from tests.e2e.service_process import make_upload, run_service, serve

CONFIGURATION = "/v2/confluence/sync-configurations/hourly"
HOURLY = {"schedule": "0 * * * *"}


def upload_by_name(api, site):
    """Upload a space, naming the configuration."""
    body = make_upload(site, "GEN1", incremental=True)
    body["sync_config"]["sync_configuration_id"] = "hourly"
    answer = api.http.post("/v2/confluence/upload", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def turn_back(data_dir, *, hours):
    """Let everything that was accepted and set have been so, so many hours earlier."""
    with closing(sqlite3.connect(data_dir / "catalog.db")) as catalog:
        for table, column in (("jobs", "created_at"), ("sync_configurations", "updated_at")):
            (moment,) = catalog.execute(f"SELECT max({column}) FROM {table}").fetchone()  # noqa: S608  (constants)
            earlier = datetime.fromisoformat(moment) - timedelta(hours=hours)
            text = earlier.isoformat(sep=" ", timespec="microseconds")
            catalog.execute(f"UPDATE {table} SET {column} = ?", [text])  # noqa: S608  (same)
        catalog.commit()


def list_jobs(api):
    answer = api.http.get("/v2/confluence/jobs")
    assert answer.status_code == 200, answer.text
    return answer.json()["jobs"]


def count_credentials(data_dir):
    with closing(sqlite3.connect(data_dir / "catalog.db")) as catalog:
        (found,) = catalog.execute("SELECT count(*) FROM credentials").fetchone()
    return found


def test_what_was_due_while_nothing_ran_is_done_once_after_a_restart(data_dir, site):
    with serve(data_dir) as (service, api):
        assert api.http.put(CONFIGURATION, json={"settings": HOURLY}).status_code == 200
        assert api.wait(upload_by_name(api, site))["status"] == "succeeded"
        assert service.terminate() == 0
    turn_back(data_dir, hours=5)
    with run_service(data_dir, "worker") as worker, serve(data_dir) as (service, api):
        worker.wait_for("working")
        wait_for(lambda: len(list_jobs(api)) > 1)
        job = api.wait(list_jobs(api)[0]["job_id"])
        assert (job["kind"], job["status"], job["incremental"]) == ("upload", "succeeded", True)
        assert job["progress"]["documents"]["unchanged"] == DOCUMENTS
        assert len(list_jobs(api)) == 2
        started = [process.events("job started by its schedule") for process in (worker, service)]
        assert sum(map(len, started)) == 1
        assert count_credentials(data_dir) == 1
        assert api.http.delete(CONFIGURATION).status_code == 204
        assert count_credentials(data_dir) == 0


def test_a_refused_credential_makes_a_failed_job_that_says_what_to_do(data_dir, site):
    with serve(data_dir) as (service, api):
        assert api.http.put(CONFIGURATION, json={"settings": HOURLY}).status_code == 200
        assert api.wait(upload_by_name(api, site))["status"] == "succeeded"
        assert service.terminate() == 0
    turn_back(data_dir, hours=5)
    site.faults.append(refuse)
    try:
        with serve(data_dir) as (_, api):
            wait_for(lambda: len(list_jobs(api)) > 1)
            job = api.wait(list_jobs(api)[0]["job_id"])
    finally:
        site.faults.remove(refuse)
    assert job["status"] == "failed"
    assert "upload" in job["message"]


def refuse(_request, _template, _answer):
    return Response(status_code=401)
