"""Reading, embedding and storing go on side by side, and share no document."""

import asyncio
from dataclasses import replace
from itertools import count

from starlette.responses import Response

from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.domain.jobs import JobStatus
from headwater.sandbox.faults import change_rows, only
from tests.integration.sync.lab import Lab, pages

BATCHES = 3
PAGES = 32 * BATCHES
BODIES = "/wiki/api/v2/pages"


class RingingEmbedder(MemoryEmbedder):
    """Rings when it is asked for the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.again = asyncio.Event()

    async def embed(self, texts, *, kind):
        self.calls += 1
        if self.calls == 2:
            self.again.set()
        return await super().embed(texts, kind=kind)


class HesitantStore:
    """Takes nothing in before the embedder has begun with the next batch."""

    def __init__(self, store, embedder: RingingEmbedder) -> None:
        self._store = store
        self._embedder = embedder

    def __getattr__(self, name: str):
        return getattr(self._store, name)

    async def apply(self, namespace, batch) -> None:
        await asyncio.wait_for(self._embedder.again.wait(), timeout=30)
        await self._store.apply(namespace, batch)


async def test_the_next_batch_is_embedded_while_one_is_stored(lab: Lab) -> None:
    pages(lab.world, PAGES)
    embedder = RingingEmbedder()
    store = HesitantStore(lab.ports.store, embedder)
    lab.ports = replace(lab.ports, store=store, embedder=embedder)
    job = await lab.sync()
    assert job.status is JobStatus.SUCCEEDED
    assert embedder.calls == BATCHES
    assert len(await lab.indexed()) == PAGES


async def test_one_attachment_is_downloaded_while_another_is(lab: Lab) -> None:
    page = pages(lab.world, 1)[0]
    for number in range(4):
        lab.world.attach(page, f"{number}.csv", b"name,1", media_type="text/csv")
    downloads, another = count(1), asyncio.Event()

    async def hold(answer: Response) -> Response:
        await asyncio.wait_for(another.wait(), timeout=30)
        return answer

    def wait_for_company(_request, template: str, answer: Response):
        if not template.endswith("/download"):
            return answer
        if next(downloads) > 1:
            another.set()
        return hold(answer)

    lab.site.faults.append(wait_for_company)
    job = await lab.sync()
    assert job.progress.attachments.added == 4


async def test_a_page_that_is_delivered_twice_counts_once(lab: Lab) -> None:
    pages(lab.world, PAGES)
    twice = change_rows(lambda rows: [*rows, *rows])
    lab.site.faults.append(only(twice, BODIES))
    job = await lab.sync()
    assert job.progress.documents.listed == job.progress.documents.done == PAGES
    assert job.progress.documents.added == PAGES
    assert lab.embedder.texts_embedded == PAGES
