"""A process that executes nothing itself: others find the jobs that it stores, and ask the same sites."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import structlog

from headwater.domain.errors import RetryableError
from headwater.domain.jobs import JobRef
from headwater.jobs.chores import keep_doing
from headwater.jobs.company import (
    Company,
    Neighbour,
    SharedSites,
    Stranger,
    make_sharing,
    name_process,
)
from headwater.jobs.executors import take_seat

GUEST: Final = "guest"

_log = structlog.get_logger("headwater.jobs")


class JobsElsewhere:
    """Implements :class:`headwater.ports.JobQueue` by leaving stored jobs to be found by others."""

    async def enqueue(self, ref: JobRef) -> None:
        """Do nothing: every process that executes jobs looks for stored ones each second."""

    async def check(self) -> None:
        """Do nothing: jobs are stored in the catalog, which is checked by itself."""


@asynccontextmanager
async def share_sites(sites: SharedSites, folder: Path | None) -> AsyncIterator[None]:
    """Share the sites with all other processes while the block runs.

    They are on this machine and have their seats below ``folder``, or on the same database server.
    """
    with _find_company(folder) as company:
        sharing = asyncio.create_task(keep_doing([make_sharing(sites, company)]))
        try:
            yield
        finally:
            sharing.cancel()
            await asyncio.wait({sharing})
            await _withdraw(sites, company.name)
    if not sharing.cancelled():
        sharing.result()


@contextmanager
def _find_company(folder: Path | None) -> Iterator[Company]:
    if folder is None:
        yield Stranger(name_process())
        return
    seat = take_seat(folder / "seats", GUEST)
    try:
        yield Neighbour(seat)
    finally:
        seat.release()


async def _withdraw(sites: SharedSites, name: str) -> None:
    try:
        await sites.withdraw(name)
    except RetryableError as error:
        _log.warning("cannot say goodbye; others will find it silent", reason=str(error))
