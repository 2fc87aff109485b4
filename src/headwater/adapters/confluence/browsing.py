"""A page of a space's content at a time, for somebody who looks around."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

import httpx2

from headwater.adapters.confluence.annotations import quote_cql
from headwater.adapters.confluence.answers import NOT_TOLD, AbsentError, RejectedRequestError
from headwater.adapters.confluence.client import V1, V2, JsonClient, Params
from headwater.adapters.confluence.concurrency import map_unordered, split
from headwater.adapters.confluence.content import PATHS
from headwater.adapters.confluence.paging import Item, next_link, read_results
from headwater.adapters.confluence.payloads import (
    ContentPayload,
    FamilyPayload,
    StatusPayload,
    TotalPayload,
    make_listed,
    parse,
)
from headwater.adapters.confluence.spaces import refusal_of_listing
from headwater.domain.content import DocumentKind, ListedDocument, Space
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from headwater.domain.ids import ContentId
from headwater.ports import ContentPage

_KINDS: Final = {path: kind for kind, path in PATHS.items()}
_NEXT_KIND: Final = {"pages": "blogposts"}
_A_FEW: Final = "25"
"""Folders may come before the first page."""

_PARENTS: Final = ("pages", "folders")
SEARCHED_AT_ONCE: Final = 100


async def list_page(
    client: JsonClient, space: Space, position: str | None, limit: int
) -> ContentPage:
    """Return up to ``limit`` current pages, then blog posts, from a position on.

    A position is what is being listed, and Confluence's own cursor in it.
    """
    kind, _, cursor = (position or "pages:").partition(":")
    rows: list[ListedDocument] = []
    while len(rows) < limit:
        found, following = await _list_kind(client, space, kind, cursor, limit - len(rows))
        rows += found
        if following:
            cursor = following
        elif kind in _NEXT_KIND:
            kind, cursor = _NEXT_KIND[kind], ""
        else:
            return ContentPage(tuple(rows), None)
    is_begun = bool(cursor) or await _has_any(client, space, kind)
    return ContentPage(tuple(rows), f"{kind}:{cursor}" if is_begun else None)


async def _list_kind(
    client: JsonClient, space: Space, path: str, cursor: str, limit: int
) -> tuple[list[ListedDocument], str]:
    params = {"limit": str(limit), "status": "current", "sort": "id"}
    try:
        rows, following = await _read_page(client, f"{V2}/spaces/{space.id}/{path}", params, cursor)
    except AbsentError as error:
        raise refusal_of_listing(error, f"the space {space.key}") from error
    payloads = [parse(ContentPayload, row) for row in rows]
    return [make_listed(item, _KINDS[path]) for item in payloads if _is_in(item, space)], following


async def _has_any(client: JsonClient, space: Space, path: str) -> bool:
    rows, _ = await _list_kind(client, space, path, "", 1)
    return bool(rows)


async def list_children(
    client: JsonClient, space: Space, parent: ContentId, position: str | None, limit: int
) -> ContentPage | None:
    """Return up to ``limit`` current pages right below a page or folder; ``None`` if that is not seen."""
    kind, _, cursor = (position or "").partition(":")
    for name in (kind,) if kind else _PARENTS:
        try:
            ids, following = await _list_below(client, f"{V2}/{name}/{parent}", cursor, limit)
        except AbsentError:
            continue
        rows = await _describe(client, space, ids)
        return ContentPage(tuple(rows), f"{name}:{following}" if following else None)
    return None


async def _list_below(
    client: JsonClient, path: str, cursor: str, limit: int
) -> tuple[list[ContentId], str]:
    ids: list[ContentId] = []
    while len(ids) < limit:
        params = {"limit": str(limit - len(ids))}
        rows, cursor = await _read_page(client, f"{path}/direct-children", params, cursor)
        ids += [ContentId(parse(StatusPayload, row).id) for row in rows if _is_page(row)]
        if not cursor:
            break
    return ids, cursor


def _is_page(row: Item) -> bool:
    return row.get("type") == DocumentKind.PAGE and row.get("status") == "current"


async def _describe(
    client: JsonClient, space: Space, ids: Sequence[ContentId]
) -> list[ListedDocument]:
    """Return what the listing says of these pages: a list of children has neither version nor date."""
    if not ids:
        return []
    params = {"id": ",".join(ids), "limit": "250", "status": "current"}
    rows, _ = await _read_page(client, f"{V2}/pages", params, "")
    found = {item.id: item for item in (parse(ContentPayload, row) for row in rows)}
    return [
        make_listed(found[key], DocumentKind.PAGE)
        for key in ids
        if key in found and _is_in(found[key], space)
    ]


def _is_in(payload: ContentPayload, space: Space) -> bool:
    return payload.status == "current" and payload.space_id in {None, space.id}


async def _read_page(
    client: JsonClient, path: str, params: Params, cursor: str
) -> tuple[list[Item], str]:
    """Return one page's rows and the cursor of the next; its link is not followed, only read."""
    asked = {**params, **({"cursor": cursor} if cursor else {})}
    reply = await client.read(client.locate(path, asked))
    link = next_link(reply)
    return read_results(reply.value, path), _read_cursor(link) if link else ""


def _read_cursor(link: str) -> str:
    try:
        cursor = str(httpx2.URL(link).params.get("cursor", ""))
    except (httpx2.InvalidURL, ValueError) as error:
        raise _no_cursor() from error
    if not cursor:
        raise _no_cursor()
    return cursor


def _no_cursor() -> RejectedRequestError:
    return RejectedRequestError(
        "Confluence's list has a next page, but does not say how to ask for it"
    )


async def find_parents(client: JsonClient, pages: Sequence[ContentId]) -> frozenset[ContentId]:
    """Return which of these have pages below them."""
    return await search_or_look(
        pages,
        search=lambda some: _search_families(client, some),
        look=lambda page: _has_child(client, page),
        in_flight=client.limits.in_flight,
    )


async def search_or_look(
    pages: Sequence[ContentId],
    *,
    search: Callable[[Sequence[ContentId]], Awaitable[Mapping[ContentId, bool]]],
    look: Callable[[ContentId], Awaitable[bool]],
    in_flight: int,
) -> frozenset[ContentId]:
    """Return the pages for which it holds: by searching for many at once, else by looking at each."""
    known: dict[ContentId, bool] = {}
    for some in split(pages, SEARCHED_AT_ONCE):
        known |= await search(some)

    async def settle(page: ContentId) -> tuple[ContentId, bool]:
        return page, await look(page)

    unknown = [page for page in pages if page not in known]
    async with aclosing(map_unordered(settle, unknown, limit=in_flight)) as answers:
        async for page, holds in answers:
            known[page] = holds
    return frozenset(page for page, holds in known.items() if holds)


async def _search_families(
    client: JsonClient, pages: Sequence[ContentId]
) -> Mapping[ContentId, bool]:
    """Return what the search knows; nothing where Confluence keeps it from us."""
    params = {
        "cql": f"id in ({','.join(pages)})",
        "expand": "childTypes.page",
        "limit": str(SEARCHED_AT_ONCE),
    }
    try:
        value = await client.get(f"{V1}/content/search", params)
        rows = [parse(FamilyPayload, row) for row in read_results(value, "/content/search")]
    except NOT_TOLD:
        return {}
    return {ContentId(row.id): row.has_pages for row in rows if row.has_pages is not None}


async def _has_child(client: JsonClient, page: ContentId) -> bool:
    try:
        path = f"{V2}/pages/{page}/direct-children"
        rows, _ = await _read_page(client, path, {"limit": _A_FEW}, "")
    except AbsentError:
        return False
    return any(map(_is_page, rows))


async def count_content(
    client: JsonClient, space: Space, kinds: Sequence[DocumentKind], parent: ContentId | None
) -> int | None:
    """Return how much the search finds in the space; ``None`` where Confluence does not tell."""
    return await read_total(client, f"{V1}/search", phrase_count(space, kinds, parent))


def phrase_count(space: Space, kinds: Sequence[DocumentKind], parent: ContentId | None) -> str:
    """Return the CQL that finds a space's current content of these kinds, all or right below a page."""
    cql = f"space = {quote_cql(space.key)} and type in ({','.join(kinds)})"
    return cql if parent is None else f"{cql} and parent = {parent}"


async def read_total(client: JsonClient, path: str, cql: str) -> int | None:
    """Return how many results a search has; ``None`` where Confluence does not tell."""
    try:
        value: Any = await client.get(path, {"cql": cql, "limit": "1"})
        return parse(TotalPayload, value).total
    except (*NOT_TOLD, SourceRefusedError, SourceUnreachableError):
        return None
