"""Which process executes which jobs, and which processes are gone.

On one machine a seat is a file lock, which the operating system frees when its owner dies
(``executors``). On a shared database it is a row in which the living count on: who has not counted for
a while, by the observer's own watch, is struck out. No two clocks are ever compared, so none that is
wrong, or set back, makes anyone pass for dead or alive.

Whoever is struck out may be alive after all, and asleep. It finds out before it writes: its own watch
tells it that it has not counted lately, and that it has to ask.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from headwater.domain.liveness import Watch
from headwater.jobs.company import Neighbour, name_process
from headwater.jobs.executors import hold_abandoned_seats, list_seats, take_seat
from headwater.ports import SeatBook, WorkList

BEAT_SECONDS: Final = 5.0

SILENT_SECONDS: Final = 25.0
"""Without a beat for so long, a process counts as dead."""

LONGEST_LOOK: Final = 2 * BEAT_SECONDS
"""So much counts at most of the time between two looks at the others."""

TRUST_SECONDS: Final = 12.0
"""So long after its last beat a process may write without asking: what it begins then has time to end."""

FindGone = Callable[[Collection[str]], Awaitable[Collection[str]]]
"""From names of processes to those that are gone."""


def read_watch() -> float:
    """Return seconds of a watch that nobody can set, and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Seats(Protocol):
    """This process's own seat among all."""

    @property
    def name(self) -> str:
        """The name by which this process executes jobs."""

    @property
    def workers(self) -> int:
        """How many processes execute jobs, as far as this one has seen."""

    @property
    def is_shared(self) -> bool:
        """Whether there are, or may be, other processes."""

    @property
    def is_known(self) -> bool:
        """Whether the others have had time to see this one."""

    async def take(self) -> None:
        """Take a seat, with nothing left on it of whoever had it before."""

    async def keep(self) -> bool:
        """Show that this process lives; ``False`` if it has passed for dead."""

    async def is_held(self) -> bool:
        """Tell whether nobody else can be at what this process is at."""

    def hold_gone(self) -> AbstractAsyncContextManager[FindGone]:
        """Give what tells who is gone; they stay gone, and are this process's to follow, in the block."""

    async def leave(self) -> None:
        """Give the seat back, and all that was claimed from it."""


class FileSeats:
    """Seats on one machine."""

    def __init__(self, folder: Path, work: WorkList) -> None:
        self._folder = folder
        self._work = work
        self._taken: Neighbour | None = None
        self._cleared: set[str] = set()
        self.workers = 1

    @property
    def _own(self) -> Neighbour:
        if self._taken is None:
            raise RuntimeError("take a seat first")
        return self._taken

    @property
    def name(self) -> str:
        """The seat's name: a process that is started again gets it back."""
        return self._own.name

    @property
    def is_shared(self) -> bool:
        """Whether another process has a seat."""
        return self._own.is_shared

    @property
    def is_known(self) -> bool:
        """Whether the others have had time to see this process's seat."""
        return self._own.is_known

    async def take(self) -> None:
        """Take the first free seat."""
        self._taken = Neighbour(await asyncio.to_thread(take_seat, self._folder))
        await self._work.free(self.name)

    async def keep(self) -> bool:
        """Keep it: only its process's end takes a file lock away."""
        return True

    async def is_held(self) -> bool:
        """Hold it, as :meth:`keep`."""
        return True

    @asynccontextmanager
    async def hold_gone(self) -> AsyncIterator[FindGone]:
        """Give what tells who is gone, and keep their seats free meanwhile."""
        with (
            hold_abandoned_seats(self._folder, self._own.seat) as abandoned,
            self._own.keep_free(abandoned),
        ):
            self.workers = len(list_seats(self._folder)) - len(abandoned)
            for name in {*abandoned} - self._cleared:
                await self._work.free(name)
            self._cleared = {*abandoned}

            async def find_gone(names: Collection[str]) -> Collection[str]:
                return {*names} & {*abandoned}

            yield find_gone

    async def leave(self) -> None:
        """Give the seat back; fine if none was taken."""
        if self._taken is None:
            return
        try:
            await self._work.free(self.name)
        finally:
            self._own.seat.release()


def make_watch() -> Watch[str]:
    """Return what tells which processes are silent."""
    return Watch(SILENT_SECONDS, LONGEST_LOOK)


class LeasedSeats:
    """Seats in a database that processes on any number of machines share."""

    def __init__(self, book: SeatBook, *, read_watch: Callable[[], float] = read_watch) -> None:
        self._book = book
        self._read_watch = read_watch
        self._watch = make_watch()
        self._beaten = float("-inf")
        self.is_shared = self.is_known = True
        self.name = name_process()
        self.workers = 1

    async def take(self) -> None:
        """Enter the book."""
        started = self._read_watch()
        await self._book.enter(self.name)
        self._beaten = started

    async def keep(self) -> bool:
        """Count on; ``False`` if this process has been struck out."""
        started = self._read_watch()
        if not await self._book.beat(self.name):
            self._beaten = float("-inf")
            return False
        self._beaten = started
        return True

    async def is_held(self) -> bool:
        """Tell whether this process has counted lately, or can still."""
        is_fresh = self._read_watch() - self._beaten < TRUST_SECONDS
        return is_fresh or await self.keep()

    @asynccontextmanager
    async def hold_gone(self) -> AsyncIterator[FindGone]:
        """Strike out the silent; give what tells who is not in the book, if nobody else is at it."""
        beats = await self._book.read()
        silent = self._watch.note(beats, self._read_watch())
        for name in silent.keys() - {self.name}:
            await self._book.strike_out(name, silent[name])
        self.workers = max(1, len(beats) - len(silent))

        async def find_gone(names: Collection[str]) -> Collection[str]:
            # Read after the names were found: who is not in the book by now has left it.
            return {*names} - (await self._book.read()).keys() if is_alone else set()

        async with self._book.alone() as is_alone:
            yield find_gone

    async def leave(self) -> None:
        """Leave the book."""
        await self._book.leave(self.name)
