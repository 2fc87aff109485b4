"""One Confluence and many processes, on one Postgres: more than it takes requests at a time."""

import asyncio
import re
import sys
import threading
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from subprocess import PIPE, Popen
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse

from benchmarks.rig.fleet import open_api, run_fleet, wait_for
from headwater.adapters.confluence.pace import CEILING
from headwater.sandbox.generator import Recipe, generate_world
from headwater.sandbox.server import run_sandbox_thread
from tests.postgres import make_catalog_database

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

READERS = CEILING + 4
REQUESTS = 600
PATIENCE = 240
LATENCY = 0.3
PAUSE = 6
REFUSED = re.compile(r"^headwater_confluence_requests_total\{.*429.*\} (\S+)$", re.MULTILINE)
OWNS = {"event": "job step done", "step": "gather"}


@dataclass
class Visits:
    """A fault that takes its time to answer as it is, notes who is there, and refuses when told to."""

    arrivals: int = 0
    present: int = 0
    peak: int = 0
    refusals: deque[None] = field(default_factory=deque)
    are_many: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, _request, _template, answer):
        self.present += 1
        self.peak = max(self.peak, self.present)
        self.arrivals += 1
        if self.arrivals >= REQUESTS:
            self.are_many.set()
        await asyncio.sleep(LATENCY)
        self.present -= 1
        if self.refusals:
            self.refusals.pop()
            return JSONResponse({}, 429, {"retry-after": str(PAUSE)})
        return answer


@pytest.fixture
def visits():
    return Visits()


@contextmanager
def run_readers(catalog, site):
    """Give processes that wait for a line to begin reading the site."""
    command = [sys.executable, "-m", "tests.e2e.reader", catalog]
    command += [site.instance_url, site.web_url, site.email, site.token]
    with ExitStack() as stack:
        readers: list[Any] = [
            stack.enter_context(Popen(command, stdin=PIPE, stdout=PIPE, text=True))
            for _ in range(READERS)
        ]
        assert [reader.stdout.readline() for reader in readers] == ["ready\n"] * READERS
        yield readers


def tell(reader, word):
    reader.stdin.write(f"{word}\n")
    reader.stdin.flush()


def test_processes_beyond_the_budget_take_turns_and_never_ask_for_more_than_one_may(visits):
    world = generate_world(Recipe(pages=20, words_per_page=20))
    with run_sandbox_thread(world) as site, make_catalog_database() as catalog:
        site.faults.append(visits)
        with run_readers(catalog, site) as readers:
            for reader in readers:
                tell(reader, "begin")
            assert visits.are_many.wait(PATIENCE)
            for reader in readers:
                reader.stdin.close()
            counts = [int(reader.stdout.readline()) for reader in readers]
    assert visits.peak == CEILING, "all that it bears, and no more"
    assert min(counts) >= max(counts) / 3, "nobody starves"


def test_a_job_says_that_it_is_throttled_although_a_helper_was_told(visits):
    world = generate_world(Recipe(pages=1500, words_per_page=20))
    with run_sandbox_thread(world) as site, run_fleet(seconds=0.4) as fleet:
        url = fleet.start_api()
        workers = [fleet.start_worker() for _ in range(2)]
        with open_api(url) as api:
            job_id = api.upload(site)
            wait_for(fleet, api, job_id, documents=100)
            (helper,) = [worker for worker in workers if not is_owner(worker)]
            site.faults.append(visits)
            while not count_refusals(helper):
                refuse_one(visits, api, job_id)
                job = api.wait_until(job_id, lambda job: job["stage"] == "throttled")
                assert job["throttled_until"], "no helper was ever told"
                api.wait_until(job_id, lambda job: job["stage"] != "throttled")
            assert wait_for(fleet, api, job_id)["status"] == "succeeded"


def is_owner(worker):
    return any(line.items() >= OWNS.items() for line in worker.service.events(OWNS["event"]))


def refuse_one(visits, api, job_id):
    visits.refusals.append(None)
    while visits.refusals:
        assert not api.read(job_id)["finished_at"], "no helper was ever told"
        time.sleep(0.05)  # it tells nobody


def count_refusals(worker):
    text = httpx2.get(f"{worker.url}/metrics").text
    return sum(float(number) for number in REFUSED.findall(text))
