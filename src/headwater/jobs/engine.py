"""The job engine: durable execution on DBOS, one lane per space, turns shared out between tenants.

The catalog says which jobs there are; DBOS stores how far each job at work has come, and repeats it
when the same executor starts again. Ours are: whose turn it is (``turns``), which process has which
jobs and which are gone (``seats``), going on with the jobs of those, and helping with the documents of
a job that another process has (``hands``).
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import stamina
import structlog
from dbos import DBOS, DBOSConfig

from headwater.domain.errors import ConfigError, RetryableError
from headwater.domain.jobs import JobRef
from headwater.jobs.company import SharedSites
from headwater.jobs.database import JobDatabase, explaining, waiting_for
from headwater.jobs.engagement import Engagement, cancel
from headwater.jobs.fencing import Fence, fence_ports
from headwater.jobs.recovery import Recovery
from headwater.jobs.runtime import Runtime, clear_runtime, set_runtime
from headwater.jobs.seats import FileSeats, LeasedSeats, Seats
from headwater.jobs.serialization import JsonSerializer
from headwater.jobs.workbench import JOBS_AT_ONCE, open_queue
from headwater.ports import Ports, SeatBook
from headwater.services.sync.run import Hand

RESTART_WAIT: Final = 30.0
"""Seconds at most between two attempts to begin anew."""

_log = structlog.get_logger("headwater.jobs")


class JobEngine:
    """Runs stored jobs in this process. ``start`` it on the event loop that the ports live on."""

    def __init__(
        self,
        folder: Path,
        database_url: str | None = None,
        book: SeatBook | None = None,
        *,
        sites: SharedSites | None = None,
    ) -> None:
        """Keep jobs in a folder, or at ``database_url`` where ``book`` says which processes live.

        ``sites`` are told of the processes that share them with this one.
        """
        self._sites = sites
        self._folder = folder
        self._database = JobDatabase(folder, database_url)
        self._book = book
        self._engagement: Engagement | None = None
        self._restarting: asyncio.Task[None] | None = None

    @property
    def seat(self) -> str | None:
        """The name of this process among those that execute jobs, while it does."""
        return self._engagement.seats.name if self._engagement else None

    @property
    def workers(self) -> int:
        """How many processes execute jobs, as far as this one has seen."""
        return self._engagement.seats.workers if self._engagement else 1

    async def start(self, ports: Ports) -> None:
        """Take a seat, start executing, and go on with every job that was answered for.

        ``ConfigError`` where its database cannot be used.
        """
        seats = self._make_seats(ports)
        runtime = Runtime(ports=fence_ports(ports, Fence(seats)))
        set_runtime(runtime)
        recovery = Recovery(runtime, self._database)
        self._engagement = engagement = Engagement(ports, seats, runtime, recovery, self._sites)
        with explaining(self._database):
            await seats.take()
            runtime.hand = Hand(seats.name, lambda: seats.workers)
            _launch(self._database, seats.name)
        await open_queue()
        engagement.look_after_jobs(when_lost=lambda: self._begin_anew(ports))

    def _make_seats(self, ports: Ports) -> Seats:
        if self._book:
            return LeasedSeats(self._book)
        return FileSeats(self._folder / "seats", ports.work)

    async def stop(self) -> None:
        """Stop executing. Jobs at work are parked where they are and go on at the next start."""
        if self._restarting:
            await cancel({self._restarting})
        await self._disengage()

    async def _disengage(self) -> None:
        engagement, self._engagement = self._engagement, None
        left = await engagement.park() if engagement else 0
        await asyncio.to_thread(DBOS.destroy)
        # The engine put its own thread pool under this loop and took it along; others still need one.
        pool = ThreadPoolExecutor(thread_name_prefix="headwater")
        asyncio.get_running_loop().set_default_executor(pool)
        clear_runtime()
        if engagement and not left:
            # What does not let go runs until the process ends: its seat must not pass for free before.
            await engagement.leave_seat()

    def _begin_anew(self, ports: Ports) -> None:
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.create_task(self._restart(ports))

    async def _restart(self, ports: Ports) -> None:
        """Let go of everything, and start under a new name: what had the old one is others' by now."""
        _log.warning("this process passed for dead; its jobs go on elsewhere, and it begins anew")
        async for attempt in stamina.retry_context(
            on=(ConfigError, RetryableError), attempts=None, timeout=None, wait_max=RESTART_WAIT
        ):
            with attempt:
                await self._disengage()
                await self.start(ports)

    async def enqueue(self, ref: JobRef) -> None:
        """See that a stored job is executed when its turn comes, which may be now.

        ``RetryableError`` when that cannot be told.
        """
        _log.debug("job stored", job_id=ref.job_id)
        if self._engagement and len(self._engagement.runtime.running) < JOBS_AT_ONCE:
            with waiting_for(self._database):
                await self._engagement.dispatcher.give_turns()

    async def check(self) -> None:
        """Raise unless jobs can be stored and this process executes them."""
        if self._engagement is None or not self._engagement.is_looked_after:
            raise ConfigError("the job engine is not running; restart this process")
        with waiting_for(self._database):
            await DBOS.list_workflows_async(limit=1)
        await asyncio.to_thread(self._database.check_room)


def _launch(database: JobDatabase, seat: str) -> None:
    DBOS(
        config=DBOSConfig(
            **database.prepare(),
            name="headwater",
            # Workflow code changes by release; a stored job must go on under the next one.
            application_version="1",
            executor_id=seat,
            serializer=JsonSerializer(),
            log_level="WARNING",
        )
    )
    # Launched on the loop's own thread, workflows run on this loop and share its ports.
    DBOS.launch()
