"""A world served by the sandbox, brought into a real service, ready to be searched."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from headwater.bootstrap import open_ports, prepare_settings
from headwater.config import load_settings
from headwater.domain.access import Reader
from headwater.domain.content import StoredMatch
from headwater.domain.ids import SpaceKey, TenantId
from headwater.domain.jobs import (
    ContentRestriction,
    JobRef,
    JobStatus,
    ProcessorMode,
    SiteAddress,
    SiteCredential,
    UploadRequest,
)
from headwater.domain.secrets import Secret
from headwater.ports import Ports
from headwater.sandbox.server import Sandbox, run_sandbox
from headwater.sandbox.world import World
from headwater.services.search import SearchQuery, search
from headwater.services.uploads import submit_upload

TENANT = TenantId("11111111-1111-4111-8111-111111111111")


@dataclass(frozen=True)
class KnowledgeBase:
    """A service whose index holds the world's spaces."""

    ports: Ports

    async def find_titles(self, question: str, reader: Reader, *, first: int) -> Sequence[str]:
        """Return the titles of the first pages that answer, best first."""
        return [match.metadata.title for match in await self._ask(question, reader, first)]

    async def _ask(self, question: str, reader: Reader, first: int) -> Sequence[StoredMatch]:
        found = await search(self.ports, TENANT, SearchQuery(question, 6 * first), reader=reader)
        by_page: dict[str, StoredMatch] = {}
        for match in found:
            by_page.setdefault(match.metadata.page_id, match)
        return list(by_page.values())[:first]


@asynccontextmanager
async def index_world(
    world: World,
    folder: Path,
    *,
    spaces: Sequence[str],
    source_restriction: bool = False,
    **options: object,
) -> AsyncIterator[KnowledgeBase]:
    settings = load_settings(data_dir=folder, allowed_private_hosts=("127.0.0.1",), **options)
    async with run_sandbox(world) as site, open_ports(prepare_settings(settings)) as ports:
        for space in spaces:
            await _upload(ports, site, space, source_restriction=source_restriction)
        yield KnowledgeBase(ports)


async def _upload(ports: Ports, site: Sandbox, space: str, *, source_restriction: bool) -> None:
    request = UploadRequest(
        address=SiteAddress(site.instance_url, site.web_url),
        space=SpaceKey(space),
        incremental=True,
        use_ocr=False,
        processor_mode=ProcessorMode.AUTO,
        rezolve_domain="test",
        restriction=ContentRestriction(audience=("all",), source_restriction=source_restriction),
    )
    credential = SiteCredential(site.email, Secret(site.token))
    ref = JobRef(TENANT, await submit_upload(ports, TENANT, request, credential, job_id=None))
    while not (job := await ports.jobs.find(ref)) or not job.status.is_final:  # noqa: ASYNC110  (a job is polled, as clients do)
        await asyncio.sleep(0.1)
    assert job.status is JobStatus.SUCCEEDED, job
