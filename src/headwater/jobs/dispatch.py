"""Giving stored jobs their turn, and an end to those that the engine is done with and that have none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import structlog

from headwater.domain.jobs import JobRef, JobStatus
from headwater.jobs.hands import lend
from headwater.jobs.runtime import Runtime
from headwater.jobs.turns import WORTH_A_HAND, Helpable, choose_helped, choose_jobs
from headwater.jobs.workbench import (
    JOBS_AT_ONCE,
    Load,
    read_ends,
    read_load,
    read_survey,
    start_job,
)
from headwater.ports import OpenJob, Ports
from headwater.services.sync.ending import fail
from headwater.services.sync.run import read_open_job

_log = structlog.get_logger("headwater.jobs")


@dataclass(slots=True)
class Dispatcher:
    """Gives turns in the name of one process, and its hands to the jobs of others."""

    ports: Ports
    runtime: Runtime
    _unclosable: set[JobRef] = field(default_factory=set)
    _unhelpable: set[JobRef] = field(default_factory=set)

    async def give_turns(self) -> None:
        """Start as many jobs as this process has places for; help others with the places left over."""
        listed = await self.ports.jobs.list_open()
        open_jobs = [job for job in listed if job.ref not in self._unclosable]
        if not open_jobs:
            self.runtime.is_crowded = False
            return
        load = await read_load()
        room = self._count_room(load)
        engaged = {job.ref for job in open_jobs if load.engages(job.ref)}
        chosen = choose_jobs(open_jobs, engaged, room=room)
        # One more than there is room for is chosen only if it waits.
        self.runtime.is_crowded = len(choose_jobs(open_jobs, engaged, room=room + 1)) > room
        left = [job for job in open_jobs if _is_left(job) and job.ref not in engaged]
        ended = await self._close_ended([*chosen, *left])
        for job in chosen:
            if job.ref not in ended:
                await start_job(job)
        if room > len(chosen):
            await self._lend_hands(open_jobs, load, room - len(chosen))

    def _count_room(self, load: Load) -> int:
        taken = load.count_taken(self.runtime.hand.name) + len(self.runtime.helping)
        return max(0, JOBS_AT_ONCE - taken)

    async def _lend_hands(self, open_jobs: Sequence[OpenJob], load: Load, room: int) -> None:
        seat = self.runtime.hand.name
        helpable = [
            await self._look_at(job)
            for job in open_jobs
            if load.is_elsewhere(job.ref, seat) and self._may_help(job)
        ]
        for job in choose_helped(helpable, room=room):
            survey = await read_survey(job.ref)
            if survey and self._may_help(job):
                lend(self.runtime, job.ref, survey, self._unhelpable)

    def _may_help(self, job: OpenJob) -> bool:
        runtime = self.runtime
        is_here = job.ref in runtime.owned or job.ref in runtime.helping
        is_open = job.status is JobStatus.RUNNING and job.ref not in self._unhelpable
        return is_open and not is_here and not runtime.stopping

    async def _look_at(self, job: OpenJob) -> Helpable:
        work = self.ports.work
        free = await work.count_free(job.ref, up_to=WORTH_A_HAND)
        hands = await work.hands(job.ref) if free >= WORTH_A_HAND else frozenset()
        return Helpable(job, free, len(hands))

    async def _close_ended(self, jobs: Sequence[OpenJob]) -> set[JobRef]:
        """Fail the jobs that the engine will not run again, and return them."""
        ends = await read_ends({job.ref for job in jobs})
        for ref, how in ends.items():
            await self._close(ref, how)
        return set(ends)

    async def _close(self, ref: JobRef, how: str) -> None:
        if (await read_open_job(self.ports, ref)).status.is_final:
            return  # it ended while the engine was being asked
        error_id = uuid4().hex
        log = _log.bind(job_id=ref.job_id, error_id=error_id)
        log.error("job given up", workflow=how)
        try:
            await fail(self.ports, ref, error_id)
        except Exception:
            # The boundary of a job: what is wrong with this one must not keep others from their turn.
            log.exception("job cannot be closed")
            self._unclosable.add(ref)


def _is_left(job: OpenJob) -> bool:
    """Tell whether a job that the engine does not have should make one ask why."""
    return job.status is JobStatus.RUNNING
