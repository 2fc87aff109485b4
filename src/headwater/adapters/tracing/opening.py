"""Sends spans to a collector, by OTLP over HTTP, from a thread of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from headwater.adapters.tracing.spans import OtelTracer

SEND_SECONDS: Final = 5.0
"""For one batch, tries included: a collector that is away must not hold a stop up."""


@asynccontextmanager
async def open_tracer(url: str) -> AsyncGenerator[OtelTracer, None]:
    """Give a tracer whose spans go to the collector; what is left is sent at the end.

    A collector that is away is logged and waited for by nobody. Sampling, headers, certificates and
    resource attributes are OpenTelemetry's own ``OTEL_*`` variables.
    """
    exporter = OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces", timeout=SEND_SECONDS)
    provider = TracerProvider(
        resource=Resource.create(
            {"service.name": "headwater", "service.version": version("headwater")}
        ),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield OtelTracer(provider.get_tracer("headwater"))
    finally:
        await asyncio.to_thread(provider.shutdown)
