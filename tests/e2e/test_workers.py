"""Several workers on one Postgres bring in one space; those that stop, die or sleep do no harm."""

import signal

import pytest

from benchmarks.rig.fleet import Fleet, open_api, run_fleet, wait_for
from headwater.sandbox.generator import Recipe, generate_world
from headwater.sandbox.server import run_sandbox_thread
from tests.e2e.service_process import TENANT

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

PAGES = 500
BATCH_SECONDS = 0.4
OWNS = {"event": "job step done", "step": "gather"}
HELPS = {"event": "helping with a job of another process"}
TAKES_OVER = {"event": "taking over jobs of a process that is gone"}
BEGINS_ANEW = {
    "event": "this process passed for dead; its jobs go on elsewhere, and it begins anew"
}


@pytest.fixture(scope="module")
def site():
    with run_sandbox_thread(generate_world(Recipe(pages=PAGES, words_per_page=20))) as sandbox:
        yield sandbox


@pytest.fixture
def fleet():
    with run_fleet(seconds=BATCH_SECONDS) as fleet:
        yield fleet


def start(fleet, site, workers):
    """Start an upload and return its client and id, once every worker is at it."""
    url = fleet.start_api()
    for _ in range(workers):
        fleet.start_worker()
    with open_api(url) as api:
        job_id = api.upload(site)
        wait_for(fleet, api, job_id, documents=100)
    return url, job_id


def find(fleet: Fleet, wanted):
    """Return the workers that have logged this."""
    return [
        worker
        for worker in fleet.workers.values()
        if any(line.items() >= wanted.items() for line in worker.service.events(wanted["event"]))
    ]


def finish(fleet, url, job_id):
    """Wait for the end; what is in must be whole, and no record twice."""
    with open_api(url) as api:
        job = wait_for(fleet, api, job_id)
    assert job["status"] == "succeeded", job["message"]
    counted = job["progress"]["documents"]
    assert (counted["listed"], counted["done"], counted["added"]) == (PAGES,) * 3
    index = fleet.read_index(TENANT)
    assert len(index.documents) == PAGES
    assert set(index.records.values()) == {1}
    assert {key.partition("#")[0] for key, _ in index.records} == set(index.documents)


def test_two_workers_share_a_space_and_one_finishes_it_when_the_other_is_stopped(fleet, site):
    url, job_id = start(fleet, site, workers=2)
    (owner,), (helper,) = find(fleet, OWNS), find(fleet, HELPS)
    assert owner is not helper
    assert owner.service.terminate() == 0
    helper.service.wait_for(**TAKES_OVER)
    finish(fleet, url, job_id)


def test_a_killed_owner_and_a_killed_helper_are_taken_over_within_a_minute(fleet, site):
    url, job_id = start(fleet, site, workers=3)
    (owner,), helpers = find(fleet, OWNS), find(fleet, HELPS)
    for worker in (owner, helpers[0]):
        worker.service.kill()
    fleet.start_worker()
    finish(fleet, url, job_id)


def test_an_owner_that_sleeps_is_taken_over_and_does_no_harm_when_it_wakes(fleet, site):
    url, job_id = start(fleet, site, workers=2)
    (owner,), (helper,) = find(fleet, OWNS), find(fleet, HELPS)
    owner.service.process.send_signal(signal.SIGSTOP)
    helper.service.wait_for(**TAKES_OVER)
    owner.service.process.send_signal(signal.SIGCONT)
    owner.service.wait_for(**BEGINS_ANEW)
    finish(fleet, url, job_id)
    with open_api(url) as api:
        assert api.wait(api.upload(site, incremental=True))["status"] == "succeeded"
    assert len(fleet.read_index(TENANT).documents) == PAGES
    assert owner.service.is_alive()
