"""Whose turn it is: a decision over all open jobs at once."""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from headwater.domain.jobs import JobRef
from headwater.ports import OpenJob


def choose_jobs(
    open_jobs: Sequence[OpenJob], engaged: AbstractSet[JobRef], *, room: int
) -> list[OpenJob]:
    """Return the jobs to start now, at most ``room``.

    ``open_jobs`` come oldest first; ``engaged`` are those at work or about to be. A lane does one job
    at a time, its oldest. Among lanes, those of the tenant with the fewest jobs engaged come first,
    then the oldest job: however much one tenant has queued, the first job of another waits for one
    free place only.
    """
    heads = _idle_heads(open_jobs, engaged)
    load = Counter(job.ref.tenant for job in open_jobs if job.ref in engaged)
    chosen: list[OpenJob] = []
    while heads and len(chosen) < room:
        job = min(heads, key=lambda head: load[head.ref.tenant])
        heads.remove(job)
        load[job.ref.tenant] += 1
        chosen.append(job)
    return chosen


def _idle_heads(open_jobs: Sequence[OpenJob], engaged: AbstractSet[JobRef]) -> list[OpenJob]:
    """Return the oldest job of each lane that does nothing yet."""
    taken = {job.lane for job in open_jobs if job.ref in engaged}
    heads = []
    for job in open_jobs:
        if job.lane not in taken:
            taken.add(job.lane)
            heads.append(job)
    return heads
