"""Sync configurations and the blacklist."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, and_, delete, select

from headwater.adapters.catalog.encoding import settings_from_json, settings_to_json
from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schema import blacklist_entries, sync_configurations
from headwater.adapters.catalog.statements import make_insert, upsert_rows
from headwater.domain.ids import TenantId
from headwater.domain.settings import (
    BlacklistEntry,
    BlacklistEntryId,
    BlacklistKind,
    SyncConfiguration,
    SyncConfigurationId,
)


@dataclass(frozen=True, slots=True)
class SqlSyncConfigurationStore:
    """Implements :class:`headwater.ports.SyncConfigurationStore`."""

    database: Database

    async def put(self, tenant: TenantId, configuration: SyncConfiguration) -> None:
        """Add the configuration; one of that id keeps its creation time and is replaced otherwise."""
        row = {
            "tenant": str(tenant),
            "id": configuration.id,
            "settings": settings_to_json(configuration.settings),
            "created_at": configuration.created_at,
            "updated_at": configuration.updated_at,
        }
        async with self.database.write() as connection:
            await upsert_rows(connection, sync_configurations, [row], kept=["created_at"])

    async def find(
        self, tenant: TenantId, configuration_id: SyncConfigurationId
    ) -> SyncConfiguration | None:
        """Return the configuration of this id; ``None`` when the tenant has none."""
        query = select(sync_configurations).where(
            _named(sync_configurations, tenant, configuration_id)
        )
        async with self.database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return _read_configuration(row) if row else None

    async def list(self, tenant: TenantId) -> Sequence[SyncConfiguration]:
        """Return the tenant's configurations by id."""
        rows = await _read_all(self.database, sync_configurations, tenant, "id")
        return [_read_configuration(row) for row in rows]

    async def remove(self, tenant: TenantId, configuration_id: SyncConfigurationId) -> bool:
        """Remove the configuration; return whether there was one."""
        return await _remove(self.database, sync_configurations, tenant, configuration_id)


@dataclass(frozen=True, slots=True)
class SqlBlacklistStore:
    """Implements :class:`headwater.ports.BlacklistStore`."""

    database: Database

    async def add(self, tenant: TenantId, entry: BlacklistEntry) -> BlacklistEntry:
        """Add the entry; where the same kind and value is on the list, that entry is the answer."""
        async with self.database.write() as connection:
            insert = make_insert(connection, blacklist_entries).values(_entry_row(tenant, entry))
            # One step, so that of two who add the same at once the second gets the first's; a row
            # that nothing is set in would not be returned.
            added = insert.on_conflict_do_update(
                index_elements=["tenant", "kind", "value"], set_={"value": insert.excluded.value}
            )
            found = await connection.execute(added.returning(*blacklist_entries.c))
            return _read_entry(found.mappings().one())

    async def list(self, tenant: TenantId) -> Sequence[BlacklistEntry]:
        """Return the tenant's entries, oldest first."""
        rows = await _read_all(self.database, blacklist_entries, tenant, "created_at", "id")
        return [_read_entry(row) for row in rows]

    async def remove(self, tenant: TenantId, entry_id: BlacklistEntryId) -> bool:
        """Remove the entry; return whether there was one."""
        return await _remove(self.database, blacklist_entries, tenant, entry_id)


def _named(table: Table, tenant: TenantId, name: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == str(tenant), table.c.id == name)


async def _read_all(
    database: Database, table: Table, tenant: TenantId, *order: str
) -> Sequence[RowMapping]:
    query = select(table).where(table.c.tenant == str(tenant))
    async with database.read() as connection:
        found = await connection.execute(query.order_by(*(table.c[name] for name in order)))
        return found.mappings().all()


async def _remove(database: Database, table: Table, tenant: TenantId, name: str) -> bool:
    async with database.write() as connection:
        removed = await connection.execute(delete(table).where(_named(table, tenant, name)))
    return removed.rowcount > 0


def _read_configuration(row: RowMapping) -> SyncConfiguration:
    return SyncConfiguration(
        id=SyncConfigurationId(row["id"]),
        settings=settings_from_json(row["settings"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _entry_row(tenant: TenantId, entry: BlacklistEntry) -> Mapping[str, Any]:
    return {
        "tenant": str(tenant),
        "id": entry.id,
        "kind": entry.kind.value,
        "value": entry.value,
        "created_at": entry.created_at,
    }


def _read_entry(row: RowMapping) -> BlacklistEntry:
    return BlacklistEntry(
        id=BlacklistEntryId(row["id"]),
        kind=BlacklistKind(row["kind"]),
        value=row["value"],
        created_at=row["created_at"],
    )
