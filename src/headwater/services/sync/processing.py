"""The second part of a sync: carry out the decisions, batch by batch.

A batch goes vectors first, catalog last, so that a crash repeats it and never skips it. Reading,
converting, embedding and storing go on side by side, each with another batch in hand.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from headwater.domain.content import Space
from headwater.domain.errors import DocumentError, FailureType
from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobRef, Stage
from headwater.domain.sync import Action, Provenance, WorkItem
from headwater.pipeline.planning import is_searchable
from headwater.ports import Ports
from headwater.services.sync.attachments import attachment_rules, prepare_attachments
from headwater.services.sync.batches import (
    EmbeddedBatch,
    embed_batches,
    settle_skips,
    store_batch,
)
from headwater.services.sync.preparing import Readied, gather_batches, prepare_pages
from headwater.services.sync.results import make_failure, make_skip, record_results
from headwater.services.sync.run import SyncRun, describe_item, open_run
from headwater.services.sync.storekeeping import tidy_store
from headwater.services.sync.streams import read_ahead
from headwater.services.sync.survey import Survey
from headwater.services.sync.upkeep import settle_unchanged, settle_unread

PENDING_BATCH: Final = 1000
BATCHES_AHEAD: Final = 2
"""Of the embedder: enough that it need not wait for a page that takes long to convert."""

EMBEDDED_AHEAD: Final = 1
"""Of the store, beside the one that it takes in and the one that is being embedded."""

VANISHED: Final = "vanished"
"""Listed, but gone when its body was asked for; the next sync sees what became of it."""

NOT_SHOWN: Final = (
    "Confluence listed it, but did not show it when it was to be read. It stays as it was;"
    " the next sync sees what became of it."
)

Items = Mapping[ContentId, WorkItem]


async def bring_in(ports: Ports, ref: JobRef, survey: Survey) -> None:
    """Settle every listed document. Goes on where it was when it is repeated.

    What failed in a way that may pass is tried once more, after everything else.
    """
    async with open_run(ports, ref) as run:
        await run.reporter.enter(Stage.PROCESSING)
        await _settle_pending(run, survey.space)
        while await _settle_pending(replace(run, is_last_try=True), survey.space):
            pass


async def _settle_pending(run: SyncRun, space: Space) -> bool:
    """Go once through all that is to be settled; return whether there was anything."""
    after: ContentId | None = None
    while items := await run.ports.work.pending(run.ref, after=after, limit=PENDING_BATCH):
        await settle_unread(run, space, items)
        await _settle_read(run, space, items)
        after = items[-1].listed.content_id
    return after is not None


async def _settle_read(run: SyncRun, space: Space, items: Sequence[WorkItem]) -> None:
    wanted = {item.listed.content_id: item for item in items if item.action is Action.FETCH}
    files = {key: item for key, item in wanted.items() if item.attachment}
    pages = {key: item for key, item in wanted.items() if not item.attachment}
    settled = await _settle_all(run, prepare_pages(run, space, pages)) if pages else set()
    if files:
        rules = attachment_rules(run.job.request)
        settled |= await _settle_all(run, prepare_attachments(run, space, files, rules))
    await _settle_vanished(run, space, wanted, settled)
    if len(wanted) == PENDING_BATCH:
        # More is to come. What there is to say is said by the job's end, which tidies again.
        await tidy_store(run.ports, run.ref.tenant)


async def _settle_all(run: SyncRun, documents: AsyncGenerator[Readied, None]) -> set[ContentId]:
    settled: set[ContentId] = set()
    prepared = read_ahead(gather_batches(_leave_out_repeats(documents)), depth=BATCHES_AHEAD)
    embedded = read_ahead(embed_batches(run, prepared), depth=EMBEDDED_AHEAD)
    async with aclosing(embedded) as batches:
        while item := await run.until_cancelled(_take_next(batches)):
            await run.check_cancelled()
            await store_batch(run, item)
            await settle_unchanged(run, item.batch.unchanged)
            settled |= item.batch.content_ids
    return settled


async def _take_next(batches: AsyncGenerator[EmbeddedBatch, None]) -> EmbeddedBatch | None:
    return await anext(batches, None)


async def _leave_out_repeats(
    documents: AsyncGenerator[Readied, None],
) -> AsyncGenerator[Readied, None]:
    """Yield each document once, whatever Confluence delivered twice."""
    seen: set[ContentId] = set()
    async with aclosing(documents):
        async for document in documents:
            if document.metadata.content_id not in seen:
                seen.add(document.metadata.content_id)
                yield document


async def _settle_vanished(
    run: SyncRun, space: Space, wanted: Items, settled: set[ContentId]
) -> None:
    """Leave out what is new; what is in the index stays, since nothing proves that it is gone."""
    vanished = {key: item for key, item in wanted.items() if key not in settled}
    known = await run.ports.catalog.known(run.ref.tenant, run.site, list(vanished))
    searchable = {key for key, item in known.items() if is_searchable(item)}
    described = {key: describe_item(run, space, item) for key, item in vanished.items()}
    await settle_skips(
        run,
        [
            make_skip(metadata, VANISHED, Provenance(recipe=""))
            for key, metadata in described.items()
            if key not in searchable
        ],
    )
    error = DocumentError(FailureType.ACCESS_DENIED, NOT_SHOWN)
    await record_results(run, [make_failure(described[key], error) for key in searchable])
