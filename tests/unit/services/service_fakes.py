"""Ports for the services: a real catalog, twins of store and embedder, and a Confluence that answers."""

from contextlib import asynccontextmanager
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from itertools import count
from typing import Any

from headwater.adapters.catalog.stores import open_catalog
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.memory_store import MemoryStore
from headwater.adapters.secret_box import FernetSecretBox
from headwater.domain.content import Space, SpaceStatus, SpaceType
from headwater.domain.errors import SpaceNotFoundError
from headwater.domain.ids import JobId, SiteId, SpaceId, SpaceKey, TenantId
from headwater.domain.jobs import (
    ContentRestriction,
    ProcessorMode,
    SiteAddress,
    SiteCredential,
    UploadRequest,
)
from headwater.domain.secrets import Secret
from headwater.ports import Ports

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = TenantId("11111111-1111-4111-8111-111111111111")
OTHER = TenantId("22222222-2222-4222-8222-222222222222")
TOKEN = "ATATT3x-a-token-nobody-may-see"
CREDENTIAL = SiteCredential("someone@example.com", Secret(TOKEN))


def make_upload(**changes: Any):
    values: dict[str, Any] = {
        "address": SiteAddress("https://acme.example/wiki", "https://acme.example/wiki"),
        "space": SpaceKey("DOCS"),
        "incremental": True,
        "use_ocr": False,
        "processor_mode": ProcessorMode.AUTO,
        "rezolve_domain": "acme",
        "restriction": ContentRestriction(("staff",)),
    }
    return UploadRequest(**{**values, **changes})


def make_space(key):
    return Space(SpaceId(key), SpaceKey(key), key.title(), SpaceType.GLOBAL, SpaceStatus.CURRENT)


SITE = SiteId("acme.example")


@dataclass
class FakeSource:
    """A Confluence with some spaces; ``refusal`` is what opening it raises."""

    spaces: tuple[Space, ...] = (make_space("ZOO"), make_space("DOCS"))
    refusal: Exception | None = None
    site: SiteId = SITE

    async def check_credentials(self):
        pass

    async def find_space(self, key):
        for space in self.spaces:
            if space.key == key:
                return space
        raise SpaceNotFoundError(f"no space {key!r}")

    async def list_spaces(self):
        return self.spaces


@dataclass
class FakeSources:
    """Opens one source, and counts. ``meanwhile`` runs while Confluence is being asked."""

    source: FakeSource = field(default_factory=FakeSource)
    opened: int = 0
    meanwhile: Any = None

    @asynccontextmanager
    async def open(self, address, credential, *, on_wait=None, options=None):  # noqa: ARG002  (the port's shape)
        self.opened += 1
        assert credential.token.reveal() == TOKEN
        if self.source.refusal:
            raise self.source.refusal
        yield self.source
        if self.meanwhile:
            doing, self.meanwhile = self.meanwhile, None
            await doing()


@dataclass
class FakeQueue:
    """Remembers what was enqueued; ``down`` is what enqueuing raises."""

    enqueued: list[Any] = field(default_factory=list)
    down: Exception | None = None

    async def enqueue(self, ref):
        if self.down:
            raise self.down
        self.enqueued.append(ref)

    async def check(self):
        pass


@dataclass
class CountingStore(MemoryStore):
    """The twin, and what it was asked."""

    queries: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def query(self, namespace, query):
        self.queries.append(query)
        return await super().query(namespace, query)


NEEDED = [
    item.name
    for item in fields(Ports)
    if item.default is MISSING and item.default_factory is MISSING
]
"""Ports without a default; what no test of a service asks is absent."""


@asynccontextmanager
async def open_ports(folder):
    stores = await open_catalog(f"sqlite:///{folder}/catalog.db", now=lambda: NOW)
    numbers, sources = count(1), FakeSources()
    given = {
        "sources": sources,
        "patient_sources": sources,
        "embedder": MemoryEmbedder(max_tokens=32),
        "store": CountingStore(),
        "catalog": stores.catalog,
        "jobs": stores.jobs,
        "credentials": stores.credentials,
        "work": stores.work,
        "schedules": stores.schedules,
        "max_open_jobs": 100,
        "configurations": stores.configurations,
        "blacklist": stores.blacklist,
        "inventory": stores.inventory,
        "library": stores.library,
        "deletions": stores.deletions,
        "secret_box": FernetSecretBox(["a-key-for-tests"]),
        "queue": FakeQueue(),
        "now": lambda: NOW,
        "new_job_id": lambda: JobId(f"job-{next(numbers)}"),
    }
    try:
        yield Ports(**{**dict.fromkeys(NEEDED), **given})  # type: ignore[arg-type]
    finally:
        await stores.close()
