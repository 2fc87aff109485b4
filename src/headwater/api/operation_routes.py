"""What operators and orchestrators ask, without a token and without a word about any tenant."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, cast

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from headwater.adapters.metrics import OPEN_JOBS
from headwater.api.admission import ports_of
from headwater.api.docs_page import CONTENT_SECURITY_POLICY, render_page
from headwater.api.errors import Problem, RefusalError
from headwater.api.openapi import describe_errors
from headwater.api.views import CheckView, LiveView, ReadyView
from headwater.domain.jobs import JobStatus
from headwater.ports import Ports
from headwater.services.health import Check, check_health

MAX_AGE: Final = 2.0
"""Seconds for which a finding serves: anybody may ask, and each look runs the embedder."""

router = APIRouter()


class HealthWatch:
    """Looks at every part, at most once every two seconds however many ask."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = asyncio.Lock()
        self._checks: Sequence[Check] = ()
        self._looked_at = float("-inf")

    async def look(self, ports: Ports) -> Sequence[Check]:
        """Return a finding that is at most two seconds old."""
        async with self._lock:
            if self._clock() - self._looked_at > MAX_AGE:
                self._checks = await check_health(ports)
                self._looked_at = self._clock()
            return self._checks


@router.get("/healthz")
async def tell_alive() -> LiveView:
    """Tell that the process answers."""
    return LiveView(status="ok")


@router.get("/readyz", responses=describe_errors(500, 503))
async def tell_ready(request: Request) -> ReadyView:
    """Tell whether every store and model works; 503 names what does not."""
    watch = cast("HealthWatch", request.app.state.health)
    checks = await watch.look(ports_of(request))
    failed = [check for check in checks if not check.ok]
    if failed:
        raise RefusalError(503, [_explain(check) for check in failed], {"Retry-After": "5"})
    return ReadyView(status="ready", checks=[CheckView.model_validate(item) for item in checks])


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **describe_errors(500, 503),
    },
)
async def show_metrics(request: Request) -> Response:
    """Show what the service counts about itself, as Prometheus reads it."""
    open_jobs = Counter(job.status for job in await ports_of(request).jobs.list_open())
    for status in (JobStatus.QUEUED, JobStatus.RUNNING):
        OPEN_JOBS.labels(status.value).set(open_jobs[status])
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _explain(check: Check) -> Problem:
    return Problem(("ready", check.name), check.detail, "unavailable_error")


@router.get("/docs", include_in_schema=False)
async def show_reference(request: Request) -> HTMLResponse:
    """Show the API's reference."""
    page = render_page(request.app.openapi())
    return HTMLResponse(page, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})
