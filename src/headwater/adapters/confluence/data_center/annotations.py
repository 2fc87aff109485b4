"""Labels and own restrictions: in bulk from the database, or document by document."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from headwater.adapters.confluence.annotations import parse_annotation
from headwater.adapters.confluence.answers import NOT_TOLD, AbsentError, LoginFailedError
from headwater.adapters.confluence.concurrency import map_unordered
from headwater.adapters.confluence.data_center.content import KINDS, list_rows
from headwater.adapters.confluence.data_center.listing import Query, read_rows
from headwater.adapters.confluence.data_center.payloads import ParentRow
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.paging import Item
from headwater.adapters.confluence.payloads import ParentPayload, make_labels, parse
from headwater.adapters.confluence.restrictions import read_restriction
from headwater.adapters.confluence.spaces import refusal_of_listing
from headwater.domain.content import UNREADABLE, Annotation, ListedDocument, Restriction, Space
from headwater.domain.ids import ContentId
from headwater.ports import Ancestor

_EXPAND = "metadata.labels,restrictions.read.restrictions.user,restrictions.read.restrictions.group"


async def list_annotations(rest: Rest, space: Space) -> AsyncGenerator[Sequence[Annotation], None]:
    """Yield labels and own restrictions, 200 documents per request.

    What an answer holds incompletely is read again, document by document.
    """
    try:
        for kind in KINDS:
            async for rows in list_rows(rest, space, kind, _EXPAND):
                yield await _annotate(rest, rows)
    except AbsentError as error:
        raise refusal_of_listing(error, f"the space {space.key}") from error


async def _annotate(rest: Rest, rows: Sequence[Item]) -> Sequence[Annotation]:
    pairs = [(ContentId(parse(ParentPayload, row).id), row) for row in rows]
    read = [(content_id, parse_annotation(content_id, row)) for content_id, row in pairs]
    whole = [annotation for _, annotation in read if annotation is not None]
    partial = [content_id for content_id, annotation in read if annotation is None]
    return [*whole, *await _read_ids(rest, partial)]


async def read_annotations(rest: Rest, documents: Sequence[ListedDocument]) -> Sequence[Annotation]:
    """Read each document's labels and restriction; what cannot be read is closed, not open."""
    return await _read_ids(rest, [document.content_id for document in documents])


async def _read_ids(rest: Rest, ids: Sequence[ContentId]) -> Sequence[Annotation]:
    async def read(content_id: ContentId) -> tuple[Annotation, bool]:
        return await _read_annotation(rest, content_id)

    found: dict[ContentId, Annotation] = {}
    was_doubtful = False
    async with aclosing(
        map_unordered(read, dict.fromkeys(ids), limit=rest.client.limits.in_flight)
    ) as annotations:
        async for annotation, is_doubtful in annotations:
            found[annotation.content_id] = annotation
            was_doubtful = was_doubtful or is_doubtful
    if was_doubtful:
        await rest.check_caller()
    return [found[content_id] for content_id in ids]


async def _read_annotation(rest: Rest, content_id: ContentId) -> tuple[Annotation, bool]:
    """Return the annotation, and whether Confluence kept a part of it from us."""
    restriction = await _read_restriction(rest, content_id)
    if not restriction.readable:
        return Annotation(content_id, frozenset(), UNREADABLE), True
    query = Query(f"/content/{content_id}/label", {})
    try:
        labels = [label async for rows in read_rows(rest, query) for label in rows]
        return Annotation(content_id, make_labels(labels), restriction), False
    except LoginFailedError:
        raise
    except NOT_TOLD:
        return Annotation(content_id, frozenset(), restriction), True


async def _read_restriction(rest: Rest, content_id: ContentId) -> Restriction:
    """Read a restriction; ``UNREADABLE`` where Confluence keeps it from us."""
    try:
        return await read_restriction(rest.client, content_id, rest.base)
    except LoginFailedError:
        raise
    except NOT_TOLD:
        return UNREADABLE


async def read_ancestor(rest: Rest, content_id: ContentId) -> Ancestor | None:
    """Read a parent that is no listed page; ``None`` when it cannot be seen."""
    parent = await _read_parent(rest, content_id)
    restriction = await _read_restriction(rest, content_id) if parent else UNREADABLE
    if not restriction.readable:
        await rest.check_caller()
    return Ancestor(content_id, parent.parent_id, restriction) if parent else None


async def _read_parent(rest: Rest, content_id: ContentId) -> ParentRow | None:
    if not (content_id.isascii() and content_id.isdigit()):
        return None
    params = {"status": "any", "expand": "ancestors"}
    try:
        return parse(ParentRow, await rest.get(f"/content/{content_id}", params))
    except LoginFailedError:
        raise
    except NOT_TOLD:
        return None
