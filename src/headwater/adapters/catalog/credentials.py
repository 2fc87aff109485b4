"""Sealed credentials, as opaque bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select, tuple_, update

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schedules import read_scheduled_credentials
from headwater.adapters.catalog.schema import (
    credentials,
    jobs,
    named_uploads,
    sync_configurations,
)
from headwater.adapters.catalog.statements import keep_out_writers
from headwater.domain.ids import CredentialId, TenantId
from headwater.ports import SealedCredential


@dataclass(frozen=True, slots=True)
class SqlCredentialStore:
    """Implements :class:`headwater.ports.CredentialStore`; a job's ``add`` is what writes them."""

    database: Database

    async def read(self, tenant: TenantId, credential_id: CredentialId) -> bytes | None:
        """Return the sealed credential; ``None`` when this tenant has none of this id."""
        query = select(credentials.c.sealed).where(_named(tenant, credential_id))
        async with self.database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def remove(self, tenant: TenantId, credential_id: CredentialId) -> None:
        """Remove the credential; fine if there is none."""
        async with self.database.write() as connection:
            await connection.execute(delete(credentials).where(_named(tenant, credential_id)))

    async def remove_expired(self, *, ended_before: datetime) -> int:
        """Remove the credentials of every tenant's jobs that ended before; return how many.

        One that a younger job uses too, or that a schedule is going to use, stays.
        """
        ended = _used_by(jobs.c.finished_at < ended_before)
        needed = _used_by(or_(jobs.c.finished_at.is_(None), jobs.c.finished_at >= ended_before))
        key = tuple_(credentials.c.tenant, credentials.c.credential_id)
        async with self.database.write() as connection:
            # Nothing comes to need a credential between the look and the removal.
            await keep_out_writers(connection, jobs, named_uploads, sync_configurations)
            kept = await read_scheduled_credentials(connection)
            old = select(credentials.c.tenant, credentials.c.credential_id).where(
                key.in_(ended), key.not_in(needed)
            )
            found = {(row.tenant, row.credential_id) for row in await connection.execute(old)}
            for tenant, credential_id in found - kept:
                named = _named(TenantId(tenant), CredentialId(credential_id))
                await connection.execute(delete(credentials).where(named))
        return len(found - kept)

    async def list_all(self) -> Sequence[SealedCredential]:
        """Return every tenant's credentials: as many as there are open or unsettled jobs."""
        async with self.database.read() as connection:
            rows = (await connection.execute(select(credentials))).mappings().all()
        return [
            SealedCredential(TenantId(row["tenant"]), row["credential_id"], row["sealed"])
            for row in rows
        ]

    async def replace(self, before: SealedCredential, sealed: bytes) -> bool:
        """Store other bytes in place of these; ``False`` when these are no longer what is stored."""
        same = and_(
            _named(before.tenant, before.credential_id), credentials.c.sealed == before.sealed
        )
        async with self.database.write() as connection:
            changed = await connection.execute(
                update(credentials).where(same).values(sealed=sealed)
            )
        return changed.rowcount > 0


def _used_by(whose: ColumnElement[bool]) -> Select[tuple[str, str | None]]:
    return select(jobs.c.tenant, jobs.c.credential_id).where(
        whose, jobs.c.credential_id.is_not(None)
    )


def _named(tenant: TenantId, credential_id: CredentialId) -> ColumnElement[bool]:
    return and_(credentials.c.tenant == str(tenant), credentials.c.credential_id == credential_id)
