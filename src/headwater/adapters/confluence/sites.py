"""Which sites are open, and the one governor of each."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from headwater.adapters.confluence.governor import SiteGovernor, Visitor
from headwater.adapters.confluence.pace import CEILING
from headwater.adapters.confluence.patience import Timing, WaitListener

Visit = Callable[[str], Visitor]
"""From a site's root and context to the one visitor that the source is there."""


class Governors:
    """The governors of all sites that somebody has open; share one between all source factories.

    ``ceiling`` is the most requests in flight to one site.
    """

    def __init__(self, timing: Timing | None = None, *, ceiling: int = CEILING) -> None:
        self._timing = timing or Timing()
        self._ceiling = ceiling
        self._sites: dict[str, SiteGovernor] = {}

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

    def _find(self, site: str) -> SiteGovernor:
        self._forget_idle()
        return self._sites.setdefault(site, SiteGovernor(self._timing, ceiling=self._ceiling))

    def _forget_idle(self) -> None:
        self._sites = {name: site for name, site in self._sites.items() if not site.is_idle}
