"""Which sites are open, and the one governor of each."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from headwater.adapters.confluence.governor import SiteGovernor, Visitor
from headwater.adapters.confluence.pace import CEILING
from headwater.adapters.confluence.patience import Timing, WaitListener
from headwater.adapters.confluence.shares import Share
from headwater.domain.liveness import Watch
from headwater.domain.pacing import Settlement
from headwater.ports import SitePaceBook

SILENT_SECONDS: Final = 12.0
"""Who has not spoken of a site for so long has it open no more. What was under way has ended by then."""

LONGEST_LOOK: Final = 3.0
HURRY_SECONDS: Final = 0.1

Word = tuple[str, str]
"""What a process says of a site, by site and seat."""

Visit = Callable[[str], Visitor]
"""From a site's root and context to the one visitor that the source is there."""


class Governors:
    """The governors of all sites that somebody has open; share one between all source factories.

    ``ceiling`` is the most requests in flight to one site; ``book`` is where other processes that
    ask the same sites are heard of. With a book, nothing is asked before ``exchange`` or ``be_alone``.
    """

    def __init__(
        self,
        timing: Timing | None = None,
        *,
        ceiling: int = CEILING,
        book: SitePaceBook | None = None,
    ) -> None:
        self._timing = timing or Timing()
        self._ceiling = ceiling
        self._sites: dict[str, SiteGovernor] = {}
        self._book = book
        self._has_told = False
        self._is_shared = book is not None
        self._watch = Watch[Word](SILENT_SECONDS, LONGEST_LOOK)
        self._silent: Mapping[Word, int] = {}
        self._hurrying: asyncio.TimerHandle | None = None
        self._exchanged = 0.0
        self.due = asyncio.Event()
        """Set when there is a reason to exchange before long."""

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that are remembered."""
        return tuple(self._sites)

    @asynccontextmanager
    async def join(self, on_wait: WaitListener | None = None) -> AsyncGenerator[Visit, None]:
        """Yield what makes the source a visitor of a site, given the site's root and context.

        It leaves all its sites together. A site that nobody has open is forgotten, but not
        before its pause is over: who comes next must still keep to it.
        """
        visitors: dict[str, Visitor] = {}

        def visit(site: str) -> Visitor:
            if site not in visitors:
                visitors[site] = self._find(site).join(on_wait)
            return visitors[site]

        try:
            yield visit
        finally:
            for visitor in visitors.values():
                visitor.leave()
            self._forget_idle()

    async def exchange(self, seat: str) -> None:
        """Tell other processes how the open sites bear this one, and heed how they bear those.

        ``seat`` is this process's name among all. Nothing happens while no site is open.
        """
        if self._book is None:
            return
        self._is_shared = True
        self._forget_idle()
        spoken = self._timing.watch()
        mine = {name: site.report() for name, site in self._sites.items()}
        if not mine and not self._has_told:
            return
        settled = await self._book.exchange(seat, mine, self._silent)
        self._has_told = bool(mine)
        self._exchanged = asyncio.get_running_loop().time()
        self._look_around(settled)
        for name, settlement in settled.items():
            if governor := self._sites.get(name):
                governor.heed_others(settlement, spoken=spoken)

    def _look_around(self, settled: Mapping[str, Settlement]) -> None:
        beats = {
            (site, seat): pace.beats
            for site, settlement in settled.items()
            for seat, pace in settlement.others.items()
        }
        self._silent = self._watch.note(beats, self._timing.watch())

    async def withdraw(self, seat: str) -> None:
        """Take back all that was said: this process asks no site any more."""
        if self._book is not None and self._has_told:
            await self._book.exchange(seat, {}, {})
            self._has_told = False

    def be_alone(self) -> None:
        """Have every site to this process: there is no other any more."""
        self._is_shared = False
        for governor in self._sites.values():
            governor.be_alone()

    def hurry(self) -> None:
        """Want an exchange soon: at once, unless there was one just now."""
        if self._hurrying is None:
            loop = asyncio.get_running_loop()
            self._hurrying = loop.call_at(self._exchanged + HURRY_SECONDS, self._be_due)

    def _be_due(self) -> None:
        self._hurrying = None
        self.due.set()

    def _find(self, site: str) -> SiteGovernor:
        self._forget_idle()
        return self._sites.setdefault(site, self._make_governor())

    def _make_governor(self) -> SiteGovernor:
        share = Share(self._timing.watch, is_shared=self._is_shared, hurry=self.hurry)
        return SiteGovernor(self._timing, ceiling=self._ceiling, share=share)

    def _forget_idle(self) -> None:
        self._sites = {name: site for name, site in self._sites.items() if not site.is_idle}
