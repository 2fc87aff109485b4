"""The second part of a sync: carry out the decisions, batch by batch, in as many processes as there are.

A batch goes vectors first, catalog last, so that a crash repeats it and never skips it. Reading,
converting, embedding and storing go on side by side, each with another batch in hand.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Final

from headwater.domain.content import Space
from headwater.domain.errors import (
    ClaimLostError,
    DocumentError,
    FailureType,
    RetryableError,
)
from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobRef, Stage
from headwater.domain.sync import Provenance
from headwater.pipeline.planning import is_searchable
from headwater.ports import Ports
from headwater.services.sync.attachments import attachment_rules, prepare_attachments
from headwater.services.sync.batches import (
    EmbeddedBatch,
    embed_batches,
    join_batches,
    settle_skips,
    store_batch,
)
from headwater.services.sync.claiming import Claim, Items, ReadClaims, claim_items
from headwater.services.sync.preparing import Readied, gather_batches, prepare_pages
from headwater.services.sync.results import make_failure, make_skip, record_results
from headwater.services.sync.run import ALONE, Hand, SyncRun, describe_item, open_run
from headwater.services.sync.storekeeping import count_tidyings, tidy_store
from headwater.services.sync.streams import read_ahead, read_together
from headwater.services.sync.survey import Survey
from headwater.services.sync.upkeep import settle_unchanged, settle_unread

LOOK_SECONDS: Final = 0.2
"""Between two looks at whether other processes have settled the rest."""

BATCHES_AHEAD: Final = 2
"""Of the embedder: enough that it need not wait for a page that takes long to convert."""

EMBEDDED_AHEAD: Final = 8
"""Of the store, which takes in at once all that has come while it was at the last."""

VANISHED: Final = "vanished"
"""Listed, but gone when its body was asked for; the next sync sees what became of it."""

NOT_SHOWN: Final = (
    "Confluence listed it, but did not show it when it was to be read. It stays as it was;"
    " the next sync sees what became of it."
)


async def bring_in(ports: Ports, ref: JobRef, survey: Survey, hand: Hand = ALONE) -> None:
    """Settle every listed document, or wait until others have. Goes on where it was when repeated.

    What failed in a way that may pass is tried once more, after everything else.
    """
    try:
        async with open_run(ports, ref, hand) as run:
            await run.reporter.enter(Stage.PROCESSING)
            await ports.work.release(ref, hand.name)  # what a crash left claimed
            await _settle_all(run, survey.space)
    except (ClaimLostError, RetryableError):
        raise  # another process has the job, or this one goes on with it: it is not about to end
    except Exception:  # a defect too: whatever it is, the job is about to end
        await _keep_from_others(ports, ref, hand)
        raise


async def lend_hand(ports: Ports, ref: JobRef, survey: Survey, hand: Hand) -> None:
    """Settle documents of a job that another process has, until none is free or the place is wanted."""
    async with open_run(ports, ref, hand, helps=True) as run:
        try:
            await _settle_free(run, survey.space)
        finally:
            await ports.work.release(ref, hand.name)


async def _settle_all(run: SyncRun, space: Space) -> None:
    while True:
        await _settle_free(run, space)
        if not await run.ports.work.pending(run.ref, limit=1):
            return
        await run.check_going_on()
        await asyncio.sleep(LOOK_SECONDS)  # others are at the rest, or one of them has died over it


async def _keep_from_others(ports: Ports, ref: JobRef, hand: Hand) -> None:
    """Return when no other hand is at the job any more: its end counts what all of them did."""
    await ports.work.claim_rest(ref, hand.name)
    while await ports.work.hands(ref) - {hand.name}:
        await asyncio.sleep(LOOK_SECONDS)
        await ports.work.claim_rest(ref, hand.name)


async def _settle_free(run: SyncRun, space: Space) -> None:
    """Settle what nobody is at: once through everything, then through what was passed over."""
    await _go_through(run, space)
    while await _go_through(replace(run, is_last_try=True), space):
        pass


async def _go_through(run: SyncRun, space: Space) -> bool:
    """Settle what is free, or what was passed over; return whether there was anything.

    What need not be read comes first: it is quickly done, and closes what has to be closed.
    """
    found = False
    async with aclosing(claim_items(run, reading=False)) as shares:
        async for items in shares:
            found = True
            await settle_unread(run, space, items)
            await _pass_over(run, [item.listed.content_id for item in items])
    return await _settle_read(run, space) or found


async def _settle_read(run: SyncRun, space: Space) -> bool:
    """Read, convert, embed and store side by side; return whether there was anything."""
    claims = ReadClaims(run, partial(_read_items, run, space))
    prepared = read_ahead(gather_batches(claims.deliver()), depth=BATCHES_AHEAD)
    embedded = join_batches(read_together(embed_batches(run, prepared), most=EMBEDDED_AHEAD))
    ended = 0
    async with aclosing(embedded) as batches:
        while item := await run.until_cancelled(_take_next(batches)):
            await run.check_going_on()
            await store_batch(run, item)
            await settle_unchanged(run, item.batch.unchanged)
            for claim in claims.note_settled(item.batch.content_ids):
                await _end_claim(run, space, claim, before=ended)
                ended += len(claim.items)
    for claim in claims.end():
        await _end_claim(run, space, claim, before=ended)
        ended += len(claim.items)
    return ended > 0


async def _read_items(run: SyncRun, space: Space, items: Items) -> AsyncGenerator[Readied, None]:
    files = {key: item for key, item in items.items() if item.attachment}
    pages = {key: item for key, item in items.items() if not item.attachment}
    rules = attachment_rules(run.job.request)
    if pages:
        async with aclosing(prepare_pages(run, space, pages)) as documents:
            async for document in documents:
                yield document
    if files:
        async with aclosing(prepare_attachments(run, space, files, rules)) as documents:
            async for document in documents:
                yield document


async def _end_claim(run: SyncRun, space: Space, claim: Claim, *, before: int) -> None:
    """See to what was not delivered; ``before`` counts the documents of earlier shares."""
    await _settle_vanished(run, space, claim.vanished)
    await _pass_over(run, list(claim.items))
    if count_tidyings(before) < count_tidyings(before + len(claim.items)):
        # What there is to say is said by the job's end, which tidies again.
        await tidy_store(run.ports, run.ref.tenant)


async def _pass_over(run: SyncRun, content_ids: Sequence[ContentId]) -> None:
    """Leave what is not settled by now for the last try, or for the next round of it."""
    await run.ports.work.pass_over(run.ref, run.hand.name, content_ids)


async def _take_next(batches: AsyncGenerator[EmbeddedBatch, None]) -> EmbeddedBatch | None:
    return await anext(batches, None)


async def _settle_vanished(run: SyncRun, space: Space, vanished: Items) -> None:
    """Leave out what is new; what is in the index stays, since nothing proves that it is gone."""
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
