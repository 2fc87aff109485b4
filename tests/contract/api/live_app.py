"""The application on a socket, over a real catalog and a small made-up Confluence."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import uvicorn

from headwater.adapters.catalog.stores import open_catalog
from headwater.adapters.extraction.memory import MemoryExtractor
from headwater.api.application import begin_shutdown, create_app
from headwater.domain.content import (
    Annotation,
    DocumentKind,
    ListedDocument,
    Page,
    Restriction,
)
from headwater.domain.ids import ContentId, SiteId, SpaceId
from headwater.domain.jobs import JobChange, JobStatus, SiteCredential, Stage
from headwater.domain.secrets import Secret
from headwater.domain.sync import Outcome
from headwater.ports import (
    ContentPage,
    ContentStatus,
    FetchedPage,
    LookedUp,
    SpaceReaders,
    Traffic,
)
from headwater.services.credentials import seal_credential
from tests.contract.api.fakes import NOW, FakeBox, FakeSource, FakeSources, World, make_settings
from tests.contract.catalog_samples import make_job, make_ref, make_result, make_space

PAGES = tuple(
    ListedDocument(
        content_id=ContentId(str(number)),
        kind=DocumentKind.PAGE,
        title=f"Page {number}",
        version=1,
        last_modified=NOW,
    )
    for number in range(1, 4)
)


class SmallSource(FakeSource):
    """A Confluence with a few pages, in which every space exists."""

    site = SiteId("acme.example")
    face = "Confluence Cloud"
    requests_per_file = 2
    archives_pages = True

    async def find_space(self, key):
        return replace(self._spaces[0], key=key, id=SpaceId("7"))

    async def list_page(self, space, parent, position, limit):  # noqa: ARG002  (the port's shape)
        start = int(position or 0)
        following = str(start + limit) if start + limit < len(PAGES) else None
        return ContentPage(PAGES[start : start + limit], following)

    async def find_parents(self, pages):
        return frozenset(pages[:1])

    async def count_content(self, space, kinds, parent=None):  # noqa: ARG002  (the port's shape)
        return len(PAGES)

    traffic = Traffic(0, 0)

    async def list_documents(self, space):  # noqa: ARG002  (the port's shape)
        yield PAGES

    async def list_attachments(self, space):  # noqa: ARG002  (the port's shape)
        yield ()

    async def list_comments(self, space):  # noqa: ARG002  (the port's shape)
        yield ()

    async def list_annotations(self, space):  # noqa: ARG002  (the port's shape)
        yield [Annotation(page.content_id, frozenset(), Restriction()) for page in PAGES]

    async def read_space_readers(self, space):  # noqa: ARG002  (the port's shape)
        return SpaceReaders(Restriction(), everyone=True)

    async def read_names(self, account_ids):  # noqa: ARG002  (the port's shape)
        return {}

    async def fetch_pages(self, documents):
        for document in documents:
            yield FetchedPage(document.content_id, Page(document, "<p>words</p>"))

    async def look_up(self, content_ids):
        return {key: LookedUp(ContentStatus.GONE) for key in content_ids}


class SmallSources(FakeSources):
    @asynccontextmanager
    async def open(self, *_args, **_options):
        yield SmallSource(self.spaces)


class PromptQueue:
    """Finishes every job at once, so that no stream of events waits for one."""

    def __init__(self, jobs) -> None:
        self._jobs = jobs

    async def enqueue(self, ref):
        done = JobChange(status=JobStatus.SUCCEEDED, stage=Stage.DONE, finished_at=NOW)
        await self._jobs.change(ref, done)

    async def check(self):
        pass


@asynccontextmanager
async def open_small_ports(folder: Path, tenant):
    stores = await open_catalog(f"sqlite:///{folder / 'catalog.db'}")
    try:
        await fill(stores, tenant)
        ports = World().ports()
        sources = SmallSources()
        names = "catalog jobs credentials work configurations blacklist inventory deletions library"
        yield replace(
            ports,
            sources=cast("Any", sources),
            patient_sources=cast("Any", sources),
            queue=cast("Any", PromptQueue(stores.jobs)),
            extractor=MemoryExtractor(),
            **{name: getattr(stores, name) for name in names.split()},
        )
    finally:
        await stores.close()


async def fill(stores, tenant):
    """Put in a space with a few documents, one of them failed, and the job that brought them."""
    ref = make_ref("job-1", tenant)
    sealed = seal_credential(FakeBox(), SiteCredential("someone", Secret("token")))
    await stores.jobs.add(make_job(ref), sealed)
    await stores.catalog.put_space(tenant, make_space())
    results = [make_result(number) for number in (1, 2, 3)]
    await stores.catalog.record(ref, [*results, make_result(4, Outcome.FAILED)], JobChange())
    await stores.jobs.change(ref, JobChange(status=JobStatus.PARTIAL, finished_at=NOW))


@contextmanager
def serve_small_app(folder: Path, tenant) -> Iterator[str]:
    """Serve on a thread of its own, and give the URL."""
    settings = make_settings(rate_limit_per_minute=1_000_000)
    app = create_app(settings, lambda: open_small_ports(folder, tenant))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, ws="none"))
    started = threading.Event()
    startup = server.startup

    async def start(sockets=None):
        await startup(sockets)
        started.set()

    server.startup = start  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        assert started.wait(30)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        begin_shutdown(app)
        server.should_exit = True
        thread.join()
