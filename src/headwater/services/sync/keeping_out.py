"""What was deleted on request and stays away, as this job's listing has it."""

from collections.abc import Mapping

from headwater.domain.ids import ContentId
from headwater.domain.removal import Tombstone, may_return
from headwater.services.sync.run import SyncRun

AT_ONCE = 1000


async def read_deleted(run: SyncRun) -> frozenset[ContentId]:
    """Return the content that stays away from this job, once what may return has been let go.

    What the listing shows in a newer version than the deleted one may return, and everything by a
    full sync; a retry is none.
    """
    deletions, tenant = run.ports.deletions, run.ref.tenant
    found = {item.content_id: item for item in await deletions.tombstones(tenant, run.site)}
    if not found:
        return frozenset()
    lifted = await _choose_returning(run, found)
    await deletions.lift(tenant, run.site, list(lifted.values()))
    return frozenset(found.keys() - lifted.keys())


async def _choose_returning(
    run: SyncRun, tombstones: Mapping[ContentId, Tombstone]
) -> dict[ContentId, Tombstone]:
    job = run.job
    is_full = not job.request.incremental and job.request.retry_of is None
    chosen: dict[ContentId, Tombstone] = {}
    after: ContentId | None = None
    while items := await run.ports.work.read(run.ref, after=after, limit=AT_ONCE):
        for item in items:
            tombstone = tombstones.get(item.listed.content_id)
            if tombstone and may_return(
                tombstone, item.listed.version, asked_at=job.created_at, is_full=is_full
            ):
                chosen[tombstone.content_id] = tombstone
        after = items[-1].listed.content_id
    return chosen
