"""Spans around everything that leaves this process, or takes long inside it."""

from dataclasses import replace
from functools import partial
from typing import cast

from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.tracing.calls import trace_embedder, trace_extractor, trace_store
from headwater.adapters.tracing.requests import TracedTransport
from headwater.adapters.tracing.spans import OtelTracer
from headwater.ports import Ports, SourceFactory


def watch_ports(ports: Ports, tracer: OtelTracer) -> Ports:
    """Return the ports with spans around requests to Confluence, embedder, store and extractor."""
    return replace(
        ports,
        tracer=tracer,
        embedder=trace_embedder(ports.embedder, tracer),
        store=trace_store(ports.store, tracer),
        extractor=trace_extractor(ports.extractor, tracer),
        sources=_watch_sources(ports.sources, tracer),
        patient_sources=_watch_sources(ports.patient_sources, tracer),
    )


def _watch_sources(sources: SourceFactory, tracer: OtelTracer) -> SourceFactory:
    ours = cast("ConfluenceSources", sources)
    return ours.through(partial(TracedTransport, tracer=tracer))
