"""Jobs: the list, one of them as it happens, and what can be done about it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sse_starlette import EventSourceResponse

from headwater.adapters.tokens.callers import Permission
from headwater.console.job_story import TONES, tell_job
from headwater.console.job_stream import stream_job
from headwater.console.parameters import read_parameter
from headwater.console.rendering import render
from headwater.console.visits import Visit, admit, admit_form, gate_of, is_stopping, ports_of
from headwater.domain.errors import InvalidInputError, NotFoundError
from headwater.domain.ids import JobId, SpaceKey, is_job_id
from headwater.domain.jobs import Job, JobRef, JobStatus
from headwater.ports import Ports
from headwater.services.credentials import Login, find_credential
from headwater.services.failure_reports import FailureReports
from headwater.services.job_followups import approve_deletions, list_held, retry_failed
from headwater.services.job_reports import cancel_job, list_jobs

JOBS_PER_PAGE: Final = 30
FAILURES_PER_PAGE: Final = 100

_AUTHORIZATION: Final = ("body", "authorization")
"""Where the services miss a credential: where the API's requests would bring one."""

router = APIRouter(prefix="/jobs")


@router.get("")
async def show_jobs(request: Request) -> Response:
    """Show the tenant's jobs, newest first."""
    visit = await admit(request)
    space, status = read_parameter(request, "space").strip(), read_parameter(request, "status")
    cursor = read_parameter(request, "cursor")
    page = await list_jobs(
        ports_of(request).jobs,
        visit.tenant,
        space=SpaceKey(space) if space else None,
        status=JobStatus(status) if status in set(JobStatus) else None,
        cursor=cursor or None,
        limit=JOBS_PER_PAGE,
    )
    now = ports_of(request).now()
    stories = [tell_job(job, now) for job in page.jobs]
    return render(
        request,
        "jobs.html",
        stories=stories,
        next=page.next,
        space=space,
        status=status,
        statuses=list(TONES),
        is_live=not cursor and any(not story.job.status.is_final for story in stories),
    )


@router.get("/{job_id}")
async def show_job(request: Request, job_id: str) -> Response:
    """Show one job; while it is open the page keeps up with it."""
    visit = await admit(request)
    ports = ports_of(request)
    job = await _read(ports, visit, job_id)
    page = await FailureReports(ports, visit.sight).read_page(job.ref)
    return render(request, "job.html", story=tell_job(job, ports.now()), page=page)


@router.get("/{job_id}/events")
async def follow_job(request: Request, job_id: str) -> Response:
    """Follow a job as server-sent events until it is finished."""
    visit = await admit(request)
    ports, streams = ports_of(request), gate_of(request).streams
    job = await _read(ports, visit, job_id)
    streams.check_room(visit.tenant)

    def may_go_on() -> bool:
        return time.time() < visit.caller.expires_at and not is_stopping(request.app)

    failures = FailureReports(ports, visit.sight)
    told = stream_job(request, failures, job, may_go_on=may_go_on)
    return EventSourceResponse(streams.count(visit.tenant, told))


@router.get("/{job_id}/failures")
async def show_failures(request: Request, job_id: str) -> Response:
    """Show every document that a job could not bring in, oldest first."""
    visit = await admit(request)
    ports = ports_of(request)
    job = await _read(ports, visit, job_id)
    cursor = read_parameter(request, "cursor")
    failures = FailureReports(ports, visit.sight)
    page = await failures.read_page(job.ref, cursor=cursor or None, limit=FAILURES_PER_PAGE)
    return render(request, "failures.html", job=job, page=page)


@router.post("/{job_id}/cancel")
async def cancel(request: Request, job_id: str) -> Response:
    """Ask a job to stop."""
    visit, _ = await admit_form(request)
    ports = ports_of(request)
    job = await _read(ports, visit, job_id)
    await cancel_job(ports, job.ref)
    return _lead_to(request, job.ref.job_id)


@router.post("/{job_id}/retry")
async def retry(request: Request, job_id: str) -> Response:
    """Try again what failed in a job, and show the job that does it."""
    visit, _ = await admit_form(request)
    ports = ports_of(request)
    job = await _read(ports, visit, job_id)
    login = await _choose_login(ports, visit, job)
    with _asking_to_connect(job):
        return _lead_to(request, await retry_failed(ports, job.ref, login))


@router.get("/{job_id}/held")
async def show_held(request: Request, job_id: str) -> Response:
    """Show what would be removed if the held deletions were approved.

    Titles of all there is: nothing for somebody who may only find what he may read.
    """
    visit = await admit(request, Permission.WRITE)
    ports = ports_of(request)
    job = await _read(ports, visit, job_id)
    return render(
        request, "held.html", story=tell_job(job, ports.now()), held=await list_held(ports, job)
    )


@router.post("/{job_id}/approve")
async def approve(request: Request, job_id: str) -> Response:
    """Carry out the deletions that the job's space holds."""
    visit, _ = await admit_form(request)
    ports = ports_of(request)
    job = await _read(ports, visit, job_id)
    login = await _choose_login(ports, visit, job)
    with _asking_to_connect(job):
        await approve_deletions(ports, job.ref, login)
    return _lead_to(request, job.ref.job_id)


async def _choose_login(ports: Ports, visit: Visit, job: Job) -> Login | None:
    """Return ``None`` where the job's own credential is kept, else what this session is connected by."""
    return None if await find_credential(ports, job) else visit.session.login


@contextmanager
def _asking_to_connect(job: Job) -> Iterator[None]:
    """Say where to give a credential, where none is kept or the session's opens another Confluence."""
    try:
        yield
    except InvalidInputError as error:
        if error.loc[:2] != _AUTHORIZATION:
            raise
        text = (
            "The credential of this job is no longer kept. Open Connect, connect to "
            f"{job.request.address.instance_url}, and come back."
        )
        raise InvalidInputError(("form",), text) from error


async def _read(ports: Ports, visit: Visit, job_id: str) -> Job:
    """Return the tenant's job of this id; ``NotFoundError`` for another tenant's, as for none."""
    known = is_job_id(job_id) and await ports.jobs.find(JobRef(visit.tenant, JobId(job_id)))
    if not known:
        raise NotFoundError("There is no such job; the list of jobs shows yours.")
    return known


def _lead_to(request: Request, job_id: JobId) -> Response:
    return RedirectResponse(f"{request.scope['root_path']}/jobs/{job_id}", 303)
