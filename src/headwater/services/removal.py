"""Removing what was deleted: out of the catalog and out of sight at once, then out of the store.

The first is one transaction that also leaves the tombstones. What they name is taken out of the store
after it, by whoever asked; by the job engine, if that process dies or the store is away.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
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
    lapses_at = now + CLAIM
    removed = await ports.deletions.remove(
        tenant, document_ids, cleared, now=now, claimed_until=lapses_at
    )
    waiting = deque(_cut(removed.document_ids))
    while waiting and ports.now() < lapses_at:
        await _take_out(ports, tenant, waiting.popleft())
    # What is left may be others' work by now, or in again by a sync: only what is claimed anew is ours.
    while waiting and (claimed := await _claim(ports, tenant)):
        await _take_out(ports, tenant, claimed[tenant])
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


async def _claim(
    ports: Ports, tenant: TenantId | None = None
) -> Mapping[TenantId, Sequence[DocumentId]]:
    now = ports.now()
    return await ports.deletions.claim_unremoved(
        now=now, claimed_until=now + CLAIM, limit=AT_ONCE, tenant=tenant
    )


async def _take_out(ports: Ports, tenant: TenantId, document_ids: Sequence[DocumentId]) -> None:
    batch = StoreBatch(deletions=tuple(document_ids))
    await ports.store.apply(Namespace(tenant), batch)
    await ports.deletions.settle_removed(tenant, document_ids)


def _cut(document_ids: Sequence[DocumentId]) -> Iterator[Sequence[DocumentId]]:
    for start in range(0, len(document_ids), AT_ONCE):
        yield document_ids[start : start + AT_ONCE]
