"""Whose turn it is: a decision over all open jobs at once."""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from headwater.domain.ids import TenantId
from headwater.domain.jobs import JobRef
from headwater.ports import OpenJob

WORTH_A_HAND: Final = 64
"""Documents that must be free for a hand to be lent: with fewer, whoever is there is done sooner."""


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


@dataclass(frozen=True, slots=True)
class Helpable:
    """A job at work in another process, with so many documents that nobody is at, and so many hands."""

    job: OpenJob
    free: int
    hands: int


def choose_helped(jobs: Sequence[Helpable], *, room: int) -> list[OpenJob]:
    """Return the jobs to lend a hand to, at most ``room``.

    As with turns, the tenant comes first that has the fewest hands, then the job that has, then the
    oldest; one hand of a process at each is enough, for it never waits for its own.
    """
    waiting = [item for item in jobs if item.free >= WORTH_A_HAND]
    hands = Counter[TenantId]()
    for item in jobs:
        hands[item.job.ref.tenant] += item.hands
    chosen: list[OpenJob] = []
    while waiting and len(chosen) < room:
        best = min(waiting, key=lambda item: (hands[item.job.ref.tenant], item.hands))
        waiting.remove(best)
        hands[best.job.ref.tenant] += 1
        chosen.append(best.job)
    return chosen
