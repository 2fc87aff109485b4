"""From fetched pages to chunks, in a thread, gathered into batches of bounded size."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from headwater.domain.access import Scope
from headwater.domain.content import Chunk, DocumentMetadata, Page, Space
from headwater.domain.errors import DocumentError
from headwater.domain.ids import ContentId
from headwater.domain.sync import WorkItem
from headwater.pipeline.chunking import split_document
from headwater.pipeline.markdown import document_from_page
from headwater.ports import FetchedPage
from headwater.services.sync.run import SyncRun, describe_item

CHUNKS_PER_BATCH: Final = 32
DOCUMENTS_PER_BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document cut into chunks, ready to be compared with what is stored."""

    metadata: DocumentMetadata
    chunks: tuple[Chunk, ...]
    losses: Mapping[str, int]

    @property
    def hashes(self) -> tuple[str, ...]:
        """The chunks' digests, in order."""
        return tuple(chunk.text_hash for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class Broken:
    """A document that could not be read or converted."""

    metadata: DocumentMetadata
    error: DocumentError


@dataclass(slots=True)
class Batch:
    """Documents to be settled together."""

    prepared: list[Prepared] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether the batch is large enough to be settled."""
        chunks = sum(len(item.chunks) for item in self.prepared)
        documents = len(self.prepared) + len(self.broken)
        return chunks >= CHUNKS_PER_BATCH or documents >= DOCUMENTS_PER_BATCH

    def add(self, document: Prepared | Broken) -> None:
        """Add one document."""
        if isinstance(document, Broken):
            self.broken.append(document)
        else:
            self.prepared.append(document)

    def __bool__(self) -> bool:
        return bool(self.prepared or self.broken)


async def prepare_batches(
    run: SyncRun,
    space: Space,
    items: Mapping[ContentId, WorkItem],
    pages: AsyncGenerator[FetchedPage, None],
    root: Scope,
) -> AsyncGenerator[Batch, None]:
    """Yield the fetched pages as chunks, some dozens of chunks at a time."""
    batch = Batch()
    async with aclosing(pages):
        async for fetched in pages:
            item = items[fetched.content_id]
            batch.add(await _prepare(run, space, item, fetched, root))
            if batch.is_full:
                yield batch
                batch = Batch()
    if batch:
        yield batch


async def _prepare(
    run: SyncRun, space: Space, item: WorkItem, fetched: FetchedPage, root: Scope
) -> Prepared | Broken:
    if isinstance(fetched.outcome, DocumentError):
        return Broken(describe_item(run, space, item, root), fetched.outcome)
    # The page may have been edited since it was listed: what was read is what is described.
    read = replace(item, listed=fetched.outcome.listed)
    metadata = describe_item(run, space, read, root)
    try:
        return await asyncio.to_thread(_convert, run, metadata, fetched.outcome)
    except DocumentError as error:
        return Broken(metadata, error)


def _convert(run: SyncRun, metadata: DocumentMetadata, page: Page) -> Prepared:
    document = document_from_page(page)
    chunks = split_document(document, run.chunk_policy, run.ports.embedder.count_tokens)
    return Prepared(metadata, chunks, document.losses)
