"""The second part of a sync: carry out the decisions, batch by batch.

A batch goes vectors first, catalog last, so that a crash repeats it and never skips it. Reading and
converting the next batches goes on while one is embedded.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from headwater.domain.access import Scope, space_scope
from headwater.domain.content import Space
from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobRef, Stage
from headwater.domain.sync import Action, Outcome, WorkItem
from headwater.ports import Ports
from headwater.services.sync.batches import settle_batch
from headwater.services.sync.preparing import Batch, prepare_batches
from headwater.services.sync.results import make_result, record_results
from headwater.services.sync.run import SyncRun, describe_item, open_run
from headwater.services.sync.storekeeping import tidy_store
from headwater.services.sync.streams import read_ahead
from headwater.services.sync.survey import Survey
from headwater.services.sync.upkeep import settle_unread

PENDING_BATCH: Final = 1000
BATCHES_AHEAD: Final = 2
VANISHED: Final = "vanished"
"""Listed, but gone when its body was asked for; the next sync sees what became of it."""


async def bring_in(ports: Ports, ref: JobRef, survey: Survey) -> None:
    """Settle every listed document. Goes on where it was when it is repeated."""
    root = space_scope(survey.site, survey.space.id)
    async with open_run(ports, ref) as run:
        await run.reporter.enter(Stage.PROCESSING)
        while items := await ports.work.pending(ref, limit=PENDING_BATCH):
            await settle_unread(run, survey.space, items, root)
            await _settle_read(run, survey.space, items, root)


async def _settle_read(run: SyncRun, space: Space, items: Sequence[WorkItem], root: Scope) -> None:
    wanted = {item.listed.content_id: item for item in items if item.action is Action.FETCH}
    if not wanted:
        return
    pages = run.source.fetch_pages([item.listed for item in wanted.values()])
    batches = read_ahead(prepare_batches(run, space, wanted, pages, root), depth=BATCHES_AHEAD)
    settled: set[ContentId] = set()
    async with aclosing(batches):
        async for batch in batches:
            await run.check_cancelled()
            await settle_batch(run, batch)
            settled |= _ids(batch)
    await _settle_vanished(run, space, wanted, settled, root)
    if len(wanted) == PENDING_BATCH:
        # More is to come. What there is to say is said by the job's end, which tidies again.
        await tidy_store(run.ports, run.ref.tenant)


def _ids(batch: Batch) -> set[ContentId]:
    metadata = [item.metadata for item in batch.prepared]
    metadata += [item.metadata for item in batch.broken]
    return {item.content_id for item in metadata}


async def _settle_vanished(
    run: SyncRun,
    space: Space,
    wanted: Mapping[ContentId, WorkItem],
    settled: set[ContentId],
    root: Scope,
) -> None:
    results = [
        replace(
            make_result(run, describe_item(run, space, item, root), Outcome.SKIPPED),
            skip_reason=VANISHED,
        )
        for key, item in wanted.items()
        if key not in settled
    ]
    await record_results(run, results)
