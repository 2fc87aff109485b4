"""What processes that execute jobs tell each other: that they live, and how a Confluence bears them."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


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


@dataclass(frozen=True, slots=True)
class SitePace:
    """How one process gets on with a Confluence that it has open."""

    setbacks: int = 0
    """How often it was throttled: a number that only grows."""
    paused_seconds: float = 0.0
    """How long the site has asked it to wait, from now on."""


class SitePaceBook(Protocol):
    """What each process makes of the sites that it has open."""

    async def exchange(
        self, seat: str, mine: Mapping[str, SitePace]
    ) -> Mapping[str, Mapping[str, SitePace]]:
        """Replace what this process said; return what the others say of the same sites, by seat."""
