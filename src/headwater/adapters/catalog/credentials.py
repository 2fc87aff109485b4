"""Sealed credentials, as opaque bytes."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, select

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schema import credentials
from headwater.domain.ids import CredentialId, TenantId


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


def _named(tenant: TenantId, credential_id: CredentialId) -> ColumnElement[bool]:
    return and_(credentials.c.tenant == str(tenant), credentials.c.credential_id == credential_id)
