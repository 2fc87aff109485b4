"""Which sites are open, and the one governor of each."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from headwater.adapters.confluence.governor import SiteGovernor, Visitor
from headwater.adapters.confluence.pace import CEILING
from headwater.adapters.confluence.patience import Timing, WaitListener
from headwater.ports import SitePaceBook

Visit = Callable[[str], Visitor]
"""From a site's root and context to the one visitor that the source is there."""


class Governors:
    """The governors of all sites that somebody has open; share one between all source factories.

    ``ceiling`` is the most requests in flight to one site; ``book`` is where other processes that
    ask the same sites are heard of.
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
        self._is_shared = False

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
        mine = {name: site.report() for name, site in self._sites.items()}
        if not mine and not self._has_told:
            return
        heard = await self._book.exchange(seat, mine)
        self._has_told = bool(mine)
        for name, others in heard.items():
            if governor := self._sites.get(name):
                governor.heed_others(sorted([*others, seat]).index(seat), others)

    def be_alone(self) -> None:
        """Have every site to this process: there is no other any more."""
        self._is_shared = False
        for governor in self._sites.values():
            governor.heed_others(0, {})

    def _find(self, site: str) -> SiteGovernor:
        self._forget_idle()
        return self._sites.setdefault(site, self._make_governor())

    def _make_governor(self) -> SiteGovernor:
        return SiteGovernor(self._timing, ceiling=self._ceiling, is_shared=self._is_shared)

    def _forget_idle(self) -> None:
        self._sites = {name: site for name, site in self._sites.items() if not site.is_idle}
