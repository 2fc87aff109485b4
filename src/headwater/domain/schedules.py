"""What a sync configuration's schedule repeats."""

from dataclasses import dataclass
from datetime import datetime

from headwater.domain.ids import JobId, SiteId, SpaceKey, TenantId
from headwater.domain.jobs import JobRef
from headwater.domain.settings import SyncConfigurationId


@dataclass(frozen=True, slots=True)
class Standing:
    """The place that a new job takes as what the schedule of its configuration repeats for its space."""

    configuration_id: SyncConfigurationId
    site: SiteId
    instead_of: JobId | None = None
    """Takes the place of this job only; of whichever there is, if ``None``."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One space that a schedule keeps in step: the last upload that named the configuration."""

    tenant: TenantId
    configuration_id: SyncConfigurationId
    site: SiteId
    space: SpaceKey
    job_id: JobId
    """The upload, or the latest repetition of it, which asks for the same."""
    accepted_at: datetime
    cron: str
    """Five fields, UTC."""
    set_at: datetime
    """When the configuration was stored last."""

    @property
    def ref(self) -> JobRef:
        """The full name of the job to repeat."""
        return JobRef(self.tenant, self.job_id)
