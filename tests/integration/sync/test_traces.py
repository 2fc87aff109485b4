"""One trace from an upload's request to the last request to Confluence that it causes, and what is in it."""

import asyncio
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from headwater.adapters.tracing.spans import OtelTracer
from headwater.adapters.tracing.watching import watch_ports
from headwater.jobs.engine import JobEngine
from headwater.sandbox.faults import fail
from tests.integration.sync.lab import KEY, TENANT, open_light_lab, paragraphs
from tests.integration.sync.serving import call_lab

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
QUESTION = "where is the hidden treasure"
TITLE = "Treasure island"


@pytest.fixture
async def lab(tmp_path):
    async with open_light_lab(tmp_path) as lab:
        page = lab.world.create_page(KEY, TITLE, paragraphs("the treasure is hidden in the cellar"))
        lab.world.attach(page.id, "treasure-map.txt", b"dig here", media_type="text/plain")
        yield lab


@pytest.fixture
def exporter(lab):
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    lab.ports = watch_ports(lab.ports, OtelTracer(provider.get_tracer("headwater")))
    yield exporter
    provider.shutdown()


async def call(lab, path, body):
    async with call_lab(lab) as client:
        answer = await client.post(path, json=body, headers={"traceparent": CALLER})
        assert answer.status_code == 200, answer.text
        return answer.json()


def make_upload(lab):
    return {
        "authorization": {
            "instance_url": lab.site.instance_url,
            "web_url_instance": lab.site.web_url,
            "username": lab.site.username,
            "api_token": lab.site.token,
        },
        "pinecone_config": {"rezolve_domain": "lab", "tenant_id": str(TENANT)},
        "sync_config": {"incremental": True, "processor_mode": "auto", "use_ocr": False},
        "space": KEY,
    }


async def run_in_engine(lab, ref, folder):
    """Execute the job as a process does that starts later and knows of the request by the catalog only."""
    engine = JobEngine(folder / "jobs")
    lab.ports = replace(lab.ports, queue=engine)
    await engine.start(lab.ports)
    try:
        async with asyncio.timeout(30):
            while not (await lab.ports.jobs.find(ref)).status.is_final:  # noqa: ASYNC110  (the catalog tells nobody)
                await asyncio.sleep(0.05)
    finally:
        await engine.stop()


def follow_up(span, by_id):
    """Return the names of a span and of what it stands under, innermost first."""
    names = [span.name]
    while span.parent and span.parent.span_id in by_id:
        span = by_id[span.parent.span_id]
        names.append(span.name)
    return names


async def test_an_upload_is_one_trace_and_says_nothing_of_what_it_is_about(lab, exporter, tmp_path):
    await call(lab, "/v2/confluence/upload", make_upload(lab))
    await run_in_engine(lab, lab.queue.waiting.pop(), tmp_path)
    search = {
        "query": QUESTION,
        "pinecone_config": {"rezolve_domain": "lab", "tenant_id": str(TENANT)},
    }
    assert (await call(lab, "/v2/confluence/search", search))["results"]

    spans = exporter.get_finished_spans()
    by_id = {span.context.span_id: span for span in spans}
    assert {f"{span.context.trace_id:032x}" for span in spans} == {CALLER.split("-")[1]}
    paths = {tuple(follow_up(span, by_id)) for span in spans}
    upload = "POST /v2/confluence/upload"
    assert ("confluence.request", upload) in paths
    for path in (
        ("confluence.request", "step gather"),
        ("confluence.request", "step bring_in"),
        ("extractor.extract", "step bring_in"),
        ("embedder.embed", "step bring_in"),
        ("store.apply", "step bring_in"),
        ("store.settle", "step finish"),
        ("step reconcile",),
    ):
        assert (*path, "job", upload) in paths
    for call_name in ("embedder.embed", "store.query"):
        assert (call_name, "POST /v2/confluence/search") in paths
    assert_silent(spans, lab)


def assert_silent(spans, lab):
    """Nothing in a span names a tenant, space, page, file, question, user or credential."""
    told = " ".join(f"{span.name} {dict(span.attributes)} {span.events}" for span in spans)
    for word in (str(TENANT), f"'{KEY}'", f"/{KEY}", lab.site.token, lab.site.username):
        assert word not in told
    for word in ("treasure", "Treasure", "Bearer", "Basic"):
        assert word not in told


async def test_a_step_that_fails_says_how_and_not_why(lab, exporter, tmp_path):
    await call(lab, "/v2/confluence/upload", make_upload(lab))
    lab.site.faults.append(fail(401))
    await run_in_engine(lab, lab.queue.waiting.pop(), tmp_path)
    (step,) = [span for span in exporter.get_finished_spans() if span.name == "step gather"]
    assert step.attributes["error.type"] == "SourceRefusedError"
    assert not step.status.is_ok
    assert step.status.description is None
    assert step.events == ()


async def test_without_traces_nothing_is_stored_with_a_job(lab):
    ref = await lab.submit()
    assert (await lab.ports.jobs.find(ref)).trace is None
