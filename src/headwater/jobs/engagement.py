"""What a process does from its seat: its jobs, and what it does over and over beside them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from headwater.domain.errors import RetryableError
from headwater.jobs.chores import Chore, keep_doing
from headwater.jobs.company import SharedSites, make_sharing
from headwater.jobs.dispatch import Dispatcher
from headwater.jobs.recovery import Recovery
from headwater.jobs.runtime import Runtime
from headwater.jobs.seats import BEAT_SECONDS, Seats
from headwater.jobs.workbench import forget_ended, take_over
from headwater.ports import Ports
from headwater.services.credentials import remove_expired_credentials
from headwater.services.removal import carry_out_deletions
from headwater.services.schedules import Timetable, start_due

TURN_SECONDS: Final = 1.0
"""How soon at the latest a job is seen that another process has stored."""

SCHEDULE_SECONDS: Final = 5.0
TAKE_OVER_SECONDS: Final = 5.0
SWEEP_SECONDS: Final = 3600.0
WORKFLOWS_KEPT: Final = timedelta(days=7)
"""How long the engine's own records of a job outlive it, for whoever looks into what went wrong."""

PARKING_SECONDS: Final = 10.0
"""How long a stop waits for the jobs at work to let go; what does not is cut off with the process."""

_log = structlog.get_logger("headwater.jobs")


class Engagement:
    """A started engine's seat, and all that is done from it."""

    def __init__(
        self,
        ports: Ports,
        seats: Seats,
        runtime: Runtime,
        recovery: Recovery,
        sites: SharedSites | None,
    ) -> None:
        self._ports = ports
        self._recovery = recovery
        self._sites = sites
        self.seats = seats
        self.runtime = runtime
        self.dispatcher = Dispatcher(ports, runtime)
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def is_looked_after(self) -> bool:
        """Whether jobs get their turns."""
        return self._supervisor is not None and not self._supervisor.done()

    def look_after_jobs(self, *, when_lost: Callable[[], None]) -> None:
        """Do what a process does over and over beside its jobs, until they are parked."""
        chores = self._make_chores(when_lost)
        if self._sites is not None:
            chores.append(make_sharing(self._sites, self.seats))
        self._supervisor = asyncio.create_task(keep_doing(chores))
        self._supervisor.add_done_callback(_report_end)

    async def park(self) -> int:
        """Let what is at work go where it is; return how much would not."""
        self.runtime.stopping = True
        if self._supervisor:
            await cancel({self._supervisor})
        left = await cancel(self.runtime.running)
        if left:
            _log.warning("jobs do not let go; they are cut off and go on later", jobs=left)
        return left

    async def leave_seat(self) -> None:
        """Give the seat back, or leave it to be found silent where nobody can be told."""
        try:
            await self.seats.leave()
        except RetryableError as error:
            _log.warning("cannot give the seat back; others will find it silent", reason=str(error))

    def _make_chores(self, when_lost: Callable[[], None]) -> list[Chore]:
        ports, turns = self._ports, self.dispatcher.give_turns
        return [
            Chore("keep the seat", BEAT_SECONDS, partial(self._keep_seat, when_lost)),
            Chore("give jobs their turn", TURN_SECONDS, turns, self.runtime.freed),
            Chore("start what is due", SCHEDULE_SECONDS, partial(_start_due, ports, Timetable())),
            Chore("take over jobs", TAKE_OVER_SECONDS, self._take_over),
            Chore("pick up jobs", TAKE_OVER_SECONDS, self._pick_up),
            Chore("carry out deletions", TAKE_OVER_SECONDS, partial(_carry_out, ports)),
            Chore("forget credentials", SWEEP_SECONDS, partial(_sweep_credentials, ports)),
            Chore("forget workflows", SWEEP_SECONDS, partial(_sweep_workflows, ports)),
        ]

    async def _keep_seat(self, when_lost: Callable[[], None]) -> None:
        if not await self.seats.keep():
            when_lost()

    async def _take_over(self) -> None:
        async with self.seats.hold_gone() as find_gone:
            if count := await take_over(find_gone):
                _log.warning("taking over jobs of a process that is gone", jobs=count)

    async def _pick_up(self) -> None:
        if count := await self._recovery.pick_up():
            _log.warning("going on with jobs that could not be noted down", jobs=count)


async def _start_due(ports: Ports, timetable: Timetable) -> None:
    for ref in await start_due(ports, timetable):
        _log.info("job started by its schedule", job_id=ref.job_id)


async def _sweep_credentials(ports: Ports) -> None:
    if removed := await remove_expired_credentials(ports):
        _log.info("expired credentials removed", credentials=removed)


async def _sweep_workflows(ports: Ports) -> None:
    if forgotten := await forget_ended(ports.now() - WORKFLOWS_KEPT):
        _log.info("ended workflows forgotten", workflows=forgotten)


async def _carry_out(ports: Ports) -> None:
    if removed := await carry_out_deletions(ports):
        _log.info("deletions carried out", documents=removed)


def _report_end(supervisor: "asyncio.Task[None]") -> None:
    """Log why nobody looks after jobs any more; the health check says that it is so."""
    if not supervisor.cancelled() and (error := supervisor.exception()):
        _log.error("the job engine does not look after jobs any more", exc_info=error)


async def cancel(tasks: "set[asyncio.Task[object]] | set[asyncio.Task[None]]") -> int:
    """Cancel the tasks, wait for them within the bound, and return how many did not end."""
    for task in tasks:
        task.cancel()
    if not tasks:
        return 0
    _, pending = await asyncio.wait(tasks, timeout=PARKING_SECONDS)
    return len(pending)
