"""Pinecone away for a while, in the middle of a sync: the job waits and goes on, and nothing is lost."""

from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest

from headwater.adapters.catalog.stores import open_catalog
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.domain.errors import BackendAwayError, RetryableError
from headwater.domain.ids import TenantId
from headwater.domain.jobs import JobStatus
from headwater.jobs import workflows
from headwater.sandbox.world import World
from headwater.services.sync.ending import finish
from headwater.services.sync.gathering import gather
from headwater.services.sync.processing import bring_in
from headwater.services.sync.reconciling import reconcile
from tests.integration.sync.happenings import CLOUD
from tests.integration.sync.lab import KEY, open_lab_on, pages
from tests.integration.sync.oracle import Bench, Index
from tests.pinecone.opening import open_ledger, open_pinecone_store
from tests.pinecone.server import run_pinecone

PAGES = 90
FOR_LONG = 10_000
"""Requests that are refused, or as many as there are until it is over."""

WAITS = 2
"""How often the job is taken up in vain before it is over: a minute, made short."""


@pytest.fixture
def server():
    with run_pinecone() as running:
        yield running


@pytest.fixture
async def lab(tmp_path, server, monkeypatch):
    monkeypatch.setattr("headwater.services.sync.batches.BACKEND_ATTEMPTS", 2)
    monkeypatch.setattr("headwater.jobs.workflows.CATALOG_WAIT", 0.2)
    stores = await open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    world = World()
    world.add_space(KEY, "Lab")
    dimension = MemoryEmbedder().dimension
    async with (
        open_ledger(tmp_path) as ledger,
        open_pinecone_store(server, ledger, dimension=dimension) as store,
        open_lab_on(stores, store, world) as opened,
    ):
        yield opened
    await stores.close()


async def run_as_the_engine_does(lab, server, ref):
    surveys = []
    waits = []

    async def survey(ports, ref):
        surveys.append(await gather(ports, ref))

    async def go_on(step, ports, ref):
        try:
            await step(ports, ref, surveys[-1])
        except BackendAwayError:
            waits.append(step)
            if len(waits) == WAITS:
                server.faults.clear()
            raise

    await workflows._take_up(lab.ports, ref, survey)
    for step in (bring_in, reconcile, finish):
        await workflows._take_up(lab.ports, ref, partial(go_on, step))
    assert len(waits) == WAITS
    return await lab.ports.jobs.find(ref)


@pytest.mark.parametrize("status", [503, 403])
async def test_a_job_waits_for_pinecone_and_loses_nothing(lab, server, monkeypatch, status):
    pages(lab.world, PAGES)
    apply = type(lab.ports.store).apply
    batches = []

    async def apply_until_it_is_away(store, namespace, batch):
        batches.append(batch)
        if len(batches) == 2:
            server.fail("/vectors/upsert", status, times=FOR_LONG)
        await apply(store, namespace, batch)

    monkeypatch.setattr(type(lab.ports.store), "apply", apply_until_it_is_away)
    job = await run_as_the_engine_does(lab, server, await lab.submit())
    assert job.status is JobStatus.SUCCEEDED
    assert (job.progress.documents.added, job.progress.documents.failed) == (PAGES, 0)
    assert len(await lab.indexed()) == PAGES
    assert await lab.find(f"word{PAGES - 1}x") != []
    again = await lab.sync()
    assert again.progress.documents.unchanged == PAGES
    await check_like_new(lab)


async def check_like_new(lab):
    """Assert that a tenant whose Pinecone was never away has the same, record by record."""
    undisturbed = replace(lab, tenant=TenantId("00000000-0000-4000-8000-000000000002"))
    assert (await undisturbed.sync(incremental=False)).status is JobStatus.SUCCEEDED
    index, fresh = look_at(lab), look_at(undisturbed)
    assert await index.read_rows() == await fresh.read_rows()
    assert await index.read_records() == await fresh.read_records()
    assert await index.read_vectors(KEY) == await fresh.read_vectors(KEY)
    await index.check_whole()


def look_at(lab):
    return Index(Bench(lab.stores), lab, wire=cast("Any", None), face=CLOUD)


async def test_search_says_that_pinecone_is_away(lab, server):
    pages(lab.world, 1)
    await lab.sync()
    server.fail("/query", 401, times=2)
    with pytest.raises(RetryableError, match="HEADWATER_PINECONE_API_KEY"):
        await lab.find("word0x")
