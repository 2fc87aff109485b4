"""From fetched pages and files to chunks, gathered into batches of bounded size."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from headwater.domain.content import Chunk, Document, DocumentMetadata, Page, Space
from headwater.domain.errors import DocumentError, FailureType
from headwater.domain.ids import ContentId
from headwater.domain.sync import KnownDocument, Provenance, WorkItem
from headwater.pipeline.chunking import ChunkPolicy, split_document
from headwater.pipeline.comments import add_comments
from headwater.pipeline.markdown import document_from_page
from headwater.pipeline.planning import digest_comments
from headwater.services.sync.naming import NamedPage, name_people
from headwater.services.sync.run import SyncRun, describe_item

CHUNKS_PER_BATCH: Final = 32
DOCUMENTS_PER_BATCH: Final = 32

NAMES_UNREAD: Final = "names-unread;"

MAX_CHUNKS: Final = 20_000
"""Of one document, which is settled whole: some five million words' parts, held in memory at once."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document cut into chunks, ready to be compared with what is stored."""

    metadata: DocumentMetadata
    chunks: tuple[Chunk, ...]
    provenance: Provenance
    losses: Mapping[str, int] = field(default_factory=dict)
    ocr_pages: int = 0

    @property
    def hashes(self) -> tuple[str, ...]:
        """The chunks' digests, in order."""
        return tuple(chunk.text_hash for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class Broken:
    """A document that could not be read or converted."""

    metadata: DocumentMetadata
    error: DocumentError


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A document that turned out, once it was read, to be none for the index."""

    metadata: DocumentMetadata
    reason: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A document of the index that was fetched again, and turned out to be the same but for metadata."""

    metadata: DocumentMetadata
    known: KnownDocument


Readied = Prepared | Broken | LeftOut | Unchanged


@dataclass(slots=True)
class Batch:
    """Documents to be settled together."""

    prepared: list[Prepared] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    unchanged: list[Unchanged] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether the batch is large enough to be settled."""
        chunks = sum(len(item.chunks) for item in self.prepared)
        return chunks >= CHUNKS_PER_BATCH or len(self.content_ids) >= DOCUMENTS_PER_BATCH

    @property
    def content_ids(self) -> set[ContentId]:
        """Whose documents these are."""
        ids = {item.metadata.content_id for item in self.prepared}
        ids |= {item.metadata.content_id for item in self.broken}
        ids |= {item.metadata.content_id for item in self.left_out}
        return ids | {item.metadata.content_id for item in self.unchanged}

    def add(self, document: Readied) -> None:
        """Add one document."""
        match document:
            case Prepared():
                self.prepared.append(document)
            case Broken():
                self.broken.append(document)
            case LeftOut():
                self.left_out.append(document)
            case Unchanged():
                self.unchanged.append(document)


def join_documents(batches: Sequence[Batch]) -> Batch:
    """Return the documents of several batches as one."""
    return Batch(
        prepared=[item for batch in batches for item in batch.prepared],
        broken=[item for batch in batches for item in batch.broken],
        left_out=[item for batch in batches for item in batch.left_out],
        unchanged=[item for batch in batches for item in batch.unchanged],
    )


async def gather_batches(documents: AsyncGenerator[Readied, None]) -> AsyncGenerator[Batch, None]:
    """Yield the documents some dozens of chunks at a time."""
    batch = Batch()
    async with aclosing(documents):
        async for document in documents:
            batch.add(document)
            if batch.is_full:
                yield batch
                batch = Batch()
    if batch.content_ids:
        yield batch


async def prepare_pages(
    run: SyncRun, space: Space, items: Mapping[ContentId, WorkItem]
) -> AsyncGenerator[Readied, None]:
    """Fetch pages and yield them as chunks, with their comments."""
    comments = await run.ports.work.comments(run.ref, list(items))
    pages = run.source.fetch_pages([item.listed for item in items.values()])
    async with aclosing(name_people(run.source, pages, comments)) as named:
        async for page in named:
            yield await _prepare_page(run, space, items[page.fetched.content_id], page)


async def _prepare_page(run: SyncRun, space: Space, item: WorkItem, named: NamedPage) -> Readied:
    outcome = named.fetched.outcome
    if isinstance(outcome, DocumentError):
        return Broken(describe_item(run, space, item), outcome)
    # The page may have been edited since it was listed: what was read is what is described.
    metadata = describe_item(run, space, replace(item, listed=outcome.listed))
    try:
        return await asyncio.to_thread(_convert, run, metadata, outcome, named)
    except DocumentError as error:
        return Broken(metadata, error)


def _convert(run: SyncRun, metadata: DocumentMetadata, page: Page, named: NamedPage) -> Prepared:
    document = document_from_page(page, named.people)
    return cut_document(
        run,
        metadata,
        add_comments(document, named.comments, named.people),
        Provenance(_name_recipe(run, named), comments_digest=digest_comments(named.comments)),
    )


def _name_recipe(run: SyncRun, named: NamedPage) -> str:
    """Return the recipe; a page without its names is not made by it, so that the next sync reads it."""
    return str(run.recipe) if named.are_names_read else f"{NAMES_UNREAD}{run.recipe}"


def cut_document(
    run: SyncRun,
    metadata: DocumentMetadata,
    document: Document,
    provenance: Provenance,
    policy: ChunkPolicy | None = None,
) -> Prepared:
    """Return a document cut into chunks for the embedder in use, by the run's policy or another.

    ``DocumentError`` for one of more than ``MAX_CHUNKS``.
    """
    policy = policy or run.chunk_policy
    chunks = split_document(document, policy, run.ports.embedder.count_tokens)
    if len(chunks) > MAX_CHUNKS:
        raise DocumentError(
            FailureType.FILE_TOO_LARGE,
            f"it makes {len(chunks)} chunks, {MAX_CHUNKS} are the most; split it in Confluence",
        )
    return Prepared(metadata, chunks, provenance, document.losses)
