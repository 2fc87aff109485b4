"""What processes that execute jobs tell each other: that they live, and how a Confluence bears them."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from headwater.domain.pacing import Settlement, SitePace


class SeatBook(Protocol):
    """The processes that execute jobs, each by its name."""

    async def enter(self, name: str) -> None:
        """Add a process."""

    async def beat(self, name: str) -> bool:
        """Show that the process lives; ``False`` if others have struck it out as dead."""

    async def read(self) -> Mapping[str, int]:
        """Return every process's number of beats."""

    async def strike_out(self, name: str, beats: int) -> bool:
        """Remove a process that has not beaten since, and all its claims; tell whether that was done."""

    async def leave(self, name: str) -> None:
        """Remove a process and all its claims; fine if it is gone."""

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """Keep others out while the block runs; gives ``False`` where another is in."""


class SitePaceBook(Protocol):
    """What each process says of the sites that it has open."""

    async def exchange(
        self, seat: str, mine: Mapping[str, SitePace], silent: Mapping[tuple[str, str], int]
    ) -> Mapping[str, Settlement]:
        """Replace what this process said, by site; return what it has of each (``pacing.settle``).

        Nobody else exchanges anything about these sites meanwhile. ``silent`` are those whose word
        counts no more, by site and seat, each with its last beat: who has spoken since stays.
        """
