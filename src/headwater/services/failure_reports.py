"""What failed in a job, as it may be told: of a document that the asker may not read, only that it failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from headwater.domain.access import Reader
from headwater.domain.ids import TenantId
from headwater.domain.jobs import Failure, Job, JobRef
from headwater.ports import FailurePage, Ports
from headwater.services.inventory import sees, visible_scopes

FIRST_FAILURES: Final = 20

WITHHELD_TITLE: Final = "(not yours to read)"
WITHHELD_MESSAGE: Final = "ask with knowledge:write for what failed here"


@dataclass(frozen=True, slots=True)
class FailureReports:
    """Reads failures for one asker; ``sight`` is ``None`` for who sees everything."""

    ports: Ports
    sight: Reader | None

    async def read_page(
        self, ref: JobRef, *, cursor: str | None = None, limit: int = FIRST_FAILURES
    ) -> FailurePage:
        """Return a page of the job's failures, oldest first; empty without the job."""
        page = await self.ports.jobs.failures(ref, cursor=cursor, limit=limit)
        return replace(page, failures=tuple(await self._withhold(ref.tenant, page.failures)))

    async def read_first(
        self, tenant: TenantId, jobs: Sequence[Job]
    ) -> Mapping[JobRef, Sequence[Failure]]:
        """Return the first failures of each of the tenant's jobs that has any."""
        first = await self.ports.jobs.first_failures(
            [job.ref for job in jobs], limit=FIRST_FAILURES
        )
        told = iter(
            await self._withhold(tenant, [item for items in first.values() for item in items])
        )
        return {ref: [next(told) for _ in items] for ref, items in first.items()}

    async def _withhold(self, tenant: TenantId, failures: Sequence[Failure]) -> Sequence[Failure]:
        if self.sight is None or not failures:
            return failures
        entries = await self.ports.library.read(tenant, [item.document_id for item in failures])
        scopes = await visible_scopes(self.ports, tenant, self.sight)
        known = [entry.known for entry in entries]
        visible = {item.document_id for item in known if sees(scopes, item.access_scope)}
        return [item if item.document_id in visible else _withheld(item) for item in failures]


def _withheld(failure: Failure) -> Failure:
    return replace(failure, title=WITHHELD_TITLE, source_url="", error_message=WITHHELD_MESSAGE)
