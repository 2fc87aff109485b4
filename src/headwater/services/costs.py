"""What reading and embedding a sync's documents would take, measured on a sample of its pages.

At most ``SAMPLE`` pages, spread evenly, are read and cut; a few of their chunks are embedded; the
rest is in proportion. Attachments are not downloaded: their size stands for their text.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final

from headwater.domain.content import Chunk, Space
from headwater.domain.ids import ContentId
from headwater.domain.sync import Action, KnownDocument, Outcome, WorkItem
from headwater.pipeline.planning import is_image, reusable_documents
from headwater.ports import EmbeddingKind
from headwater.services.sync.preparing import Prepared, prepare_pages
from headwater.services.sync.run import SyncRun

SAMPLE: Final = 100
EMBEDDED: Final = 16
"""Chunks that are embedded to learn how long one takes."""

BYTES_PER_CHUNK: Final = 16_384
"""Of an attachment: a rough mean over office files, PDFs and plain text."""

_NEW: Final = frozenset({Outcome.ADDED, Outcome.UPDATED})

MOST_CHUNKS: Final = 200
"""Of one attachment, however large its pictures make it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a sync would take. ``ocr_pages`` counts images; scans inside files show when read."""

    chunks: int
    tokens: int
    requests: int
    ocr_pages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Sample:
    """What so many pages took."""

    pages: int
    chunks: tuple[Chunk, ...]
    requests: int

    def scale(self, amount: int, pages: int) -> int:
        """Return an amount of the sample in proportion to so many pages."""
        return ceil(amount * pages / self.pages) if self.pages else 0


async def estimate_cost(
    run: SyncRun,
    space: Space,
    items: Sequence[WorkItem],
    outcomes: Mapping[ContentId, Outcome],
    *,
    requests: int,
    spent: timedelta,
) -> Cost:
    """Return what the items would take, after ``requests`` made in the time ``spent``.

    ``outcomes`` says how each will probably end.
    """
    fetched = [item for item in items if item.action is Action.FETCH]
    pages = [item for item in fetched if item.attachment is None]
    files = [item for item in fetched if item.attachment is not None]
    sample = await _read_sample(run, space, pages)
    per_chunk, tokens = await _measure_chunks(run, sample.chunks)
    file_chunks = await _count_file_chunks(run, files, outcomes)
    chunks = sample.scale(len(sample.chunks), len(pages)) + file_chunks
    more = sample.scale(sample.requests, len(pages)) + run.source.requests_per_file * len(files)
    per_request = spent.total_seconds() / max(requests, 1)
    return Cost(
        chunks=chunks,
        tokens=round(chunks * tokens),
        requests=requests + more,
        ocr_pages=sum(map(_is_image, files)) if run.job.request.use_ocr else 0,
        # Reading goes on while chunks are embedded: the slower of the two decides.
        seconds=spent.total_seconds() + max(more * per_request, chunks * per_chunk),
    )


async def _read_sample(run: SyncRun, space: Space, pages: Sequence[WorkItem]) -> _Sample:
    chosen = pages[:: max(1, ceil(len(pages) / SAMPLE))]
    items = {item.listed.content_id: item for item in chosen}
    known = await run.ports.catalog.known(run.ref.tenant, run.site, list(items))
    before = run.source.traffic.requests
    chunks: list[Chunk] = []
    if items:
        async with aclosing(prepare_pages(run, space, items)) as documents:
            async for document in documents:
                if isinstance(document, Prepared):
                    chunks += _find_new(run, document, known.get(document.metadata.content_id))
    return _Sample(len(items), tuple(chunks), run.source.traffic.requests - before)


def _find_new(run: SyncRun, document: Prepared, known: KnownDocument | None) -> list[Chunk]:
    """Return the chunks that no stored vector of the document fits."""
    is_reusable = known and reusable_documents({known.document_id: known}, run.recipe)
    at_hand = set(known.chunk_hashes) if known and is_reusable else set()
    return [chunk for chunk in document.chunks if chunk.text_hash not in at_hand]


async def _measure_chunks(run: SyncRun, chunks: Sequence[Chunk]) -> tuple[float, float]:
    """Return the seconds and the tokens that a chunk takes, both as means."""
    embedder = run.ports.embedder
    texts = [chunk.embedded_text for chunk in chunks] or ["a text of a few words"]
    tokens = sum(map(embedder.count_tokens, texts)) / len(texts)
    started = run.ports.now()
    await embedder.embed(texts[:EMBEDDED], kind=EmbeddingKind.PASSAGE)
    seconds = (run.ports.now() - started).total_seconds() / len(texts[:EMBEDDED])
    return seconds, tokens if chunks else 0.75 * embedder.max_tokens


async def _count_file_chunks(
    run: SyncRun, files: Sequence[WorkItem], outcomes: Mapping[ContentId, Outcome]
) -> int:
    """Guess the chunks of what is new, and count those that another model embedded."""
    ids = [item.listed.content_id for item in files]
    known = await run.ports.catalog.known(run.ref.tenant, run.site, ids)
    reusable = reusable_documents({item.document_id: item for item in known.values()}, run.recipe)
    new = [item for item in files if outcomes.get(item.listed.content_id) in _NEW]
    rest = known.keys() - {item.listed.content_id for item in new}
    again = (known[key] for key in rest if known[key].document_id not in reusable)
    return sum(map(_guess_chunks, new)) + sum(len(item.chunk_hashes) for item in again)


def _guess_chunks(item: WorkItem) -> int:
    size = item.attachment.file_size if item.attachment else 0
    return min(MOST_CHUNKS, max(1, ceil(size / BYTES_PER_CHUNK)))


def _is_image(item: WorkItem) -> bool:
    return item.attachment is not None and is_image(item.attachment.media_type)
