"""This process's share of the requests that a site bears, where other processes ask it too."""

from collections.abc import Callable
from typing import Final

from headwater.domain.pacing import Settlement

TRUST_SECONDS: Final = 5.0
"""So long after it last spoke with the others a process may count on its share."""


def _stay_calm() -> None:
    """Tell nobody that something is wanted: nobody else is there."""


class Share:
    """How much of a site's window is this process's. All of it, unless others may ask the site too.

    Where they may, it has nothing before it has spoken with them, nor once it has not for a while: by
    then they may have passed it for gone. ``hurry`` is called when it should speak with them soon.
    """

    def __init__(
        self,
        read_watch: Callable[[], float],
        *,
        is_shared: bool = False,
        hurry: Callable[[], None] = _stay_calm,
    ) -> None:
        self._read_watch = read_watch
        self._hurry = hurry
        self._size: int | None = 0 if is_shared else None
        self._held = 0
        self._spoken = float("-inf")
        self._wanted = 0
        self._told = 0
        self.askers = 1
        """How many processes ask the site at present, this one included."""

    def limit(self, window: int) -> int:
        """Return how many requests may be under way."""
        if self._size is None:
            return window
        return min(window, self._size) if self._is_fresh else 0

    @property
    def _is_fresh(self) -> bool:
        return self._read_watch() - self._spoken < TRUST_SECONDS

    def note_demand(self, demand: int) -> None:
        """Note how many requests are under way or wait; the most since it spoke is what it wants."""
        self._wanted = max(self._wanted, demand)
        if self._size is not None and demand > max(self._size, self._told):
            self._hurry()

    def note_end(self, under_way: int) -> None:
        """Note that a request has ended, which may have been the last of those to be given back."""
        if self._size is not None and under_way <= self._size < self._held:
            self._hurry()

    def note_setback(self) -> None:
        """Note that the site has throttled this process, which the others should hear of soon."""
        if self._size is not None:
            self._hurry()

    def tell(self, under_way: int, demand: int) -> tuple[int, int]:
        """Return what is wanted and what is held. From here on, no more is begun than is held."""
        if self._size is None or not self._is_fresh:
            self._size = 0
        self._told, self._wanted = self._wanted, demand
        return self._told, max(self._size, under_way)

    def take(self, settlement: Settlement, *, spoken: float, under_way: int) -> None:
        """Go on with what was settled with the others, at ``spoken`` by the watch."""
        self._size, self._held, self._spoken = settlement.share, settlement.said.held, spoken
        self.askers = settlement.askers
        if settlement.promised > settlement.share:
            self._hurry()
        self.note_end(under_way)

    def take_all(self) -> None:
        """Have the site to this process."""
        self._size, self.askers = None, 1
