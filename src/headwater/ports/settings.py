"""What a tenant stored about its syncs."""

from collections.abc import Sequence
from typing import Protocol

from headwater.domain.ids import TenantId
from headwater.domain.settings import (
    BlacklistEntry,
    BlacklistEntryId,
    SyncConfiguration,
    SyncConfigurationId,
)


class SyncConfigurationStore(Protocol):
    """Sync configurations, by their names within a tenant."""

    async def put(self, tenant: TenantId, configuration: SyncConfiguration) -> None:
        """Add the configuration; one of that id keeps its creation time and is replaced otherwise."""

    async def find(
        self, tenant: TenantId, configuration_id: SyncConfigurationId
    ) -> SyncConfiguration | None: ...

    async def list(self, tenant: TenantId) -> Sequence[SyncConfiguration]:
        """Return the tenant's configurations by id."""

    async def remove(self, tenant: TenantId, configuration_id: SyncConfigurationId) -> bool:
        """Remove the configuration; return whether there was one."""


class BlacklistStore(Protocol):
    """What a tenant keeps out."""

    async def add(self, tenant: TenantId, entry: BlacklistEntry) -> BlacklistEntry:
        """Add the entry; where the same kind and value is on the list, that entry is the answer."""

    async def list(self, tenant: TenantId) -> Sequence[BlacklistEntry]:
        """Return the tenant's entries, oldest first."""

    async def remove(self, tenant: TenantId, entry_id: BlacklistEntryId) -> bool:
        """Remove the entry; return whether there was one."""
