"""Giving stored jobs their turn, and an end to those that the engine is done with and that have none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import structlog

from headwater.domain.jobs import JobRef, JobStatus
from headwater.jobs.turns import choose_jobs
from headwater.jobs.workbench import read_ends, read_load, start_job
from headwater.ports import OpenJob, Ports
from headwater.services.sync.ending import fail
from headwater.services.sync.run import read_open_job

_log = structlog.get_logger("headwater.jobs")


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Gives turns in the name of the process on one seat."""

    ports: Ports
    seat: str
    _unclosable: set[JobRef] = field(default_factory=set)

    async def give_turns(self) -> None:
        """Start as many jobs as this process has places for."""
        listed = await self.ports.jobs.list_open()
        open_jobs = [job for job in listed if job.ref not in self._unclosable]
        if not open_jobs:
            return
        load = await read_load(self.seat)
        engaged = {job.ref for job in open_jobs if load.engages(job.ref)}
        chosen = choose_jobs(open_jobs, engaged, room=load.room)
        left = [job for job in open_jobs if _is_left(job) and job.ref not in engaged]
        ended = await self._close_ended([*chosen, *left])
        for job in chosen:
            if job.ref not in ended:
                await start_job(job)

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
