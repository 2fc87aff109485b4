"""What the service counts about itself, and that it says of nobody in particular."""

import asyncio
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headwater.adapters import metrics
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.embedders.metered import MeteredEmbedder
from headwater.domain.jobs import (
    ChunkCounts,
    DocumentCounts,
    JobChange,
    JobStatus,
    Progress,
)
from headwater.domain.sync import Outcome
from headwater.ports import EmbeddingKind
from tests.contract.api.examples import SEARCH, SEARCH_PATH
from tests.contract.api.fakes import TENANT, make_job
from tests.contract.catalog_samples import (
    add_running_job,
    make_metadata,
    make_ref,
    make_result,
    open_engine,
)

REFERENCE = Path(__file__).parents[3] / "docs/reference/metrics.md"


async def read_samples(client):
    """Return every sample of ours by name and labels, these in the order of their names."""
    shown = await client.get("/metrics", headers={"authorization": "", "x-tenantid": ""})
    assert shown.status_code == 200
    assert shown.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(shown.text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("headwater_")
    }


async def test_metrics_need_no_token_and_name_nobody(client, world):
    job = make_job("job-secret-name", space="SECRETSPACE")
    world.jobs.stored[job.ref] = job
    await client.post(SEARCH_PATH, json=SEARCH)
    await client.get("/v2/confluence/jobs/job-secret-name")
    await client.get("/nowhere/job-secret-name")
    assert await read_samples(client)
    shown = (await client.get("/metrics")).text
    for name in (TENANT, "job-secret-name", "SECRETSPACE", "reset password"):
        assert name not in shown


async def test_requests_are_counted_by_route_and_status(client):
    before = await read_samples(client)
    await client.post(SEARCH_PATH, json=SEARCH)
    await client.get("/nowhere")
    after = await read_samples(client)
    for key in (("POST", SEARCH_PATH, "200"), ("GET", "none", "404")):
        name = ("headwater_http_requests_total", *key)
        assert after[name] - before.get(name, 0) == 1


async def test_open_jobs_are_counted_when_asked(client, world):
    world.jobs.stored[make_job().ref] = make_job(status=JobStatus.RUNNING)
    samples = await read_samples(client)
    assert samples["headwater_jobs_open", "running"] == 1
    assert samples["headwater_jobs_open", "queued"] == 0


async def test_every_metric_is_documented_and_no_other(client):
    await client.get("/healthz")
    shown = (await client.get("/metrics")).text
    kinds = dict(re.findall(r"^# TYPE (headwater_\w+) (\w+)$", shown, re.MULTILINE))
    offered = {name: kind for name, kind in kinds.items() if not name.endswith("_created")}
    rows = re.findall(r"^\| `(headwater_\w+)` \| (\w+) \|", REFERENCE.read_text(), re.MULTILINE)
    assert dict(rows) == offered


@pytest.fixture
async def stores(tmp_path):
    async with open_engine("sqlite", tmp_path) as opened:
        yield opened


async def test_what_a_job_does_is_counted_once(client, stores):
    before = await read_samples(client)
    ref = make_ref()
    await add_running_job(stores, ref)
    done = Progress(
        documents=DocumentCounts(listed=3, done=3, added=2, failed=1),
        attachments=DocumentCounts(skipped=4),
        chunks=ChunkCounts(embedded=7, reused=5),
    )
    await stores.jobs.change(ref, JobChange(progress=done))
    await stores.jobs.change(ref, JobChange(status=JobStatus.PARTIAL))
    await stores.jobs.change(ref, JobChange(status=JobStatus.FAILED, progress=done))
    after = await read_samples(client)
    expected = {
        ("headwater_documents_total", "document", "added"): 2,
        ("headwater_documents_total", "document", "failed"): 1,
        ("headwater_documents_total", "attachment", "skipped"): 4,
        ("headwater_chunks_total", "embedded"): 7,
        ("headwater_chunks_total", "reused"): 5,
        ("headwater_jobs_ended_total", "partial"): 1,
        ("headwater_jobs_ended_total", "failed"): 0,
    }
    assert {key: after.get(key, 0) - before.get(key, 0) for key in expected} == expected


async def test_the_lag_is_measured_for_edits_and_not_for_a_first_reading(client, stores):
    before = await read_samples(client)
    ref = make_ref()
    await add_running_job(stores, ref)
    first = [make_result(1), make_result(2, metadata=make_metadata(2, version=2))]
    await stores.catalog.record(ref, first, JobChange())
    await stores.catalog.record(ref, [make_result(2, Outcome.UPDATED)], JobChange())
    after = await read_samples(client)
    name = ("headwater_sync_lag_seconds_count",)
    assert after[name] - before[name] == 1


async def test_busy_time_is_counted_while_calls_overlap():
    gates = [asyncio.Event(), asyncio.Event()]

    class Waiting(MemoryEmbedder):
        async def embed(self, texts, *, kind):
            await gates[int(texts[0])].wait()
            return await super().embed(texts, kind=kind)

    embedder = MeteredEmbedder(Waiting())
    before = metrics.EMBEDDER_SECONDS._value.get()
    first, second = (
        asyncio.create_task(embedder.embed([name], kind=EmbeddingKind.PASSAGE)) for name in "01"
    )
    await asyncio.sleep(0)
    gates[0].set()
    await first
    assert metrics.EMBEDDER_SECONDS._value.get() > before
    gates[1].set()
    await second


async def test_the_embedders_busy_time_is_counted(client):
    embedder = MeteredEmbedder(MemoryEmbedder())
    before = await read_samples(client)
    await embedder.embed(["one", "two"], kind=EmbeddingKind.PASSAGE)
    after = await read_samples(client)
    texts, busy = ("headwater_embedder_texts_total",), ("headwater_embedder_busy_seconds_total",)
    assert after[texts] - before[texts] == 2
    assert after[busy] > before[busy]


@pytest.mark.parametrize(
    ("name", "kind"), [("a.PDF", "pdf"), ("a.secret-name", "other"), ("noending", "other")]
)
async def test_an_attachments_unusual_ending_is_no_label(client, name, kind):
    with metrics.timing_extraction(name):
        pass
    samples = await read_samples(client)
    assert samples["headwater_extraction_seconds_count", "read", kind] >= 1
    assert not any("secret-name" in part for key in samples for part in map(str, key))
