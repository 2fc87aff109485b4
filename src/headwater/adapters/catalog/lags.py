"""How long edits took to be found, measured as their documents are remembered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.schema import spaces
from headwater.domain.ids import DocumentId, TenantId
from headwater.domain.sync import DocumentResult, Outcome, measure_lag

Place = tuple[str, str]
"""A space of a site."""

Syncs = Mapping[Place, datetime | None]


async def read_syncs(
    connection: AsyncConnection, tenant: TenantId, results: Sequence[DocumentResult]
) -> Syncs:
    """Return when the spaces of new documents were last synced completely; nothing is asked for none."""
    places = {_place(result) for result in results if result.outcome is Outcome.ADDED}
    found: dict[Place, datetime | None] = {}
    for site, space in sorted(places):
        query = select(spaces.c.last_complete_sync).where(
            spaces.c.tenant == str(tenant), spaces.c.site == site, spaces.c.space == space
        )
        found[site, space] = (await connection.execute(query)).scalar_one_or_none()
    return found


def measure_lags(
    results: Sequence[DocumentResult],
    pasts: Mapping[DocumentId, Mapping[str, Any]],
    syncs: Syncs,
    now: datetime,
) -> Mapping[DocumentId, float]:
    """Return the seconds of each result that brought an edit."""
    lags = {}
    for result in results:
        past = pasts.get(result.metadata.document_id)
        lag = measure_lag(
            result,
            past_version=None if past is None else past["version"],
            synced_at=syncs.get(_place(result)),
            now=now,
        )
        if lag is not None:
            lags[result.metadata.document_id] = lag
    return lags


def _place(result: DocumentResult) -> Place:
    return result.metadata.site, result.metadata.space
