"""The upload workflow. It orders; each step calls one service function.

The engine replays a workflow after a crash and takes the answers of finished steps from its store, so
steps take and return plain data, and no credential is ever among it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog
from dbos import DBOS

from headwater.domain.errors import HeadwaterError
from headwater.domain.ids import JobId, TenantId
from headwater.domain.jobs import JobRef
from headwater.jobs.runtime import current_runtime
from headwater.ports import Ports
from headwater.services.credentials import remove_credential
from headwater.services.sync.ending import abort, fail, finish
from headwater.services.sync.gathering import gather
from headwater.services.sync.processing import bring_in
from headwater.services.sync.reconciling import reconcile
from headwater.services.sync.run import read_open_job
from headwater.services.sync.survey import Survey, survey_from_plain

Plain = dict[str, Any]
_log = structlog.get_logger("headwater.jobs")


@DBOS.workflow(name="upload")
async def upload_workflow(tenant: str, job_id: str) -> str:
    """Run one upload from its first look at Confluence to its end; return how it ended."""
    running = current_runtime().running
    if task := asyncio.current_task():
        running.add(task)
        task.add_done_callback(running.discard)
    survey = await gather_step(tenant, job_id)
    if survey is None:
        return "ended early"
    for step in (bring_in_step, reconcile_step, finish_step):
        if not await step(tenant, job_id, survey):
            return "ended early"
    return "finished"


@DBOS.step(name="gather")
async def gather_step(tenant: str, job_id: str) -> Plain | None:
    """List and plan; ``None`` when the job is over already."""
    ref = JobRef(TenantId(tenant), JobId(job_id))
    ports = current_runtime().ports
    job = await read_open_job(ports, ref)
    if job.status.is_final:
        await remove_credential(ports, job)
        return None
    surveys: list[Survey] = []

    async def call(ports: Ports, ref: JobRef) -> None:
        surveys.append(await gather(ports, ref))

    return surveys[0].to_plain() if await _attempt("gather", ref, call) else None


@DBOS.step(name="bring_in")
async def bring_in_step(tenant: str, job_id: str, survey: Plain) -> bool:
    """Carry out what was decided for each document."""
    return await _attempt_with("bring_in", bring_in, tenant, job_id, survey)


@DBOS.step(name="reconcile")
async def reconcile_step(tenant: str, job_id: str, survey: Plain) -> bool:
    """Remove what is proven gone."""
    return await _attempt_with("reconcile", reconcile, tenant, job_id, survey)


@DBOS.step(name="finish")
async def finish_step(tenant: str, job_id: str, survey: Plain) -> bool:
    """Close the job."""
    return await _attempt_with("finish", finish, tenant, job_id, survey)


async def _attempt_with(
    step: str,
    service: Callable[[Ports, JobRef, Survey], Awaitable[None]],
    tenant: str,
    job_id: str,
    survey: Plain,
) -> bool:
    ref = JobRef(TenantId(tenant), JobId(job_id))
    return await _attempt(
        step, ref, lambda ports, ref: service(ports, ref, survey_from_plain(survey))
    )


async def _attempt(
    step: str, ref: JobRef, call: Callable[[Ports, JobRef], Awaitable[None]]
) -> bool:
    """Run one step; whatever it meets ends the job in a status that says so."""
    ports = current_runtime().ports
    started = monotonic()
    log = _log.bind(job_id=ref.job_id, step=step)
    try:
        await call(ports, ref)
    except HeadwaterError as error:
        await abort(ports, ref, error)
        log.warning("job ended early", reason=str(error), seconds=_since(started))
        return False
    except Exception:
        # The boundary of a job: a defect must end this job visibly and leave the others alone.
        error_id = uuid4().hex
        log.exception("job failed", error_id=error_id, seconds=_since(started))
        await fail(ports, ref, error_id)
        return False
    log.info("job step done", seconds=_since(started))
    return True


def _since(started: float) -> float:
    return round(monotonic() - started, 3)
