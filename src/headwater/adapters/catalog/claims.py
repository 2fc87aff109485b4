"""Who is at which document of a work list, when several processes share one job.

A claim holds until its document is settled, its hand lets go, or the process behind the hand is found
dead. No clock is in it: work that takes long is not taken away.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, false, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.rows import AnyRow
from headwater.adapters.catalog.schema import site_paces, work_items
from headwater.adapters.catalog.statements import of_job, split_batches
from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobRef
from headwater.domain.sync import Action

PLACE = (work_items.c.id_length, work_items.c.content_id)


def of_kind(*, reading: bool, again: bool) -> ColumnElement[bool]:
    """Return the condition on documents to be read, or not, for the first time or once more."""
    fetches = work_items.c.action == Action.FETCH.value
    return and_(fetches if reading else ~fetches, work_items.c.passed_over.is_(again))


async def claim_items(
    connection: AsyncConnection, ref: JobRef, hand: str, kind: ColumnElement[bool], *, limit: int
) -> list[AnyRow]:
    """Claim documents that nobody has, and return their rows in the stable order.

    Postgres passes over rows that another is claiming at this moment; SQLite has one writer.
    """
    free = select(*PLACE).where(_is_free(ref), kind).order_by(*PLACE).limit(limit)
    chosen = (await connection.execute(free.with_for_update(skip_locked=True))).all()
    rows: list[AnyRow] = []
    for named in _name_items([row.content_id for row in chosen]):
        mine = update(work_items).where(of_job(work_items, ref), named).values(claimed_by=hand)
        rows += (await connection.execute(mine.returning(*work_items.c))).all()
    return sorted(rows, key=lambda row: (row.id_length, row.content_id))


async def claim_rest(connection: AsyncConnection, ref: JobRef, hand: str) -> None:
    """Claim every document that nobody has."""
    await connection.execute(update(work_items).where(_is_free(ref)).values(claimed_by=hand))


async def count_free_items(connection: AsyncConnection, ref: JobRef, *, up_to: int) -> int:
    """Count the documents that nobody has, as far as asked."""
    some = select(work_items.c.content_id).where(_is_free(ref)).limit(up_to).subquery()
    count: int = (await connection.execute(select(func.count()).select_from(some))).scalar_one()
    return count


async def pass_over_items(
    connection: AsyncConnection, ref: JobRef, hand: str, content_ids: Sequence[ContentId]
) -> None:
    """Let go of those of the documents that the hand has not settled, and mark them."""
    for named in _name_items(content_ids):
        left = and_(of_job(work_items, ref), named, _is_held_by(hand))
        values = {"claimed_by": None, "passed_over": True}
        await connection.execute(update(work_items).where(left).values(values))


async def release_items(connection: AsyncConnection, ref: JobRef, hand: str) -> None:
    """Let go of what the hand has not settled of a job."""
    held = and_(of_job(work_items, ref), _is_held_by(hand))
    await connection.execute(update(work_items).where(held).values(claimed_by=None))


async def forget_seat(connection: AsyncConnection, seat: str) -> None:
    """Let go of all that a process had: of every job's documents, and of its word on any site."""
    held = update(work_items).where(_is_held_by(seat))
    await connection.execute(held.values(claimed_by=None))
    await connection.execute(delete(site_paces).where(site_paces.c.seat == seat))


async def holds_items(
    connection: AsyncConnection, ref: JobRef, hand: str, content_ids: Sequence[ContentId]
) -> bool:
    """Tell whether every one of these is the hand's, which it stays until the caller's end."""
    held = 0
    for named in _name_items(content_ids):
        query = select(work_items.c.content_id).where(of_job(work_items, ref), named)
        locked = query.where(_is_held_by(hand)).with_for_update()
        held += len((await connection.execute(locked)).all())
    return held == len(set(content_ids))


def select_hands(ref: JobRef) -> Select[Any]:
    """Return the query for the hands that have something of a job."""
    is_held = work_items.c.claimed_by.is_not(None)
    query = select(work_items.c.claimed_by).distinct()
    return query.where(of_job(work_items, ref), is_held, work_items.c.settled == false())


def _name_items(content_ids: Sequence[ContentId]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that together name the documents, each by the table's key."""
    wanted = set(content_ids)
    for length in sorted({len(content_id) for content_id in wanted}):
        alike = sorted(content_id for content_id in wanted if len(content_id) == length)
        for batch in split_batches(alike):
            yield and_(work_items.c.id_length == length, work_items.c.content_id.in_(batch))


def _is_free(ref: JobRef) -> ColumnElement[bool]:
    return and_(
        of_job(work_items, ref),
        work_items.c.settled == false(),
        work_items.c.action.is_not(None),
        work_items.c.claimed_by.is_(None),
    )


def _is_held_by(hand: str) -> ColumnElement[bool]:
    return and_(work_items.c.claimed_by == hand, work_items.c.settled == false())
