"""A sandbox Confluence and a real index beside it; jobs run at once, without the job engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from headwater.adapters.catalog.stores import CatalogStores, open_catalog
from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.patience import Patience
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.extraction.memory import MemoryExtractor
from headwater.adapters.lance.store import LanceStore
from headwater.adapters.memory_store import MemoryStore
from headwater.adapters.secret_box import FernetSecretBox
from headwater.domain.access import make_reader
from headwater.domain.errors import HeadwaterError
from headwater.domain.ids import JobId, Namespace, SpaceKey, TenantId
from headwater.domain.jobs import (
    ContentRestriction,
    Job,
    JobRef,
    ProcessorMode,
    SiteAddress,
    SiteCredential,
    UploadRequest,
)
from headwater.domain.secrets import Secret
from headwater.ports import Ports, VectorStore
from headwater.sandbox.faces import Cloud, Face
from headwater.sandbox.server import Sandbox, run_sandbox
from headwater.sandbox.world import World
from headwater.services.plans import UploadPlan, plan_upload
from headwater.services.search import SearchQuery, search
from headwater.services.sync.ending import abort, finish
from headwater.services.sync.gathering import gather
from headwater.services.sync.processing import bring_in
from headwater.services.sync.reconciling import reconcile
from headwater.services.uploads import submit_upload
from tests.catalogs import lay_catalog

TENANT = TenantId("00000000-0000-4000-8000-000000000001")
KEY = "LAB"
HASTY = Patience(attempts=2, first_wait=0.001, longest_wait=0.002, budget=1.0)


@dataclass
class LaterQueue:
    """Remembers what was queued; the test runs it."""

    waiting: list[JobRef] = field(default_factory=list)

    async def enqueue(self, ref: JobRef) -> None:
        self.waiting.append(ref)

    async def check(self) -> None: ...


@dataclass
class Lab:
    site: Sandbox
    ports: Ports
    stores: CatalogStores
    embedder: MemoryEmbedder
    queue: LaterQueue
    tenant: TenantId = TENANT

    @property
    def world(self) -> World:
        return self.site.world

    def ask(self, **changes) -> tuple[UploadRequest, SiteCredential]:
        """Return an upload of the lab's space, and what opens it."""
        request = {
            "address": SiteAddress(self.site.instance_url, self.site.web_url),
            "space": SpaceKey(KEY),
            "incremental": True,
            "use_ocr": False,
            "processor_mode": ProcessorMode.AUTO,
            "rezolve_domain": "lab",
            "restriction": ContentRestriction(),
            **changes,
        }
        credential = SiteCredential(self.site.username, Secret(self.site.token))
        return UploadRequest(**request), credential

    async def submit(self, **changes) -> JobRef:
        """Submit an upload of the lab's space and return the queued job."""
        upload, credential = self.ask(**changes)
        await submit_upload(self.ports, self.tenant, upload, credential, job_id=None)
        return self.queue.waiting.pop()

    async def plan(self, **changes) -> UploadPlan:
        """Plan an upload of the lab's space."""
        return await plan_upload(self.ports, self.tenant, *self.ask(**changes))

    async def run(self, ref: JobRef) -> Job:
        """Run a queued job through its steps as the workflow does."""
        try:
            survey = await gather(self.ports, ref)
            for step in (bring_in, reconcile, finish):
                await step(self.ports, ref, survey)
        except HeadwaterError as error:
            await abort(self.ports, ref, error)
        job = await self.ports.jobs.find(ref)
        assert job
        return job

    async def sync(self, **changes) -> Job:
        return await self.run(await self.submit(**changes))

    async def find(self, text: str, *, groups=(), **query) -> list[str]:
        """Return the titles of the matches, best first."""
        reader = make_reader(groups=groups)
        found = await search(self.ports, self.tenant, SearchQuery(text, 20, **query), reader=reader)
        return [match.metadata.title for match in found]

    async def indexed(self) -> dict[str, int]:
        """Return the stored documents' content ids with their number of chunks."""
        documents = await self.ports.store.list_documents(Namespace(self.tenant))
        return {name.rpartition(":")[2]: count for name, count in documents.items()}


@asynccontextmanager
async def open_lab(
    folder: Path, world: World | None = None, *, face: Face | None = None
) -> AsyncIterator[Lab]:
    world = world or World()
    if not world.spaces:
        world.add_space(KEY, "Lab")
    stores = await open_catalog(lay_catalog(folder))
    dimension = MemoryEmbedder().dimension
    store = await LanceStore.open(folder / "vectors", dimension=dimension)
    try:
        async with open_lab_on(stores, store, world, face=face) as lab:
            yield lab
    finally:
        store.close()
        await stores.close()


@asynccontextmanager
async def open_light_lab(folder: Path, *, face: Face | None = None) -> AsyncIterator[Lab]:
    """Open a lab whose store is the twin in memory, for tests of decisions."""
    world = World()
    world.add_space(KEY, "Lab")
    stores = await open_catalog(lay_catalog(folder))
    try:
        async with open_lab_on(stores, MemoryStore(), world, face=face) as lab:
            yield lab
    finally:
        await stores.close()


@asynccontextmanager
async def open_lab_on(
    stores: CatalogStores, store: VectorStore, world: World, *, face: Face | None = None
) -> AsyncIterator[Lab]:
    """Serve the world beside stores that are open already."""
    sources = ConfluenceSources(allowed_private_hosts=("127.0.0.1",), patience=HASTY)
    async with run_sandbox(world, face=face or Cloud()) as site:
        yield make_lab(stores, store, site, sources)


def make_lab(
    stores: CatalogStores, store: VectorStore, site: Sandbox, sources: ConfluenceSources
) -> Lab:
    numbers, queue, embedder = count(1), LaterQueue(), MemoryEmbedder()
    ports = Ports(
        sources=sources,
        patient_sources=sources,
        embedder=embedder,
        extractor=MemoryExtractor(),
        store=store,
        catalog=stores.catalog,
        jobs=stores.jobs,
        credentials=stores.credentials,
        work=stores.work,
        configurations=stores.configurations,
        blacklist=stores.blacklist,
        schedules=stores.schedules,
        inventory=stores.inventory,
        library=stores.library,
        deletions=stores.deletions,
        sessions=stores.sessions,
        secret_box=FernetSecretBox(["lab"]),
        queue=queue,
        now=lambda: datetime.now(UTC),
        new_job_id=lambda: JobId(f"job-{next(numbers)}"),
    )
    return Lab(site, ports, stores, embedder, queue)


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def pages(world: World, number: int, *, parent: str | None = None) -> list[str]:
    """Add pages with a word of their own each; return their ids."""
    return [
        world.create_page(
            KEY, f"Page {place}", paragraphs(f"word{place}x stands here"), parent=parent
        ).id
        for place in range(number)
    ]
