"""The job engine: durable execution on DBOS, one lane per space, turns shared out between tenants.

The catalog says which jobs there are; DBOS stores how far each job at work has come, and repeats it
when the same executor starts again. Ours are: whose turn it is (``turns``), an executor name that a
restarted process gets back (``executors``), and looking after jobs whose process does not come back.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from dbos import DBOS, DBOSConfig

from headwater.domain.errors import ConfigError
from headwater.domain.jobs import JobRef
from headwater.jobs.chores import Chore, keep_doing
from headwater.jobs.database import JobDatabase, explaining, waiting_for
from headwater.jobs.dispatch import Dispatcher
from headwater.jobs.executors import Seat, hold_abandoned_seats, take_seat
from headwater.jobs.runtime import Runtime, clear_runtime, set_runtime
from headwater.jobs.serialization import JsonSerializer
from headwater.jobs.workbench import JOBS_AT_ONCE, open_queue, take_over
from headwater.ports import Ports
from headwater.services.credentials import remove_expired_credentials
from headwater.services.removal import carry_out_deletions
from headwater.services.schedules import start_due

TURN_SECONDS: Final = 1.0
"""How soon at the latest a job is seen that another process has stored."""

SCHEDULE_SECONDS: Final = 5.0
TAKE_OVER_SECONDS: Final = 5.0
SWEEP_SECONDS: Final = 3600.0
PARKING_SECONDS: Final = 10.0
"""How long a stop waits for the jobs at work to let go; what does not is cut off with the process."""

_log = structlog.get_logger("headwater.jobs")


class JobEngine:
    """Runs stored jobs in this process. ``start`` it on the event loop that the ports live on."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self._folder = folder
        self._database = JobDatabase(folder, database_url)
        self._seat: Seat | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._runtime: Runtime | None = None
        self._dispatcher: Dispatcher | None = None

    async def start(self, ports: Ports) -> None:
        """Take a seat, start executing, and go on with every job that was answered for.

        ``ConfigError`` where its database cannot be used.
        """
        self._runtime = runtime = Runtime(ports)
        set_runtime(runtime)
        with explaining(self._database):
            self._seat = seat = await asyncio.to_thread(take_seat, self._folder / "seats")
            _launch(self._database, seat)
        await open_queue()
        self._supervisor = asyncio.create_task(keep_doing(self._make_chores(runtime, seat)))
        self._supervisor.add_done_callback(_report_end)

    async def stop(self) -> None:
        """Stop executing. Jobs at work are parked where they are and go on at the next start."""
        if self._supervisor:
            await _cancel({self._supervisor})
        left = await self._park()
        await asyncio.to_thread(DBOS.destroy)
        # The engine put its own thread pool under this loop and took it along; others still need one.
        pool = ThreadPoolExecutor(thread_name_prefix="headwater")
        asyncio.get_running_loop().set_default_executor(pool)
        clear_runtime()
        if self._seat and not left:
            self._seat.release()

    async def _park(self) -> int:
        """Let the jobs at work go; return how many would not.

        Those run until the process ends, so its seat must not pass for abandoned before.
        """
        if self._runtime is None:
            return 0
        self._runtime.stopping = True
        left = await _cancel(self._runtime.running)
        if left:
            _log.warning("jobs do not let go; they are cut off and go on later", jobs=left)
        return left

    async def enqueue(self, ref: JobRef) -> None:
        """See that a stored job is executed when its turn comes, which may be now.

        ``RetryableError`` when that cannot be told.
        """
        _log.debug("job stored", job_id=ref.job_id)
        if self._dispatcher and self._runtime and len(self._runtime.running) < JOBS_AT_ONCE:
            with waiting_for(self._database):
                await self._dispatcher.give_turns()

    async def check(self) -> None:
        """Raise unless jobs can be stored and this process executes them."""
        if self._supervisor is None or self._supervisor.done():
            raise ConfigError("the job engine is not running; restart this process")
        with waiting_for(self._database):
            await DBOS.list_workflows_async(limit=1)

    def _make_chores(self, runtime: Runtime, seat: Seat) -> list[Chore]:
        dispatcher = Dispatcher(runtime.ports, seat.name)
        self._dispatcher = dispatcher
        return [
            Chore("give jobs their turn", TURN_SECONDS, dispatcher.give_turns, runtime.freed),
            Chore("start what is due", SCHEDULE_SECONDS, partial(_start_due, runtime.ports)),
            Chore("take over jobs", TAKE_OVER_SECONDS, partial(self._take_over, seat)),
            Chore("carry out deletions", TAKE_OVER_SECONDS, partial(_carry_out, runtime.ports)),
            Chore("forget credentials", SWEEP_SECONDS, partial(_sweep_credentials, runtime.ports)),
        ]

    async def _take_over(self, seat: Seat) -> None:
        with hold_abandoned_seats(self._folder / "seats", seat) as seats:
            if count := await take_over(seats):
                _log.warning("taking over jobs of a process that is gone", jobs=count)


def _launch(database: JobDatabase, seat: Seat) -> None:
    DBOS(
        config=DBOSConfig(
            **database.prepare(),
            name="headwater",
            # Workflow code changes by release; a stored job must go on under the next one.
            application_version="1",
            executor_id=seat.name,
            serializer=JsonSerializer(),
            log_level="WARNING",
        )
    )
    # Launched on the loop's own thread, workflows run on this loop and share its ports.
    DBOS.launch()


async def _start_due(ports: Ports) -> None:
    for ref in await start_due(ports):
        _log.info("job started by its schedule", job_id=ref.job_id)


async def _sweep_credentials(ports: Ports) -> None:
    if removed := await remove_expired_credentials(ports):
        _log.info("expired credentials removed", credentials=removed)


async def _carry_out(ports: Ports) -> None:
    if removed := await carry_out_deletions(ports):
        _log.info("deletions carried out", documents=removed)


def _report_end(supervisor: "asyncio.Task[None]") -> None:
    """Log why nobody looks after jobs any more; the health check says that it is so."""
    if not supervisor.cancelled() and (error := supervisor.exception()):
        _log.error("the job engine does not look after jobs any more", exc_info=error)


async def _cancel(tasks: "set[asyncio.Task[object]] | set[asyncio.Task[None]]") -> int:
    """Cancel the tasks, wait for them within the bound, and return how many did not end."""
    for task in tasks:
        task.cancel()
    if not tasks:
        return 0
    _, pending = await asyncio.wait(tasks, timeout=PARKING_SECONDS)
    return len(pending)
