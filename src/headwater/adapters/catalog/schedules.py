"""The last upload of each space that named a sync configuration, as what its schedule repeats."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, RowMapping, Select, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.encoding import settings_from_json
from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schema import jobs, named_uploads, sync_configurations
from headwater.adapters.catalog.statements import upsert_rows
from headwater.domain.errors import ConflictError
from headwater.domain.ids import CredentialId, JobId, SiteId, SpaceKey, TenantId
from headwater.domain.jobs import Job, JobRef
from headwater.domain.schedules import Schedule, Standing
from headwater.domain.settings import SyncConfigurationId


@dataclass(frozen=True, slots=True)
class SqlScheduleStore:
    """Implements :class:`headwater.ports.ScheduleStore`; a job's ``add`` is what writes the rows."""

    database: Database

    async def list_schedules(self) -> Sequence[Schedule]:
        """Return every tenant's uploads whose configuration has a schedule at present."""
        order = (named_uploads.c.tenant, named_uploads.c.id, named_uploads.c.site)
        query = _select_standing().order_by(*order, named_uploads.c.space)
        async with self.database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [found for found in map(_read_schedule, rows) if found]

    async def list_uploads(
        self, tenant: TenantId, configuration_id: SyncConfigurationId
    ) -> Sequence[JobId]:
        """Return the uploads that stand for a configuration, whether it has a schedule or not."""
        query = select(named_uploads.c.job_id).where(_of(tenant, configuration_id))
        async with self.database.read() as connection:
            return [JobId(name) for name in (await connection.execute(query)).scalars()]

    async def find_upload(
        self, tenant: TenantId, standing: Standing, space: SpaceKey
    ) -> JobId | None:
        """Return the upload that has this standing for the space."""
        query = select(named_uploads.c.job_id).where(_at(tenant, standing, space))
        async with self.database.read() as connection:
            found: str | None = (await connection.execute(query)).scalar_one_or_none()
        return None if found is None else JobId(found)

    async def uses(self, tenant: TenantId, credential_id: CredentialId) -> bool:
        """Tell whether a schedule is going to need the credential."""
        query = _select_standing().where(
            named_uploads.c.tenant == str(tenant), jobs.c.credential_id == credential_id
        )
        async with self.database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return any(map(_read_schedule, rows))

    async def give_back(
        self, ref: JobRef, standing: Standing, space: SpaceKey, to: JobId | None
    ) -> None:
        """Let the job that stood before stand again; nothing happens where another stands meanwhile."""
        mine = and_(_at(ref.tenant, standing, space), named_uploads.c.job_id == ref.job_id)
        rows = delete(named_uploads) if to is None else update(named_uploads).values(job_id=to)
        async with self.database.write() as connection:
            await connection.execute(rows.where(mine))

    async def forget(self, tenant: TenantId, configuration_id: SyncConfigurationId) -> None:
        """Forget which uploads named a configuration."""
        async with self.database.write() as connection:
            await connection.execute(delete(named_uploads).where(_of(tenant, configuration_id)))


async def take_standing(connection: AsyncConnection, job: Job, standing: Standing) -> None:
    """Let a job stand for its configuration, within the transaction that adds it.

    ``ConflictError`` where another has taken the place of the one it was to replace.
    """
    if standing.instead_of is not None:
        here = _at(job.ref.tenant, standing, job.request.space)
        standing_now = select(named_uploads.c.job_id).where(here).with_for_update()
        found = await connection.execute(standing_now)
        if found.scalar_one_or_none() != standing.instead_of:
            raise ConflictError(f"job {standing.instead_of!r} is not what is repeated any more")
    row = {
        "tenant": str(job.ref.tenant),
        "id": standing.configuration_id,
        "site": standing.site,
        "space": job.request.space,
        "job_id": job.ref.job_id,
    }
    await upsert_rows(connection, named_uploads, [row])


async def read_scheduled_credentials(connection: AsyncConnection) -> set[tuple[str, str]]:
    """Return the credentials that schedules are going to need, each with its tenant."""
    rows = (await connection.execute(_select_standing())).mappings()
    return {(row["tenant"], row["credential_id"]) for row in rows if _read_schedule(row)}


def _of(tenant: TenantId, configuration_id: SyncConfigurationId) -> ColumnElement[bool]:
    return and_(named_uploads.c.tenant == str(tenant), named_uploads.c.id == configuration_id)


def _at(tenant: TenantId, standing: Standing, space: SpaceKey) -> ColumnElement[bool]:
    here = and_(named_uploads.c.site == standing.site, named_uploads.c.space == space)
    return and_(_of(tenant, standing.configuration_id), here)


def _select_standing() -> Select[tuple[object, ...]]:
    return (
        select(
            named_uploads,
            jobs.c.credential_id,
            jobs.c.created_at.label("accepted_at"),
            sync_configurations.c.settings,
            sync_configurations.c.updated_at.label("set_at"),
        )
        .join(
            jobs,
            and_(jobs.c.tenant == named_uploads.c.tenant, jobs.c.job_id == named_uploads.c.job_id),
        )
        .join(
            sync_configurations,
            and_(
                sync_configurations.c.tenant == named_uploads.c.tenant,
                sync_configurations.c.id == named_uploads.c.id,
            ),
        )
    )


def _read_schedule(row: RowMapping) -> Schedule | None:
    cron = settings_from_json(row["settings"]).schedule
    if cron is None:
        return None
    return Schedule(
        tenant=TenantId(row["tenant"]),
        configuration_id=SyncConfigurationId(row["id"]),
        site=SiteId(row["site"]),
        space=SpaceKey(row["space"]),
        job_id=JobId(row["job_id"]),
        accepted_at=row["accepted_at"],
        cron=cron,
        set_at=row["set_at"],
    )
