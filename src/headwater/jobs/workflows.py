"""The upload workflow. It orders; each step calls one service function.

The engine replays a workflow after a crash and takes the answers of finished steps from its store, so
steps take and return plain data, and no credential is ever among it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from time import monotonic
from typing import Any, Final, TypeVar
from uuid import uuid4

import stamina
import structlog
from dbos import DBOS
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from headwater.domain.errors import ClaimLostError, HeadwaterError, RetryableError
from headwater.domain.ids import JobId, TenantId
from headwater.domain.jobs import Job, JobChange, JobRef
from headwater.jobs.runtime import Runtime, current_runtime
from headwater.ports import Ports
from headwater.services.credentials import settle_credential
from headwater.services.sync.ending import abort, fail, finish, give_up
from headwater.services.sync.gathering import gather
from headwater.services.sync.processing import bring_in
from headwater.services.sync.reconciling import reconcile
from headwater.services.sync.run import read_open_job
from headwater.services.sync.stopping import check_room
from headwater.services.sync.survey import Survey, survey_from_plain

Plain = dict[str, Any]

GATHER: Final = "gather"

CATALOG_WAIT: Final = 30.0
"""Seconds at most between two attempts to write how a job ended."""

AWAY_ATTEMPTS: Final = 120
"""How often a step is taken up again because a backend is away: an hour of waiting in all."""

MAX_STARTS: Final = 20
"""How often a job may begin without settling one document: more, and it is what ends the process."""

WAITING: Final = "waiting, to go on by itself"
ADVICE: Final = "see that its disk has room and can be written"

T = TypeVar("T")

_log = structlog.get_logger("headwater.jobs")


@DBOS.workflow(name="upload", max_recovery_attempts=None)
async def upload_workflow(tenant: str, job_id: str) -> str:
    """Run one upload from its first look at Confluence to its end; return how it ended."""
    runtime, ref = current_runtime(), JobRef(TenantId(tenant), JobId(job_id))
    await _check_in(runtime, ref)
    with _parking_when_lost():
        job = await _begin(ref)
    if job is None:
        return "given up"
    with runtime.ports.tracer.span("job", parent=job.trace, job_id=job_id, starts=job.starts):
        async with _parking_when_not_noted(runtime.ports, ref):
            return await _run_steps(tenant, job_id)


async def _run_steps(tenant: str, job_id: str) -> str:
    survey = await gather_step(tenant, job_id)
    if survey is None:
        return "ended early"
    for step in (bring_in_step, reconcile_step, finish_step):
        if not await step(tenant, job_id, survey):
            return "ended early"
    return "finished"


async def _check_in(runtime: Runtime, ref: JobRef) -> None:
    """Let the engine park this workflow when the process stops; park it at once if it stops already."""
    if runtime.stopping:
        raise asyncio.CancelledError
    if task := asyncio.current_task():
        await runtime.check_in_workflow(ref, task)


@contextmanager
def _parking_when_lost() -> Iterator[None]:
    """Leave a job as it is that is another process's by now, as one is left when a process stops."""
    try:
        yield
    except ClaimLostError as error:
        raise asyncio.CancelledError(str(error)) from error


@asynccontextmanager
async def _parking_when_not_noted(ports: Ports, ref: JobRef) -> AsyncIterator[None]:
    """Leave a job as it is while the engine cannot note how far it has come; ``recovery`` goes on with it.

    A step raises nothing of the kind: what raises here is the engine, writing down what a step returned.
    """
    try:
        yield
    except SQLAlchemyError as error:
        reason = f"the job engine's database takes no writes ({_name_cause(error)}); {ADVICE}"
        _log.warning("job waits", job_id=ref.job_id, reason=reason)
        await _tell(ports, ref, f"{WAITING}: {reason}")
        raise asyncio.CancelledError(reason) from error


def _name_cause(error: SQLAlchemyError) -> object:
    return error.orig if isinstance(error, DBAPIError) else type(error).__name__


async def _begin(ref: JobRef) -> Job | None:
    """Count this start and return the job, or give it up if it often began without getting anywhere.

    No step: a step would be counted once and replayed. Whatever ended the process may have been this
    job, and would take the process down for ever.
    """
    ports = current_runtime().ports
    job = await _insist(partial(_count_start, ports, ref))
    if job.starts <= MAX_STARTS:
        return job
    error_id = uuid4().hex
    _log.error("job given up", job_id=ref.job_id, error_id=error_id, starts=job.starts)
    await _insist(partial(give_up, ports, ref, error_id))
    return None


async def _count_start(ports: Ports, ref: JobRef) -> Job:
    await ports.jobs.change(ref, JobChange(starts=1))
    job = await read_open_job(ports, ref)
    if (job.message or "").startswith(WAITING):
        await ports.jobs.change(ref, JobChange(message=""))  # what an earlier start waited for
    return job


@DBOS.step(name=GATHER)
async def gather_step(tenant: str, job_id: str) -> Plain | None:
    """List and plan; ``None`` when the job is over already."""
    ref = JobRef(TenantId(tenant), JobId(job_id))
    surveys: list[Survey] = []

    async def call(ports: Ports, ref: JobRef) -> None:
        job = await read_open_job(ports, ref)
        if job.status.is_final:
            await settle_credential(ports, job)
        else:
            surveys.append(await gather(ports, ref))

    is_done = await _attempt(GATHER, ref, call)
    return surveys[0].to_plain() if is_done and surveys else None


@DBOS.step(name="bring_in")
async def bring_in_step(tenant: str, job_id: str, survey: Plain) -> bool:
    """Carry out what was decided for each document, beside the hands that other processes lend."""
    runtime, ref = current_runtime(), JobRef(TenantId(tenant), JobId(job_id))
    await runtime.own(ref)
    try:
        return await _attempt_with(
            "bring_in", partial(bring_in, hand=runtime.hand), tenant, job_id, survey
        )
    finally:
        runtime.owned.discard(ref)


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
    with _parking_when_lost():
        try:
            with ports.tracer.span(f"step {step}"):
                await _take_up(ports, ref, call)
        except ClaimLostError:
            raise
        except HeadwaterError as error:
            log.warning("job ends early", reason=str(error), seconds=_since(started))
            await _insist(partial(abort, ports, ref, error))
            return False
        except Exception:
            # The boundary of a job: a defect must end this job visibly and leave the others alone.
            error_id = uuid4().hex
            log.exception("job failed", error_id=error_id, seconds=_since(started))
            await _insist(partial(fail, ports, ref, error_id))
            return False
    log.info("job step done", seconds=_since(started))
    return True


async def _take_up(
    ports: Ports, ref: JobRef, call: Callable[[Ports, JobRef], Awaitable[None]]
) -> None:
    """Run a step; where a backend is away, say so, wait, and take it up where it stands, as after a crash."""
    async for attempt in stamina.retry_context(
        on=RetryableError, attempts=AWAY_ATTEMPTS, timeout=None, wait_max=CATALOG_WAIT
    ):
        with attempt:
            try:
                await check_room(ports, ref)
                await call(ports, ref)
            except RetryableError as error:
                await _tell(ports, ref, f"{WAITING}: {error}")
                raise
    if attempt.num > 1:
        await _tell(ports, ref, "")


async def _tell(ports: Ports, ref: JobRef, message: str) -> None:
    """Say on the job what it waits for; what cannot be said there, the catalog being away, is logged."""
    try:
        await ports.jobs.change(ref, JobChange(message=message))
    except RetryableError as error:
        _log.warning("job waits", job_id=ref.job_id, waits_for=message, reason=str(error))


async def _insist(call: Callable[[], Awaitable[T]]) -> T:
    """Do something to a job, however long the catalog is away: one without an ending never ends."""
    async for attempt in stamina.retry_context(
        on=RetryableError, attempts=None, timeout=None, wait_max=CATALOG_WAIT
    ):
        with attempt:
            return await call()
    raise AssertionError("a retry context ends by returning or raising")


def _since(started: float) -> float:
    return round(monotonic() - started, 3)
