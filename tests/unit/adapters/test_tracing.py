"""Spans: what they say, where they go, and that they cost nothing while nobody watches."""

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from headwater.adapters.tracing.opening import open_tracer
from headwater.adapters.tracing.requests import TracedTransport, mask_path
from headwater.adapters.tracing.spans import OtelTracer
from headwater.ports import NO_TRACES


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield OtelTracer(provider.get_tracer("test"))
    provider.shutdown()


def test_spans_stand_one_inside_the_other_and_across_processes(tracer, exporter):
    with tracer.span("outer"):
        name = tracer.current()
        with tracer.span("inner", records=3):
            pass
    with tracer.span("elsewhere", parent=name):
        pass
    inner, outer, elsewhere = exporter.get_finished_spans()
    assert inner.attributes == {"headwater.records": 3}
    assert inner.parent.span_id == elsewhere.parent.span_id == outer.context.span_id
    assert elsewhere.context.trace_id == outer.context.trace_id
    assert tracer.current() is None


@pytest.mark.parametrize(
    "parent", ["", "no traceparent", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"]
)
def test_a_parent_that_is_none_begins_a_trace(tracer, exporter, parent):
    with tracer.span("alone", parent=parent):
        pass
    assert exporter.get_finished_spans()[0].parent is None


def test_an_error_is_told_by_its_kind_and_not_by_its_text(tracer, exporter):
    with pytest.raises(ValueError, match="secret"), tracer.span("failing"):
        raise ValueError("a secret title")
    (span,) = exporter.get_finished_spans()
    assert span.attributes == {"error.type": "ValueError"}
    assert "secret" not in span.to_json()


def test_nobody_watching_costs_nothing():
    assert NO_TRACES.span("a", parent="x", records=1) is NO_TRACES.span("b")
    with NO_TRACES.span("a") as span:
        span.note(records=1)
        span.rename("b")
        span.fail("x")
    assert NO_TRACES.current() is None


def test_opentelemetry_is_not_even_imported_while_traces_are_off():
    code = (
        "import sys, headwater.bootstrap, headwater.api.tracing, headwater.ports;"
        "sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def send(tracer, answer, path="/wiki/api/v2/pages/4711?title=Secret"):
    async with httpx2.AsyncClient(
        transport=TracedTransport(httpx2.MockTransport(answer), tracer)
    ) as http:
        return await http.get(f"https://token@acme.example{path}")


async def test_a_request_is_told_without_what_it_asks_for(tracer, exporter):
    answer = await send(tracer, lambda _: httpx2.Response(200, text="body"))
    assert answer.text == "body"
    (span,) = exporter.get_finished_spans()
    assert span.attributes == {
        "http.request.method": "GET",
        "server.address": "acme.example",
        "url.template": "/wiki/api/v2/pages/{}",
        "http.response.status_code": 200,
    }


async def test_a_refused_or_broken_request_is_an_error(tracer, exporter):
    def break_off(_):
        raise httpx2.ConnectError("no route to Secret")

    await send(tracer, lambda _: httpx2.Response(429))
    with pytest.raises(httpx2.ConnectError):
        await send(tracer, break_off)
    throttled, broken = exporter.get_finished_spans()
    assert throttled.attributes["error.type"] == "429"
    assert broken.attributes["error.type"] == "ConnectError"
    assert "Secret" not in broken.to_json()


@given(st.text())
def test_a_path_keeps_only_words_of_confluences_own(text):
    masked = mask_path(f"/wiki/rest/api/content/{text}")
    assert masked.startswith("/wiki/rest/api/content/")
    rest = masked.removeprefix("/wiki/rest/api/content/").split("/")
    assert all(part in {"", "{}"} or part == mask_path(part) for part in rest)
    assert mask_path("/rest/api/space/docs/content") == "/rest/api/space/{}/content"


class Collector(BaseHTTPRequestHandler):
    """Takes what is sent as OTLP over HTTP."""

    received: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


async def test_spans_reach_a_collector():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        async with open_tracer(f"http://127.0.0.1:{server.server_port}/") as tracer:
            with tracer.span("outer"), tracer.span("inner", records=3):
                pass
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    ((path, body),) = Collector.received
    assert path == "/v1/traces"
    sent = ExportTraceServiceRequest.FromString(body).resource_spans[0]
    resource = {item.key: item.value.string_value for item in sent.resource.attributes}
    assert resource["service.name"] == "headwater"
    assert {span.name for span in sent.scope_spans[0].spans} == {"outer", "inner"}


async def test_a_collector_that_is_away_holds_nothing_up():
    began = time.monotonic()
    async with open_tracer("http://127.0.0.1:9") as tracer:
        with tracer.span("lost"):
            pass
    assert time.monotonic() - began < 10
