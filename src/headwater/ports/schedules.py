"""What schedules repeat."""

from collections.abc import Sequence
from typing import Protocol

from headwater.domain.ids import CredentialId, JobId, SpaceKey, TenantId
from headwater.domain.jobs import JobRef
from headwater.domain.schedules import Schedule, Standing
from headwater.domain.settings import SyncConfigurationId


class ScheduleStore(Protocol):
    """The uploads that named a sync configuration, the last of each space; jobs put themselves here."""

    async def list_schedules(self) -> Sequence[Schedule]:
        """Return every tenant's uploads whose configuration has a schedule at present."""

    async def list_uploads(
        self, tenant: TenantId, configuration_id: SyncConfigurationId
    ) -> Sequence[JobId]:
        """Return the uploads that stand for a configuration, whether it has a schedule or not."""

    async def find_upload(
        self, tenant: TenantId, standing: Standing, space: SpaceKey
    ) -> JobId | None:
        """Return the upload that has this standing for the space."""

    async def uses(self, tenant: TenantId, credential_id: CredentialId) -> bool:
        """Tell whether a schedule is going to need the credential."""

    async def give_back(
        self, ref: JobRef, standing: Standing, space: SpaceKey, to: JobId | None
    ) -> None:
        """Let the job that stood before stand again; nothing happens where another stands meanwhile."""

    async def forget(self, tenant: TenantId, configuration_id: SyncConfigurationId) -> None:
        """Forget which uploads named a configuration."""
