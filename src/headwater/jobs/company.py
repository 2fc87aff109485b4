"""Which processes ask the same Confluences as this one, and speaking with them.

Where processes share a database server, all of them speak there. On one machine a process looks for
the others' file locks first: alone, it has nobody to speak with, and leaves the database in peace.
"""

import asyncio
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from platform import node
from typing import Final, Protocol
from uuid import uuid4

from headwater.jobs.chores import Chore
from headwater.jobs.executors import Seat, has_company

SHARE_SECONDS: Final = 0.75
"""Within a second a process hears that a Confluence has throttled another."""

GREETING_SECONDS: Final = 3.0
"""By then a process that had a machine to itself has seen who came, and speaks with it."""


def name_process() -> str:
    """Return a name that no other process has had, here or on another machine."""
    return f"{node() or 'host'}-{os.getpid()}-{uuid4().hex[:12]}"


class SharedSites(Protocol):
    """The Confluences that this process has open, which others may have open too."""

    due: asyncio.Event
    """Set when there is a reason to exchange before long."""

    async def exchange(self, seat: str) -> None:
        """Tell the others how the sites bear this process, and heed what they tell."""

    async def withdraw(self, seat: str) -> None:
        """Take back all that was told: this process asks no site any more."""

    def be_alone(self) -> None:
        """Have the sites to this process."""


class Company(Protocol):
    """The other processes, as seen from this one's seat."""

    @property
    def name(self) -> str:
        """The name by which this process speaks."""

    @property
    def is_shared(self) -> bool:
        """Whether there are, or may be, other processes."""

    @property
    def is_known(self) -> bool:
        """Whether the others have had time to see this one."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A process without work of its own, beside others on the same database server."""

    name: str
    is_shared: bool = True
    is_known: bool = True


class Neighbour:
    """A process on a machine where others may have locked seats."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self._greeted = asyncio.get_running_loop().time() + GREETING_SECONDS
        self._kept_free: Collection[str] = ()

    @property
    def name(self) -> str:
        """The name of the seat."""
        return self.seat.name

    @property
    def is_shared(self) -> bool:
        """Whether another process has a seat."""
        return has_company(self.seat, self._kept_free)

    @property
    def is_known(self) -> bool:
        """Whether the others have had time to see this one's seat."""
        return asyncio.get_running_loop().time() >= self._greeted

    @contextmanager
    def keep_free(self, names: Collection[str]) -> Iterator[None]:
        """Take no locked seat of these for a process's: this one itself keeps them in the block."""
        self._kept_free = names
        try:
            yield
        finally:
            self._kept_free = ()


def make_sharing(sites: SharedSites, company: Company) -> Chore:
    """Return the chore of sharing the sites with whoever there is."""
    return Chore("share sites", SHARE_SECONDS, partial(_share, sites, company), sites.due)


async def _share(sites: SharedSites, company: Company) -> None:
    if not company.is_shared:
        sites.be_alone()
    elif company.is_known:
        await sites.exchange(company.name)
