"""The documents that a running job has listed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from sys import intern
from typing import Any, Final

from sqlalchemy import (
    Select,
    Table,
    Update,
    bindparam,
    delete,
    false,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.claims import (
    claim_items,
    claim_rest,
    count_free_items,
    forget_seat,
    of_kind,
    pass_over_items,
    release_items,
    select_hands,
)
from headwater.adapters.catalog.encoding import Json, restriction_from_json, restriction_to_json
from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.naming import name_items
from headwater.adapters.catalog.rows import (
    AnyRow,
    attachment_to_row,
    comment_from_row,
    comment_to_row,
    item_from_row,
    listed_from_row,
    listed_to_row,
    work_key,
)
from headwater.adapters.catalog.schema import work_comments, work_items
from headwater.adapters.catalog.statements import of_job, split_batches, upsert_rows
from headwater.domain.access import Scope
from headwater.domain.content import (
    Annotation,
    Comment,
    DocumentKind,
    ListedAttachment,
    ListedDocument,
    Restriction,
)
from headwater.domain.errors import NotFoundError
from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobRef
from headwater.domain.sync import Action, Decision, WorkItem
from headwater.ports import ListedCounts

PLACE = (work_items.c.id_length, work_items.c.content_id)
"""The stable order: numeric ids by their number."""

UPDATES_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class SqlWorkList:
    """Implements :class:`headwater.ports.WorkList`."""

    database: Database

    async def add(self, ref: JobRef, listed: Sequence[ListedDocument]) -> None:
        """Add listed documents; one already there is replaced, keeping nothing learned of it.

        Of a document that comes twice in one call, the later counts. ``NotFoundError`` without job.
        """
        rows = {document.content_id: listed_to_row(ref, document) for document in listed}
        await self._upsert(ref, work_items, list(rows.values()))

    async def add_attachments(self, ref: JobRef, listed: Sequence[ListedAttachment]) -> None:
        """Add listed attachments as :meth:`add` does; nothing is to be read of them beside."""
        rows = {attachment.content_id: attachment_to_row(ref, attachment) for attachment in listed}
        await self._upsert(ref, work_items, list(rows.values()))

    async def add_comments(self, ref: JobRef, comments: Sequence[Comment]) -> None:
        """Keep comments; one already there is replaced. ``NotFoundError`` without job."""
        rows = {comment.comment_id: comment_to_row(ref, comment) for comment in comments}
        await self._upsert(ref, work_comments, list(rows.values()))

    async def comments(
        self, ref: JobRef, page_ids: Sequence[ContentId]
    ) -> Mapping[ContentId, Sequence[Comment]]:
        """Return the kept comments of these pages, oldest first; pages without any are absent."""
        found: dict[ContentId, list[Comment]] = {}
        for batch in split_batches(page_ids):
            query = select(work_comments).where(
                of_job(work_comments, ref), work_comments.c.page_id.in_(batch)
            )
            order = (work_comments.c.created_at, work_comments.c.comment_id)
            for row in await self._read(query.order_by(*order)):
                found.setdefault(ContentId(row.page_id), []).append(comment_from_row(row))
        return found

    async def annotate(self, ref: JobRef, annotations: Sequence[Annotation]) -> None:
        """Add labels and restriction to listed documents; others are ignored."""
        values = [
            {
                "labels": sorted(annotation.labels),
                "restriction": restriction_to_json(annotation.restriction),
                "annotated": True,
                **_target(annotation.content_id),
            }
            for annotation in annotations
        ]
        await self._update(ref, values)

    async def unannotated(self, ref: JobRef, *, limit: int) -> Sequence[ListedDocument]:
        """Return listed documents that have no annotation yet, in the stable order."""
        query = _select_items(ref).where(work_items.c.annotated == false())
        return [listed_from_row(row) for row in await self._read(query.limit(limit))]

    async def parents(self, ref: JobRef) -> Mapping[ContentId, ContentId | None]:
        """Return every listed document's parent."""
        query = select(work_items.c.content_id, work_items.c.parent_id)
        async with self.database.read() as connection:
            rows = await connection.stream(query.where(of_job(work_items, ref)))
            # A parent's id is one text, however many it has below it, and the same as its own.
            return {ContentId(intern(row.content_id)): _intern(row.parent_id) async for row in rows}

    async def restricted(self, ref: JobRef) -> Mapping[ContentId, Restriction]:
        """Return the listed documents that have a restriction of their own, unreadable ones included."""
        query = select(work_items.c.content_id, work_items.c.restriction)
        query = query.where(of_job(work_items, ref), work_items.c.restriction.is_not(None))
        equal: dict[Restriction, Restriction] = {}
        found: dict[ContentId, Restriction] = {}
        async with self.database.read() as connection:
            async for row in await connection.stream(query):
                restriction = restriction_from_json(row.restriction)
                found[row.content_id] = equal.setdefault(restriction, restriction)
        return found

    async def assign_scopes(self, ref: JobRef, scopes: Mapping[ContentId, Scope]) -> None:
        """Set the scopes of listed documents; others are ignored."""
        values = ({"scope": scope, **_target(content_id)} for content_id, scope in scopes.items())
        await self._update(ref, values)

    async def read(self, ref: JobRef, *, after: ContentId | None, limit: int) -> Sequence[WorkItem]:
        """Return listed documents in the stable order, those behind ``after``."""
        rows = await self._read(_select_behind(ref, after).limit(limit))
        return [item_from_row(row) for row in rows]

    async def decide(self, ref: JobRef, decisions: Sequence[Decision]) -> None:
        """Set what is to be done with listed documents; others are ignored."""
        alike: dict[tuple[Action, str | None], list[ContentId]] = {}
        for decision in decisions:
            alike.setdefault((decision.action, decision.reason), []).append(decision.content_id)
        async with self.database.write() as connection:
            for (action, reason), content_ids in alike.items():
                values = {"action": action.value, "reason": reason}
                await _update_alike(connection, ref, content_ids, values)

    async def pending(
        self, ref: JobRef, *, after: ContentId | None = None, limit: int
    ) -> Sequence[WorkItem]:
        """Return decided documents that are not settled yet, in the stable order, behind ``after``."""
        query = _select_behind(ref, after).where(
            work_items.c.settled == false(), work_items.c.action.is_not(None)
        )
        return [item_from_row(row) for row in await self._read(query.limit(limit))]

    async def claim(
        self, ref: JobRef, hand: str, *, limit: int, reading: bool, again: bool = False
    ) -> Sequence[WorkItem]:
        """Return pending documents that nobody was at, and are now this hand's, in the stable order."""
        chosen = of_kind(reading=reading, again=again)
        async with self.database.write() as connection:
            rows = await claim_items(connection, ref, hand, chosen, limit=limit)
        return [item_from_row(row) for row in rows]

    async def claim_rest(self, ref: JobRef, hand: str) -> None:
        """Claim all that nobody is at."""
        async with self.database.write() as connection:
            await claim_rest(connection, ref, hand)

    async def count_free(self, ref: JobRef, *, up_to: int) -> int:
        """Count pending documents that nobody is at, but not beyond ``up_to``."""
        async with self.database.read() as connection:
            return await count_free_items(connection, ref, up_to=up_to)

    async def pass_over(self, ref: JobRef, hand: str, content_ids: Sequence[ContentId]) -> None:
        """Release those of the documents that the hand has not settled, to be tried again."""
        async with self.database.write() as connection:
            await pass_over_items(connection, ref, hand, content_ids)

    async def release(self, ref: JobRef, hand: str) -> None:
        """Release all that the hand claimed and has not settled."""
        async with self.database.write() as connection:
            await release_items(connection, ref, hand)

    async def free(self, hand: str) -> None:
        """Release all that a hand claimed whose process is gone."""
        async with self.database.write() as connection:
            await forget_seat(connection, hand)

    async def hands(self, ref: JobRef) -> frozenset[str]:
        """Return the hands that have claimed what they have not settled."""
        return frozenset(row.claimed_by for row in await self._read(select_hands(ref)))

    async def count(self, ref: JobRef) -> ListedCounts:
        """Count the job's listed documents and attachments."""
        query = select(work_items.c.kind, func.count().label("number")).group_by(work_items.c.kind)
        rows = await self._read(query.where(of_job(work_items, ref)))
        numbers = {row.kind: row.number for row in rows}
        attachments = numbers.pop(DocumentKind.ATTACHMENT.value, 0)
        return ListedCounts(documents=sum(numbers.values()), attachments=attachments)

    async def clear(self, ref: JobRef) -> None:
        """Remove the job's whole list."""
        async with self.database.write() as connection:
            for table in (work_items, work_comments):
                await connection.execute(delete(table).where(of_job(table, ref)))

    async def _upsert(self, ref: JobRef, table: Table, rows: Sequence[Json]) -> None:
        try:
            async with self.database.write() as connection:
                await upsert_rows(connection, table, rows)
        except IntegrityError as error:
            raise NotFoundError(f"There is no job {ref.job_id!r} to list documents for.") from error

    async def _read(self, query: Select[Any]) -> Sequence[AnyRow]:
        async with self.database.read() as connection:
            rows: Sequence[AnyRow] = (await connection.execute(query)).all()
        return rows

    async def _update(self, ref: JobRef, values: Iterable[Json]) -> None:
        waiting = iter(values)
        async with self.database.write() as connection:
            # The driver takes a list; one of a large space's documents is held several times over.
            while batch := list(islice(waiting, UPDATES_AT_ONCE)):
                await connection.execute(_update_item(ref), batch)


async def settle_items(
    connection: AsyncConnection, ref: JobRef, content_ids: Sequence[ContentId]
) -> None:
    """Mark listed documents as settled, within the caller's transaction; others are ignored."""
    await _update_alike(connection, ref, content_ids, {"settled": True})


async def _update_alike(
    connection: AsyncConnection, ref: JobRef, content_ids: Iterable[ContentId], values: Json
) -> None:
    """Set the same values for many, in few statements."""
    for named in name_items(ref, content_ids):
        await connection.execute(update(work_items).where(named).values(values))


def _intern(content_id: str | None) -> ContentId | None:
    return None if content_id is None else ContentId(intern(content_id))


def _select_items(ref: JobRef) -> Select[Any]:
    return select(work_items).where(of_job(work_items, ref)).order_by(*PLACE)


def _select_behind(ref: JobRef, after: ContentId | None) -> Select[Any]:
    query = _select_items(ref)
    return query if after is None else query.where(tuple_(*PLACE) > (len(after), after))


def _update_item(ref: JobRef) -> Update:
    return update(work_items).where(
        of_job(work_items, ref),
        work_items.c.id_length == bindparam("target_length"),
        work_items.c.content_id == bindparam("target_id"),
    )


def _target(content_id: ContentId) -> Json:
    key = work_key(content_id)
    return {"target_length": key["id_length"], "target_id": key["content_id"]}
