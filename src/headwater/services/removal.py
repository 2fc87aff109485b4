"""Removing what was deleted: out of the catalog and out of sight at once, then out of the store.

The first is one transaction that also leaves the tombstones. What they name is taken out of the store
after it, by whoever asked; by the job engine, if that process dies or the store is away.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from headwater.domain.errors import HeadwaterError
from headwater.domain.ids import DocumentId, Namespace, TenantId
from headwater.domain.removal import Cleared, Removed
from headwater.ports import Ports, StoreBatch

AT_ONCE: Final = 500
"""Documents in one commit of the store."""

CLAIM: Final = timedelta(seconds=15)
"""For how long nobody else takes over: more than one commit takes."""


async def remove_documents(
    ports: Ports,
    tenant: TenantId,
    document_ids: Sequence[DocumentId],
    cleared: Sequence[Cleared] = (),
) -> Removed:
    """Remove documents, and everything that is in cleared places; return what there was.

    ``RetryableError`` when the store is away: they are out of sight then, and the deletion is carried
    out when it is back.
    """
    now = ports.now()
    removed = await ports.deletions.remove(
        tenant, document_ids, cleared, now=now, claimed_until=now + CLAIM
    )
    await _take_out(ports, tenant, removed.document_ids)
    return removed


async def carry_out_deletions(ports: Ports) -> int:
    """Remove from the store what nobody is removing, whichever tenant's; return how many documents.

    A tenant whose part of the store refuses keeps no other from being served: its error is raised
    when those claimed beside it have had their turn. ``RetryableError`` when the store is away.
    """
    count = 0
    while claimed := await _claim(ports):
        refusals = []
        for tenant, document_ids in claimed.items():
            try:
                await _take_out(ports, tenant, document_ids)
            except HeadwaterError as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        count += sum(map(len, claimed.values()))
    return count


async def _claim(ports: Ports) -> Mapping[TenantId, Sequence[DocumentId]]:
    now = ports.now()
    return await ports.deletions.claim_unremoved(now=now, claimed_until=now + CLAIM, limit=AT_ONCE)


async def _take_out(ports: Ports, tenant: TenantId, document_ids: Sequence[DocumentId]) -> None:
    for start in range(0, len(document_ids), AT_ONCE):
        batch = tuple(document_ids[start : start + AT_ONCE])
        await ports.store.apply(Namespace(tenant), StoreBatch(deletions=batch))
        await ports.deletions.settle_removed(tenant, batch)
