"""Every space at a glance: what is in, how fresh it is, what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from headwater.console.charts import Amount, Bar, mark_lags, place_lag, stack_bars
from headwater.console.rendering import render
from headwater.console.visits import admit, ports_of
from headwater.services.overview import SpaceSummary, summarize_spaces

MAX_LOSSES: Final = 5
"""Of one space; the rest is one number."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class SpaceCard:
    """A space, ready to be shown."""

    summary: SpaceSummary
    amounts: tuple[Amount, ...]
    bars: Sequence[Bar]
    lag: tuple[float, float] | None
    """Where the median and the 95th percentile stand on the axis."""
    losses: tuple[tuple[str, int], ...]
    other_losses: int

    @classmethod
    def of(cls, summary: SpaceSummary) -> "SpaceCard":
        """Show a space."""
        amounts = tuple(amount for amount in _list_amounts(summary) if amount.number)
        shown = tuple(islice(summary.losses.items(), MAX_LOSSES))
        lag = summary.lag
        return cls(
            summary,
            amounts,
            stack_bars(amounts),
            lag=(place_lag(lag.median), place_lag(lag.p95)) if lag else None,
            losses=shown,
            other_losses=sum(summary.losses.values()) - sum(number for _, number in shown),
        )


@router.get("/")
async def show_overview(request: Request) -> Response:
    """Show the spaces in numbers."""
    visit = await admit(request)
    spaces = await summarize_spaces(ports_of(request), visit.tenant, reader=visit.sight)
    return render(
        request,
        "overview.html",
        cards=[SpaceCard.of(space) for space in spaces],
        ticks=mark_lags(),
        documents=sum(space.documents for space in spaces),
        attachments=sum(space.attachments for space in spaces),
        chunks=sum(space.chunks for space in spaces),
        failing=sum(space.failed + space.stale for space in spaces),
        held=sum(space.held for space in spaces),
    )


def _list_amounts(summary: SpaceSummary) -> tuple[Amount, ...]:
    return (
        Amount(summary.current, "in", "good"),
        Amount(summary.stale, "stale", "warn"),
        Amount(summary.held, "held", "held"),
        Amount(summary.failed, "failed", "bad"),
        Amount(summary.skipped, "left out", "out"),
    )
