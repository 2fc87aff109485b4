"""Labels and own restrictions: in bulk from the search index, or document by document."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from headwater.adapters.confluence.answers import NOT_TOLD, AbsentError
from headwater.adapters.confluence.client import V1, V2, JsonClient
from headwater.adapters.confluence.concurrency import map_unordered
from headwater.adapters.confluence.content import PATHS
from headwater.adapters.confluence.paging import Item, read_all, read_pages
from headwater.adapters.confluence.payloads import (
    CURRENT,
    ParentPayload,
    Statuses,
    make_labels,
    parse,
)
from headwater.adapters.confluence.restrictions import (
    is_cut_off,
    parse_restriction,
    read_restriction,
)
from headwater.adapters.confluence.spaces import check_caller, refusal_of_listing
from headwater.domain.content import (
    UNREADABLE,
    Annotation,
    DocumentKind,
    ListedDocument,
    Restriction,
    Space,
)
from headwater.domain.ids import ContentId
from headwater.ports import Ancestor

_EXPAND = "metadata.labels,restrictions.read.restrictions.user,restrictions.read.restrictions.group"
_PAGE_SIZE = "200"
_SMALLEST_PAGE = 25
_PARENT_PATHS = ("folders", "pages", "whiteboards", "databases", "embeds")

_Key = tuple[ContentId, DocumentKind]


def quote_cql(text: str) -> str:
    """Return the text as a CQL string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def search_statuses(statuses: Statuses) -> dict[str, str]:
    """Return what lets a search find content of these statuses; current content needs nothing.

    CQL has no field for the status: developer.atlassian.com, "Advanced searching using CQL".
    """
    if statuses == CURRENT:
        return {}
    return {"cqlcontext": json.dumps({"contentStatuses": sorted(statuses)})}


async def list_annotations(
    client: JsonClient, space: Space, statuses: Statuses = CURRENT
) -> AsyncGenerator[Sequence[Annotation], None]:
    """Yield labels and own restrictions of many documents per request.

    What an answer holds incompletely is read again, document by document.
    """
    params = {
        "cql": f"space = {quote_cql(space.key)} and type in (page,blogpost)",
        "expand": _EXPAND,
        "limit": _PAGE_SIZE,
        **search_statuses(statuses),
    }
    try:
        pages = read_pages(client, f"{V1}/content/search", params, smallest=_SMALLEST_PAGE)
        async for results in pages:
            yield await _annotate(client, results)
    except AbsentError as error:
        raise refusal_of_listing(error, f"the space {space.key}") from error


async def _annotate(client: JsonClient, results: list[Item]) -> Sequence[Annotation]:
    whole: list[Annotation] = []
    partial: list[_Key] = []
    for item in results:
        content_id = ContentId(parse(ParentPayload, item).id)
        annotation = parse_annotation(content_id, item)
        if annotation is not None:
            whole.append(annotation)
        else:
            kind = DocumentKind.BLOGPOST if item.get("type") == "blogpost" else DocumentKind.PAGE
            partial.append((content_id, kind))
    return [*whole, *await _read_keys(client, partial)]


def parse_annotation(content_id: ContentId, item: Item) -> Annotation | None:
    """Return the annotation if the item holds all of it."""
    labels = _dig(item, "metadata", "labels")
    part = parse_restriction(_dig(item, "restrictions", "read"))
    if part.is_cut_off or not part.restriction.readable or is_cut_off(labels):
        return None
    return Annotation(content_id, make_labels(_dig(labels, "results")), part.restriction)  # type: ignore[arg-type]  # is_cut_off saw a list


async def read_annotations(
    client: JsonClient, documents: Sequence[ListedDocument]
) -> Sequence[Annotation]:
    """Read each document's labels and restriction; what cannot be read is closed, not open."""
    return await _read_keys(client, [(item.content_id, item.kind) for item in documents])


async def _read_keys(client: JsonClient, keys: Sequence[_Key]) -> Sequence[Annotation]:
    async def read(key: _Key) -> tuple[Annotation, bool]:
        return await _read_annotation(client, key)

    found: dict[ContentId, Annotation] = {}
    was_doubtful = False
    async with aclosing(
        map_unordered(read, dict.fromkeys(keys), limit=client.limits.in_flight)
    ) as annotations:
        async for annotation, is_doubtful in annotations:
            found[annotation.content_id] = annotation
            was_doubtful = was_doubtful or is_doubtful
    if was_doubtful:
        await check_caller(client)
    return [found[content_id] for content_id, _ in keys]


async def _read_annotation(client: JsonClient, key: _Key) -> tuple[Annotation, bool]:
    """Return the annotation, and whether Confluence kept a part of it from us."""
    content_id, kind = key
    restriction = await read_restriction_or_close(client, content_id)
    try:
        path = f"{V2}/{PATHS[kind]}/{content_id}/labels"
        labels = make_labels(await read_all(client, path, {"limit": "250"}))
    except NOT_TOLD:
        return Annotation(content_id, frozenset(), restriction), True
    return Annotation(content_id, labels, restriction), not restriction.readable


async def read_restriction_or_close(client: JsonClient, content_id: ContentId) -> Restriction:
    """Read a restriction; ``UNREADABLE`` where Confluence keeps it from us.

    A refusal may mean the whole account: callers go on with ``check_caller``.
    """
    try:
        return await read_restriction(client, content_id)
    except NOT_TOLD:
        return UNREADABLE


async def read_ancestor(client: JsonClient, content_id: ContentId) -> Ancestor | None:
    """Read a parent that is no listed page, whatever it is; ``None`` when it cannot be seen."""
    parent = await _read_parent(client, content_id)
    if parent is None:
        await check_caller(client)
        return None
    restriction = await read_restriction_or_close(client, content_id)
    if not restriction.readable:
        await check_caller(client)
    parent_id = ContentId(parent.parent_id) if parent.parent_id else None
    return Ancestor(content_id, parent_id, restriction)


async def _read_parent(client: JsonClient, content_id: ContentId) -> ParentPayload | None:
    if not (content_id.isascii() and content_id.isdigit()):
        return None
    for path in _PARENT_PATHS:
        try:
            return parse(ParentPayload, await client.get(f"{V2}/{path}/{content_id}"))
        except NOT_TOLD:
            continue  # of another type, or not for us; the caller is checked when none is left
    return None


def _dig(value: object, *names: str) -> object:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
