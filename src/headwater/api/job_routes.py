"""Jobs: list, read, follow, cancel, retry, approve."""

import time
from typing import Any, Final, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse

from headwater.adapters.quotas import OpenStreams
from headwater.adapters.tokens.callers import Caller, Permission
from headwater.api.admission import (
    admit,
    admit_optional_body,
    admit_query,
    is_stopping,
    ports_of,
)
from headwater.api.answers import addresses_below
from headwater.api.inputs import FollowUpBody
from headwater.api.job_events import follow_job, is_over, parse_position, show_job
from headwater.api.openapi import secured
from headwater.api.queries import FailuresQuery, JobsQuery
from headwater.api.views import FailuresView, JobsView, JobView
from headwater.domain.errors import NotFoundError
from headwater.domain.ids import JobId, is_job_id
from headwater.domain.jobs import JobRef
from headwater.services.failure_reports import FailureReports
from headwater.services.job_followups import approve_deletions, retry_failed
from headwater.services.job_reports import (
    cancel_job,
    describe_job,
    list_jobs,
    read_job,
)

JOBS_PER_PAGE: Final = 50
FAILURES_PER_PAGE: Final = 100

_LAST_EVENT_ID: Final[dict[str, Any]] = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "Resume after this event.",
    "schema": {"type": "string"},
}
_EVENTS: Final[dict[str, Any]] = {
    "description": (
        "Events `progress` (the job), `failure` (one failed document), `end` (the finished job)."
    ),
    "content": {
        "text/event-stream": {
            "schema": {
                "type": "object",
                "description": "One event; `data` is JSON.",
                "properties": {
                    "id": {"type": "string"},
                    "event": {"enum": ["progress", "failure", "end"]},
                    "data": {"type": "string"},
                },
            }
        }
    },
}

router = APIRouter(prefix="/v2/confluence/jobs")


@router.get("", **secured(Permission.READ, query=JobsQuery))
async def list_tenant_jobs(request: Request) -> JobsView:
    """List the tenant's jobs, newest first."""
    caller, query = await admit_query(request, Permission.READ, JobsQuery)
    jobs = ports_of(request).jobs
    page = await list_jobs(
        jobs,
        caller.tenant,
        space=query.to_space(),
        status=query.to_status(),
        cursor=query.cursor,
        limit=query.limit or JOBS_PER_PAGE,
    )
    failures = await _failures_for(request, caller).read_first(caller.tenant, page.jobs)
    shown = [
        JobView.of(job, failures.get(job.ref, ()), describe_job(job, caller.sight))
        for job in page.jobs
    ]
    return JobsView(jobs=shown, next=page.next)


@router.get("/{job_id}", **secured(Permission.READ, 404))
async def read_tenant_job(request: Request, job_id: str) -> JobView:
    """Read a job: how far it is, what it did, what went wrong."""
    caller = await admit(request, Permission.READ)
    job = await read_job(ports_of(request).jobs, _refer(caller, job_id))
    return await show_job(_failures_for(request, caller), job)


@router.get("/{job_id}/failures", **secured(Permission.READ, 404, query=FailuresQuery))
async def list_job_failures(request: Request, job_id: str) -> FailuresView:
    """List the documents that a job could not bring in, oldest first."""
    caller, query = await admit_query(request, Permission.READ, FailuresQuery)
    job = await read_job(ports_of(request).jobs, _refer(caller, job_id))
    failures = _failures_for(request, caller)
    page = await failures.read_page(job.ref, cursor=query.cursor, limit=FAILURES_PER_PAGE)
    return FailuresView.of(page)


_events_arguments = secured(Permission.READ, 404, headers=[_LAST_EVENT_ID])
_events_arguments["responses"] |= {
    200: _EVENTS,
    204: {"description": "The end has been seen already."},
}


@router.get("/{job_id}/events", response_class=Response, **_events_arguments)
async def follow_tenant_job(request: Request, job_id: str) -> Response:
    """Follow a job as server-sent events until it is finished."""
    caller = await admit(request, Permission.READ)
    jobs = ports_of(request).jobs
    job = await read_job(jobs, _refer(caller, job_id))
    seen = parse_position(request.headers.get("last-event-id", ""))
    if is_over(job, seen):
        return Response(status_code=204)

    streams = cast("OpenStreams", request.app.state.streams)
    streams.check_room(caller.tenant)

    def may_go_on() -> bool:
        return time.time() < caller.expires_at and not is_stopping(request.app)

    failures = _failures_for(request, caller)
    following = follow_job(failures, job.ref, seen, may_go_on=may_go_on)
    return EventSourceResponse(streams.count(caller.tenant, following))


@router.post("/{job_id}/cancel", **secured(Permission.WRITE, 404))
async def cancel_tenant_job(request: Request, job_id: str) -> JobView:
    """Ask a job to stop; a finished job is answered as it is."""
    caller = await admit(request, Permission.WRITE)
    ports = ports_of(request)
    job = await cancel_job(ports, _refer(caller, job_id))
    return await show_job(_failures_for(request, caller), job)


@router.post(
    "/{job_id}/retry",
    **secured(Permission.WRITE, 400, 404, 409, 502, body=FollowUpBody, body_required=False),
)
async def retry_tenant_job(request: Request, job_id: str) -> str:
    """Try again what failed in a job, and nothing else; answers the id of the job that does it."""
    caller, body = await admit_optional_body(request, Permission.WRITE, FollowUpBody)
    with addresses_below("body", "authorization"):
        return await retry_failed(ports_of(request), _refer(caller, job_id), body.to_login())


@router.post(
    "/{job_id}/approve",
    **secured(Permission.WRITE, 400, 404, 409, 502, body=FollowUpBody, body_required=False),
)
async def approve_tenant_job(request: Request, job_id: str) -> JobView:
    """Carry out the deletions that the job's space holds, each looked up again; answers the job."""
    caller, body = await admit_optional_body(request, Permission.WRITE, FollowUpBody)
    ports = ports_of(request)
    with addresses_below("body", "authorization"):
        job = await approve_deletions(ports, _refer(caller, job_id), body.to_login())
    return await show_job(_failures_for(request, caller), job)


def _failures_for(request: Request, caller: Caller) -> FailureReports:
    return FailureReports(ports_of(request), caller.sight)


def _refer(caller: Caller, job_id: str) -> JobRef:
    if not is_job_id(job_id):
        raise NotFoundError("no such job; GET /v2/confluence/jobs lists yours")
    return JobRef(caller.tenant, JobId(job_id))
