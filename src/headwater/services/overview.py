"""A tenant's spaces in numbers, of what the reader may see."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from headwater.domain.access import Reader, Scope
from headwater.domain.content import DocumentKind
from headwater.domain.ids import SiteId, SpaceKey, TenantId
from headwater.domain.sync import DocumentState
from headwater.ports import Holding, KnownSpace, Lag, LossCount, Ports
from headwater.services.inventory import sees, visible_scopes

WINDOW: Final = timedelta(days=30)
"""How far back edits count for the lag: older ones say little of how it goes now."""

_SEARCHABLE: Final = frozenset({DocumentState.INDEXED, DocumentState.HELD})


@dataclass(frozen=True, slots=True)
class LagSummary:
    """How long edits took to be found, in seconds."""

    edits: int
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class SpaceSummary:
    """One space in numbers. ``documents`` and ``attachments`` are searchable ones."""

    site: SiteId
    space: SpaceKey
    name: str
    last_complete_sync: datetime | None
    documents: int = 0
    attachments: int = 0
    chunks: int = 0
    stale: int = 0
    """Searchable, but as they were: the last attempt failed."""
    held: int = 0
    failed: int = 0
    """Not searchable, because every attempt failed."""
    skipped: int = 0
    lag: LagSummary | None = None
    """``None`` without an edit in the window."""
    losses: Mapping[str, int] = field(default_factory=dict)
    lossy_documents: int = 0

    @property
    def current(self) -> int:
        """How many are searchable as they are in Confluence, as far as is known."""
        return self.documents + self.attachments - self.stale - self.held


class _Placed(Protocol):
    @property
    def site(self) -> SiteId: ...

    @property
    def space(self) -> SpaceKey: ...

    @property
    def access_scope(self) -> Scope: ...


T = TypeVar("T", bound=_Placed)
_Place = tuple[SiteId, SpaceKey]


async def summarize_spaces(
    ports: Ports, tenant: TenantId, *, reader: Reader | None
) -> Sequence[SpaceSummary]:
    """Return the spaces by key: those of which the reader may see something, all for nobody in particular."""
    spaces = await ports.library.list_spaces(tenant)
    scopes = await visible_scopes(ports, tenant, reader)
    holdings = _by_place(await ports.library.count_holdings(tenant), scopes)
    lags = _by_place(await ports.library.list_lags(tenant, since=ports.now() - WINDOW), scopes)
    losses = _by_place(await ports.library.count_losses(tenant), scopes)
    places = [(space, (space.site, space.space)) for space in spaces]
    return tuple(
        _summarize(space, holdings[place], lags[place], losses[place])
        for space, place in places
        if reader is None or place in holdings
    )


async def list_visible_spaces(
    ports: Ports, tenant: TenantId, *, reader: Reader | None
) -> Sequence[KnownSpace]:
    """Return the same spaces without their numbers, which cost more the more there is."""
    spaces = await ports.library.list_spaces(tenant)
    if reader is None:
        return spaces
    scopes = await visible_scopes(ports, tenant, reader)
    holdings = _by_place(await ports.library.count_holdings(tenant), scopes)
    return tuple(space for space in spaces if (space.site, space.space) in holdings)


def _by_place(rows: Iterable[T], scopes: frozenset[Scope] | None) -> defaultdict[_Place, list[T]]:
    """Return what the reader may see, by space."""
    places: defaultdict[_Place, list[T]] = defaultdict(list)
    for row in rows:
        if sees(scopes, row.access_scope):
            places[row.site, row.space].append(row)
    return places


def _summarize(
    space: KnownSpace,
    holdings: Sequence[Holding],
    lags: Sequence[Lag],
    losses: Sequence[LossCount],
) -> SpaceSummary:
    lost: Counter[str] = Counter()
    for count in losses:
        lost.update({name: number * count.documents for name, number in count.losses.items()})
    found = [row for row in holdings if row.state in _SEARCHABLE]
    files = [row for row in found if row.kind is DocumentKind.ATTACHMENT]
    return SpaceSummary(
        site=space.site,
        space=space.space,
        name=space.name,
        last_complete_sync=space.last_complete_sync,
        documents=_count(found) - _count(files),
        attachments=_count(files),
        chunks=sum(row.chunks for row in found),
        stale=sum(row.failing for row in holdings if row.state is DocumentState.INDEXED),
        held=_count(holdings, DocumentState.HELD),
        failed=_count(holdings, DocumentState.FAILED),
        skipped=_count(holdings, DocumentState.SKIPPED),
        lag=summarize_lags([lag.seconds for lag in lags]),
        losses=dict(lost.most_common()),
        lossy_documents=sum(count.documents for count in losses),
    )


def _count(holdings: Iterable[Holding], state: DocumentState | None = None) -> int:
    return sum(row.documents for row in holdings if state in {None, row.state})


def summarize_lags(seconds: Sequence[float]) -> LagSummary | None:
    """Return the median and the 95th percentile, each the value of an edit; ``None`` for none."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return LagSummary(len(ordered), median=_take(ordered, 0.5), p95=_take(ordered, 0.95))


def _take(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of them does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
