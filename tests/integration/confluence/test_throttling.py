"""Two jobs on a site that allows a burst of requests and then wants to be left alone."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx2
import pytest
from starlette.responses import JSONResponse

from headwater.adapters.confluence.egress import GuardedTransport
from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.sites import Governors
from headwater.domain.ids import SpaceKey
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.sandbox.loading import load_wiki
from headwater.sandbox.server import run_sandbox
from tests.unit.confluence.confluence_fakes import NOW, FakeClock

BURST = 25
PAUSE = 30


@dataclass
class Storm:
    """A fault that lets so many requests pass, until the clock has moved on by the announced pause."""

    clock: FakeClock
    burst: int = BURST
    refused: int = 0
    served: int = 0
    since: datetime = NOW

    def __call__(self, _request, _template, answer):
        if self.clock.moment >= self.since + timedelta(seconds=PAUSE):
            self.since, self.served = self.clock.moment, 0
        if self.served >= self.burst:
            self.since = self.clock.moment  # every further attempt makes it longer
            self.refused += 1
            return JSONResponse({}, 429, {"retry-after": str(PAUSE)})
        self.served += 1
        return answer


@dataclass
class Watch:
    """Sees every request of every source leave, and every answer come back."""

    clock: FakeClock
    announced: datetime = NOW
    sent: int = 0
    too_early: int = 0
    in_flight: int = 0
    peak: int = 0

    def make_transport(self, allow):
        return WatchedTransport(self, GuardedTransport(allow))


class WatchedTransport(httpx2.AsyncBaseTransport):
    def __init__(self, watch, inner) -> None:
        self._watch, self._inner = watch, inner

    async def handle_async_request(self, request):
        watch = self._watch
        watch.sent += 1
        watch.too_early += watch.clock.moment < watch.announced
        watch.in_flight += 1
        watch.peak = max(watch.peak, watch.in_flight)
        try:
            response = await self._inner.handle_async_request(request)
        finally:
            watch.in_flight -= 1
        if response.status_code == 429:
            watch.announced = watch.clock.moment + timedelta(seconds=PAUSE)
        return response

    async def aclose(self):
        await self._inner.aclose()


async def bring_in(sources, sandbox, on_wait):
    """Read a space as a job does; return its pages' ids."""
    address = SiteAddress(sandbox.instance_url, sandbox.web_url)
    credential = SiteCredential(sandbox.email, Secret(sandbox.token))
    async with sources.open(address, credential, on_wait=on_wait) as source:
        space = await source.find_space(SpaceKey("ENG"))
        listed = [item async for batch in source.list_documents(space) for item in batch]
        annotations = await source.read_annotations(listed)
        fetched = [page async for page in source.fetch_pages(listed)]
        assert len(annotations) == len(fetched) == len(listed)
        return sorted(item.content_id for item in listed)


@dataclass
class Outcome:
    watch: Watch
    storm: Storm
    told: list[list[datetime | None]]
    found: list[list[str]]


async def run_two_jobs(burst):
    clock = FakeClock()
    watch, storm = Watch(clock), Storm(clock, burst)
    sources = ConfluenceSources(
        allowed_private_hosts=("127.0.0.1",),
        timing=clock.timing,
        governors=Governors(clock.timing),
        make_transport=watch.make_transport,
    )
    told: list[list[datetime | None]] = [[], []]
    async with run_sandbox(load_wiki()) as sandbox:
        sandbox.faults.append(storm)
        found = await asyncio.gather(*(bring_in(sources, sandbox, one.append) for one in told))
    return Outcome(watch, storm, told, found)


@pytest.fixture(scope="module")
def calm():
    return asyncio.run(run_two_jobs(burst=100_000))


async def test_two_jobs_finish_in_a_storm_and_nobody_asks_during_a_pause(calm):
    stormy = await run_two_jobs(BURST)
    assert stormy.found == calm.found
    assert stormy.storm.refused > 0
    assert stormy.watch.too_early == 0
    assert stormy.watch.peak <= 8
    # all that is lost is what was refused
    assert stormy.watch.sent == calm.watch.sent + stormy.storm.refused
    for told in stormy.told:
        assert [moment is None for moment in told[-2:]] == [False, True]
    pauses = [sum(moment is None for moment in told) for told in stormy.told]
    assert pauses[0] == pauses[1] >= calm.watch.sent // BURST - 1


async def test_without_a_storm_nobody_waits(calm):
    assert calm.storm.refused == 0
    assert calm.told == [[], []]
