"""What a space holds: documents, attachments and comments into the work list, labels and rights beside."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final, TypeVar

from headwater.domain.content import UNREADABLE, Annotation, Space
from headwater.domain.errors import ListingIncompleteError, SourceUnreachableError
from headwater.domain.ids import ContentId
from headwater.domain.jobs import DocumentCounts, JobChange, Progress, Stage
from headwater.ports import ListedCounts
from headwater.services.sync.run import SyncRun, read_open_job
from headwater.services.sync.survey import Survey

ANNOTATE_BATCH: Final = 50

MAX_LISTED: Final = 1_000_000
"""Items of one kind in a space: a site that goes on listing for ever fills no disk."""

T = TypeVar("T")


async def list_space(run: SyncRun, space: Space) -> Survey:
    """List everything. What broke off is said in the survey, which then allows no deletion."""
    await run.reporter.enter(Stage.LISTING)
    source, work = run.source, run.ports.work
    await work.clear(run.ref)
    documents = await _list(
        run, source.list_documents(space), lambda found: work.add(run.ref, found)
    )
    attachments = await _list(
        run, source.list_attachments(space), lambda found: work.add_attachments(run.ref, found)
    )
    comments = await _list(
        run, source.list_comments(space), lambda found: work.add_comments(run.ref, found)
    )
    return Survey(
        site=run.site,
        space=space,
        complete=documents is None,
        attachments_complete=attachments is None,
        comments_complete=comments is None,
        notes=_describe(documents, attachments, comments),
    )


async def annotate(run: SyncRun, space: Space) -> list[str]:
    """Read labels and restrictions in bulk, then one by one whatever the bulk reading left out."""
    notes = []
    try:
        async with aclosing(run.source.list_annotations(space)) as batches:
            async for annotations in batches:
                await run.ports.work.annotate(run.ref, annotations)
    except (ListingIncompleteError, SourceUnreachableError) as error:
        notes.append(f"labels and restrictions were read page by page: {error}")
    while missing := await run.ports.work.unannotated(run.ref, limit=ANNOTATE_BATCH):
        annotations = await run.source.read_annotations(missing)
        await run.ports.work.annotate(
            run.ref, _complete(annotations, [item.content_id for item in missing])
        )
        await run.check_going_on()
    return notes


async def _list(
    run: SyncRun,
    listing: AsyncGenerator[Sequence[T], None],
    keep: Callable[[Sequence[T]], Awaitable[None]],
) -> str | None:
    """Keep what the listing yields; return why it broke off, ``None`` if it did not."""
    kept = 0
    try:
        async with aclosing(listing) as batches:
            async for found in batches:
                kept += len(found)
                if kept > MAX_LISTED:
                    return f"it goes on beyond {MAX_LISTED} items, the most that are read"
                await keep(found)
                if run.job.request.retry_of is None:
                    await count_listed(run, await run.ports.work.count(run.ref))
                await run.check_going_on()
    except ListingIncompleteError as error:
        return str(error)
    return None


async def count_listed(run: SyncRun, listed: ListedCounts) -> None:
    """Bring the job's counters to what it listed, however often the listing is repeated."""
    shown = (await read_open_job(run.ports, run.ref)).progress
    growth = Progress(
        documents=DocumentCounts(listed=listed.documents - shown.documents.listed),
        attachments=DocumentCounts(listed=listed.attachments - shown.attachments.listed),
    )
    await run.ports.jobs.change(run.ref, JobChange(progress=growth))


def _complete(
    annotations: Sequence[Annotation], asked: Sequence[ContentId]
) -> Sequence[Annotation]:
    """Close what got no answer."""
    answered = {annotation.content_id for annotation in annotations}
    silent = [key for key in asked if key not in answered]
    return [*annotations, *(Annotation(key, frozenset(), UNREADABLE) for key in silent)]


def _describe(
    documents: str | None, attachments: str | None, comments: str | None
) -> tuple[str, ...]:
    notes = []
    if documents is not None:
        notes.append(f"the listing is incomplete, so nothing is deleted: {documents}")
    if attachments is not None:
        notes.append(f"the attachments' listing is incomplete, so none is deleted: {attachments}")
    if comments is not None:
        notes.append(f"comments could not be listed in full; the next sync reads them: {comments}")
    return tuple(notes)
