"""What the service counts about itself, for Prometheus.

Process-wide, as the format's own library has it. No name, label or value may say whose work it was:
no tenant, space, page or job, not even hashed; ``docs/reference/metrics.md`` lists them all.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from importlib.metadata import version
from pathlib import PurePath
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from headwater.domain.jobs import DocumentCounts, Job, Progress

BUILD: Final = Gauge("headwater_build_info", "Which version runs; always 1.", ["version"])
BUILD.labels(version("headwater")).set(1)

REQUESTS: Final = Counter(
    "headwater_http_requests", "Answered HTTP requests.", ["method", "route", "status"]
)
REQUEST_SECONDS: Final = Histogram(
    "headwater_http_request_seconds", "Time to an HTTP answer's end.", ["route"]
)
OPEN_JOBS: Final = Gauge(
    "headwater_jobs_open", "Jobs that wait or run, of all processes.", ["status"]
)
ENDED_JOBS: Final = Counter("headwater_jobs_ended", "Jobs that ended here.", ["status"])
DOCUMENTS: Final = Counter(
    "headwater_documents", "Documents settled here, by how they ended.", ["kind", "outcome"]
)
CHUNKS: Final = Counter(
    "headwater_chunks", "Chunks settled here, by what became of them.", ["work"]
)
LAG_SECONDS: Final = Histogram(
    "headwater_sync_lag_seconds",
    "Time from an edit in Confluence until it could be found.",
    buckets=(10, 30, 60, 300, 900, 3_600, 14_400, 86_400, 604_800),
)
EMBEDDER_SECONDS: Final = Counter(
    "headwater_embedder_busy_seconds", "Time during which something was being embedded."
)
EMBEDDED_TEXTS: Final = Counter("headwater_embedder_texts", "Texts embedded, questions included.")
UPSTREAM_REQUESTS: Final = Counter(
    "headwater_confluence_requests", "Requests to Confluence; status 0 got no answer.", ["status"]
)
NO_ANSWER: Final = "0"
THROTTLED_SECONDS: Final = Counter(
    "headwater_confluence_throttled_seconds", "Pauses that Confluence asked for, site by site."
)
EXTRACTION_SECONDS: Final = Histogram(
    "headwater_extraction_seconds",
    "Time to read an attachment, by its name's ending.",
    ["type", "outcome"],
    buckets=(0.05, 0.2, 0.5, 1, 2, 5, 15, 60, 300),
)
LOST_WORKERS: Final = Counter(
    "headwater_extraction_workers_lost", "Extraction processes that a file ended."
)

KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

KNOWN_ENDINGS: Final = frozenset(
    """
    pdf docx pptx xlsx doc ppt xls odt ods odp rtf epub eml msg html htm md txt csv json xml
    png jpg jpeg gif bmp tif tiff webp svg drawio
    """.split()  # noqa: SIM905  (a table to be read in lines)
)


def observe_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count an HTTP request; ``route`` is its template, never a path that names something."""
    template = route or "none"
    known = method if method in KNOWN_METHODS else "other"
    REQUESTS.labels(known, template, str(status)).inc()
    REQUEST_SECONDS.labels(template).observe(seconds)


def observe_change(before: Job, after: Job) -> None:
    """Count what a change made of a job."""
    for kind in ("documents", "attachments"):
        counted = zip(
            fields(DocumentCounts),
            _numbers(getattr(before.progress, kind)),
            _numbers(getattr(after.progress, kind)),
            strict=True,
        )
        for item, old, new in counted:
            _add(DOCUMENTS.labels(kind.removesuffix("s"), item.name), new - old)
    _observe_chunks(before.progress, after.progress)
    if after.status.is_final and not before.status.is_final:
        ENDED_JOBS.labels(after.status.value).inc()


def observe_lag(lags: Iterable[float]) -> None:
    """Count how many seconds each edit took until it could be found."""
    for seconds in lags:
        LAG_SECONDS.observe(seconds)


@contextmanager
def timing_extraction(name: str) -> Iterator[None]:
    """Measure the block as the reading of an attachment of this name."""
    ending = PurePath(name).suffix.lower().removeprefix(".")
    kind = ending if ending in KNOWN_ENDINGS else "other"
    began, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "read"
    finally:
        EXTRACTION_SECONDS.labels(kind, outcome).observe(time.perf_counter() - began)


def _observe_chunks(before: Progress, after: Progress) -> None:
    for item in fields(after.chunks):
        old, new = getattr(before.chunks, item.name), getattr(after.chunks, item.name)
        _add(CHUNKS.labels(item.name), new - old)


def _numbers(counts: DocumentCounts) -> list[int]:
    return [getattr(counts, item.name) for item in fields(counts)]


def _add(counter: Counter, number: int) -> None:
    if number > 0:  # what somebody settles afterwards may lower a job's own count
        counter.inc(number)
