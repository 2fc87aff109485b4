"""More processes than a Confluence takes requests at a time, on one catalog and one sandbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from starlette.responses import JSONResponse

from headwater.adapters.catalog.stores import open_catalog
from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.pace import CEILING
from headwater.adapters.confluence.patience import PATIENT, PROMPT
from headwater.adapters.confluence.sites import Governors
from headwater.domain.ids import SpaceKey
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.jobs.elsewhere import share_sites
from headwater.sandbox.loading import load_wiki
from headwater.sandbox.server import Sandbox, run_sandbox
from tests.contract.catalog_samples import ENGINES, make_engine_url

PROCESSES = CEILING + 4
LATENCY = 0.1
PAUSE = 4
SOON = 2
"""Seconds: one for the news to reach everybody, and one for a slow machine."""


@dataclass
class Visits:
    """A fault that takes its time to answer as it is, and notes who is there when."""

    present: int = 0
    peak: int = 0
    arrivals: list[float] = field(default_factory=list)
    are_many: asyncio.Event = field(default_factory=asyncio.Event)
    throttles: int = 0
    throttled_at: float | None = None

    async def __call__(self, _request, _template, answer):
        now = asyncio.get_running_loop().time()
        self.arrivals.append(now)
        if len(self.arrivals) >= PROCESSES:
            self.are_many.set()
        self.present += 1
        self.peak = max(self.peak, self.present)
        await asyncio.sleep(LATENCY)
        self.present -= 1
        if self.throttles:
            self.throttles -= 1
            self.throttled_at = asyncio.get_running_loop().time()
            return JSONResponse({}, 429, {"retry-after": str(PAUSE)})
        return answer


@asynccontextmanager
async def run_process(url, folder) -> AsyncIterator[Governors]:
    """Be a process of its own as far as anybody can tell: with connections and governors of its own."""
    stores = await open_catalog(url)
    try:
        governors = Governors(book=stores.paces)
        async with share_sites(governors, folder):
            yield governors
    finally:
        await stores.close()


@dataclass
class Scene:
    sandbox: Sandbox
    visits: Visits
    processes: list[Governors]

    @asynccontextmanager
    async def open(self, process, *, patience=PATIENT, on_wait=None):
        sources = ConfluenceSources(
            allowed_private_hosts=("127.0.0.1",), patience=patience, governors=process
        )
        address = SiteAddress(self.sandbox.instance_url, self.sandbox.web_url)
        credential = SiteCredential(self.sandbox.email, Secret(self.sandbox.token))
        async with sources.open(address, credential, on_wait=on_wait) as source:
            yield source

    async def bring_in(self, process, on_wait=None):
        """Read a space as a job does; return its pages' ids."""
        async with self.open(process, on_wait=on_wait) as source:
            space = await source.find_space(SpaceKey("ENG"))
            listed = [item async for batch in source.list_documents(space) for item in batch]
            for _ in range(3):
                fetched = [page async for page in source.fetch_pages(listed[:5])]
                assert len(fetched) == 5
            return sorted(item.content_id for item in listed)


@asynccontextmanager
async def play(engine, tmp_path):
    folder = tmp_path if engine == "sqlite" else None
    with make_engine_url(engine, tmp_path) as url:
        async with AsyncExitStack() as stack:
            sandbox = await stack.enter_async_context(run_sandbox(load_wiki()))
            visits = Visits()
            sandbox.faults.append(visits)
            processes = [
                await stack.enter_async_context(run_process(url, folder)) for _ in range(PROCESSES)
            ]
            yield Scene(sandbox, visits, processes)


@pytest.fixture
async def scene(tmp_path):
    async with play("postgres", tmp_path) as scene:
        yield scene


@pytest.mark.parametrize("engine", ENGINES)
async def test_all_processes_together_never_ask_more_at_a_time_than_one_may(engine, tmp_path):
    async with play(engine, tmp_path) as scene:
        await check_peak(scene)


async def check_peak(scene):
    found = await asyncio.gather(*(scene.bring_in(process) for process in scene.processes))
    assert all(ids == found[0] for ids in found)
    assert 4 <= scene.visits.peak <= CEILING


async def test_what_one_process_is_told_to_wait_all_wait_soon(scene):
    told: list[list[object]] = [[] for _ in scene.processes]
    jobs = asyncio.gather(
        *(
            scene.bring_in(process, heard.append)
            for process, heard in zip(scene.processes, told, strict=True)
        )
    )
    await scene.visits.are_many.wait()
    scene.visits.throttles = 1
    await jobs
    said = scene.visits.throttled_at
    early = [
        moment - said for moment in scene.visits.arrivals if said + SOON < moment < said + PAUSE
    ]
    assert early == []
    late = [moment for moment in scene.visits.arrivals if moment >= said + PAUSE]
    assert late, "they go on"
    assert sum(bool(heard) for heard in told) > PROCESSES // 2


async def test_a_short_call_is_answered_while_more_jobs_are_at_work_than_there_are_requests(scene):
    *workers, api = scene.processes
    jobs = [asyncio.create_task(scene.bring_in(process)) for process in workers]
    await scene.visits.are_many.wait()
    async with scene.open(api, patience=PROMPT) as source:
        await source.find_space(SpaceKey("ENG"))
    assert not all(job.done() for job in jobs)
    await asyncio.gather(*jobs)
    assert scene.visits.peak <= CEILING
