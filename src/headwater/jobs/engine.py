"""The job engine: durable execution on DBOS, one lane per space.

DBOS stores each workflow before it answers and repeats the unfinished ones when the same executor
starts again. Two things are ours: an executor name that a restarted process gets back (``executors``),
and taking over the workflows of a process that does not come back.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Final
from uuid import uuid4

import sqlalchemy
import structlog
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from headwater.domain.errors import ConfigError, RetryableError
from headwater.domain.jobs import JobRef
from headwater.jobs.executors import Seat, hold_abandoned_seats, take_seat
from headwater.jobs.runtime import Runtime, clear_runtime, set_runtime
from headwater.jobs.serialization import JsonSerializer
from headwater.jobs.workflows import upload_workflow
from headwater.ports import Ports
from headwater.services.credentials import remove_expired_credentials
from headwater.services.sync.ending import fail
from headwater.services.uploads import lane_of

QUEUE: Final = "uploads"
JOBS_AT_ONCE: Final = 4
"""Jobs one process runs side by side; each is mostly waiting for Confluence or the embedder."""

TAKE_OVER_SECONDS: Final = 5.0
SWEEP_SECONDS: Final = 3600.0
POLL_SECONDS: Final = 0.2

GIVEN_UP: Final = {"ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}
"""How the engine names a workflow that it will not run again: one that broke, or killed its process
again and again."""

_log = structlog.get_logger("headwater.jobs")


class JobEngine:
    """Runs stored jobs in this process. ``start`` it on the event loop that the ports live on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seat: Seat | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._runtime: Runtime | None = None

    async def start(self, ports: Ports) -> None:
        """Take a seat, start executing, and go on with every job that was answered for.

        ``ConfigError`` where the folder cannot be used.
        """
        self._runtime = Runtime(ports)
        set_runtime(self._runtime)
        with _explaining(self._folder):
            self._seat = await asyncio.to_thread(take_seat, self._folder / "seats")
            self._launch(self._seat)
        await DBOS.register_queue_async(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=JOBS_AT_ONCE,
            polling_interval_sec=POLL_SECONDS,
        )
        await self._enqueue_open_jobs(ports)
        self._supervisor = asyncio.create_task(self._supervise(ports))

    async def stop(self) -> None:
        """Stop executing. Jobs at work are parked where they are and go on at the next start."""
        if self._supervisor:
            await _cancel({self._supervisor})
        if self._runtime:
            self._runtime.stopping = True
            await _cancel(self._runtime.running)
        await asyncio.to_thread(DBOS.destroy)
        # The engine put its own thread pool under this loop and took it along; others still need one.
        pool = ThreadPoolExecutor(thread_name_prefix="headwater")
        asyncio.get_running_loop().set_default_executor(pool)
        clear_runtime()
        if self._seat:
            self._seat.release()

    async def enqueue(self, ref: JobRef, *, lane: str) -> None:
        """Store the job for execution; a job that is stored already is left as it is.

        ``RetryableError`` when it could not be stored.
        """
        with (
            _waiting_for(self._folder),
            SetWorkflowID(_workflow_id(ref)),
            SetEnqueueOptions(queue_partition_key=lane),
        ):
            await DBOS.enqueue_workflow_async(QUEUE, upload_workflow, ref.tenant.value, ref.job_id)

    async def check(self) -> None:
        """Raise unless jobs can be stored and this process executes them."""
        if self._supervisor is None or self._supervisor.done():
            raise ConfigError("the job engine is not running; restart this process")
        with _waiting_for(self._folder):
            await DBOS.list_workflows_async(limit=1)

    def _launch(self, seat: Seat) -> None:
        path = self._folder / "jobs.db"
        _use_write_ahead_log(path)
        DBOS(
            config=DBOSConfig(
                name="headwater",
                system_database_url=f"sqlite:///{path}",
                # Workflow code changes by release; a stored job must go on under the next one.
                application_version="1",
                executor_id=seat.name,
                serializer=JsonSerializer(),
                log_level="WARNING",
            )
        )
        # Launched on the loop's own thread, workflows run on this loop and share its ports.
        DBOS.launch()

    async def _enqueue_open_jobs(self, ports: Ports) -> None:
        """Queue jobs that were stored but not yet queued when the process died."""
        for ref in await ports.jobs.list_open():
            workflow = await DBOS.get_workflow_status_async(_workflow_id(ref))
            job = await ports.jobs.find(ref)
            if workflow and workflow.status in GIVEN_UP:
                error_id = uuid4().hex
                _log.error(
                    "job given up", job_id=ref.job_id, error_id=error_id, why=workflow.status
                )
                await fail(ports, ref, error_id)
            elif job:
                await self.enqueue(ref, lane=lane_of(job))

    async def _supervise(self, ports: Ports) -> None:
        """Look after what nobody else does: stranded jobs, and credentials kept for long enough."""
        sweep_at = monotonic()
        while True:
            try:
                await self._take_over()
                if monotonic() >= sweep_at:
                    sweep_at = monotonic() + SWEEP_SECONDS
                    await _sweep_credentials(ports)
            except sqlalchemy.exc.SQLAlchemyError as error:
                _log.warning("cannot look for jobs to take over; trying again", reason=str(error))
            except RetryableError as error:
                _log.warning("cannot remove expired credentials; trying again", reason=str(error))
            await asyncio.sleep(TAKE_OVER_SECONDS)

    async def _take_over(self) -> None:
        if self._seat is None:
            return
        with hold_abandoned_seats(self._folder / "seats", self._seat) as seats:
            if not seats:
                return
            stranded = await DBOS.list_workflows_async(status="PENDING", executor_id=seats)
            ids = [workflow.workflow_id for workflow in stranded]
            if ids:
                _log.warning("taking over jobs of a process that is gone", jobs=len(ids))
                await DBOS.resume_workflows_async(ids, queue_name=QUEUE)


async def _sweep_credentials(ports: Ports) -> None:
    if removed := await remove_expired_credentials(ports):
        _log.info("expired credentials removed", credentials=removed)


@contextmanager
def _explaining(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        raise ConfigError(
            f"cannot keep jobs in {folder} ({error}); give this process write access, or restore the"
            " folder from a backup"
        ) from error


@contextmanager
def _waiting_for(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise RetryableError(
            f"the job database in {folder} does not answer; check disk and permissions"
        ) from error


def _workflow_id(ref: JobRef) -> str:
    return f"{ref.tenant}:{ref.job_id}"


def _use_write_ahead_log(path: Path) -> None:
    """Let readers and one writer work side by side; the mode stays with the file."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


async def _cancel(tasks: "set[asyncio.Task[object]] | set[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
