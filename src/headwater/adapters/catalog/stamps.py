"""Times by which it is told what came first: they follow each other, even where a clock was set back.

A job is refused what was deleted after it was asked for, and jobs of one space run in the order in which
they were asked for. So each of them is stamped later than what came before it, if the clock says otherwise.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.schema import cleared_spaces, jobs, tombstones
from headwater.domain.ids import TenantId
from headwater.domain.jobs import Job, JobStatus

UNFINISHED: Final = tuple(status.value for status in JobStatus if not status.is_final)
WHOLE_SITE: Final = ""

_MOMENT: Final = timedelta(microseconds=1)


async def stamp_job(connection: AsyncConnection, job: Job) -> datetime:
    """Return when a job was asked for: after all deletions, and after the open jobs of its space."""
    tenant, space = str(job.ref.tenant), job.request.space
    cleared = select(func.max(cleared_spaces.c.cleared_at).label("moment")).where(
        cleared_spaces.c.tenant == tenant, cleared_spaces.c.space.in_((WHOLE_SITE, space))
    )
    deleted = select(func.max(tombstones.c.deleted_at)).where(tombstones.c.tenant == tenant)
    before = _select_open(job.ref.tenant).where(jobs.c.space == space)
    return await _follow(connection, job.created_at, cleared, deleted, before)


async def stamp_deletion(connection: AsyncConnection, tenant: TenantId, now: datetime) -> datetime:
    """Return when something is deleted: after every job that is still open."""
    return await _follow(connection, now, _select_open(tenant))


def _select_open(tenant: TenantId) -> Select[Any]:
    return select(func.max(jobs.c.created_at).label("moment")).where(
        jobs.c.tenant == str(tenant), jobs.c.status.in_(UNFINISHED)
    )


async def _follow(connection: AsyncConnection, now: datetime, *before: Select[Any]) -> datetime:
    """Return the present, or the moment after the latest of these if the clock was set back since."""
    moments = union_all(*before).subquery()
    latest = (await connection.execute(select(func.max(moments.c.moment)))).scalar_one()
    return now if latest is None or latest < now else latest + _MOMENT
