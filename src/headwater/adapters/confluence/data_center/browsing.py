"""A page of a space's content at a time, for somebody who looks around."""

from collections.abc import Mapping, Sequence
from typing import Final

from headwater.adapters.confluence.answers import NOT_TOLD, AbsentError
from headwater.adapters.confluence.browsing import (
    SEARCHED_AT_ONCE,
    phrase_count,
    read_total,
    search_or_look,
)
from headwater.adapters.confluence.client import Params
from headwater.adapters.confluence.data_center.listing import EXPANDED
from headwater.adapters.confluence.data_center.payloads import ContentRow, FamilyRow
from headwater.adapters.confluence.data_center.rest import Rest, demand_ids
from headwater.adapters.confluence.paging import Item, read_results
from headwater.adapters.confluence.payloads import parse
from headwater.adapters.confluence.spaces import refusal_of_listing
from headwater.domain.content import DocumentKind, ListedDocument, Space
from headwater.domain.ids import ContentId
from headwater.ports import ContentPage

_EXPAND: Final = "version,ancestors,space,history"
_NEXT_KIND: Final = {"page": "blogpost"}


async def list_page(rest: Rest, space: Space, position: str | None, limit: int) -> ContentPage:
    """Return up to ``limit`` current pages, then blog posts, from a position on: kind and offset."""
    kind, _, text = (position or "page:0").partition(":")
    start, rows = int(text), list[ListedDocument]()
    while len(rows) < limit:
        found, following = await _list_kind(rest, space, kind, start, limit - len(rows))
        rows += found
        if following is not None:
            start = following
        elif kind in _NEXT_KIND:
            kind, start = _NEXT_KIND[kind], 0
        else:
            return ContentPage(tuple(rows), None)
    is_begun = start > 0 or bool((await _list_kind(rest, space, kind, 0, 1))[0])
    return ContentPage(tuple(rows), f"{kind}:{start}" if is_begun else None)


async def _list_kind(
    rest: Rest, space: Space, kind: str, start: int, limit: int
) -> tuple[list[ListedDocument], int | None]:
    params = {"spaceKey": space.key, "type": kind, "status": "current"}
    try:
        rows, following = await _read_piece(rest, "/content", params, start, limit)
    except AbsentError as error:
        raise refusal_of_listing(error, f"the space {space.key}") from error
    return _make_listed(rows, space), following


async def list_children(
    rest: Rest, space: Space, parent: ContentId, position: str | None, limit: int
) -> ContentPage | None:
    """Return up to ``limit`` current pages right below a page; ``None`` if that is not seen."""
    start, rows = int((position or ":0").partition(":")[2]), list[ListedDocument]()
    tail = f"/content/{parent}/child/page"
    try:
        while len(rows) < limit:
            found, following = await _read_piece(rest, tail, {}, start, limit - len(rows))
            rows += _make_listed(found, space)
            if following is None:
                return ContentPage(tuple(rows), None)
            start = following
    except AbsentError:
        return None
    return ContentPage(tuple(rows), f"below:{start}")


def _make_listed(rows: Sequence[Item], space: Space) -> list[ListedDocument]:
    found = [parse(ContentRow, row) for row in rows]
    return [row.make_listed() for row in found if row.belongs(space)]


async def _read_piece(
    rest: Rest, tail: str, params: Params, start: int, limit: int
) -> tuple[list[Item], int | None]:
    """Return one page's rows and where the next begins: behind the rows that came."""
    sized = {"expand": _EXPAND, "start": str(start), "limit": str(min(limit, EXPANDED))}
    value = await rest.get(tail, {**params, **sized})
    rows = read_results(value, rest.base + tail)
    links = value.get("_links") if isinstance(value, dict) else None
    has_more = bool(rows) and isinstance(links, dict) and bool(links.get("next"))
    return rows, start + len(rows) if has_more else None


async def find_parents(rest: Rest, pages: Sequence[ContentId]) -> frozenset[ContentId]:
    """Return which of these have pages below them."""
    return await search_or_look(
        pages,
        search=lambda some: _search_families(rest, some),
        look=lambda page: _has_child(rest, page),
        in_flight=rest.client.limits.in_flight,
    )


async def _search_families(rest: Rest, pages: Sequence[ContentId]) -> Mapping[ContentId, bool]:
    params = {
        "cql": demand_ids(pages),
        "expand": "children.page",
        "limit": str(SEARCHED_AT_ONCE),
    }
    try:
        value = await rest.get("/content/search", params)
        rows = [parse(FamilyRow, row) for row in read_results(value, "/content/search")]
    except NOT_TOLD:
        return {}
    return {ContentId(row.id): row.has_pages for row in rows if row.has_pages is not None}


async def _has_child(rest: Rest, page: ContentId) -> bool:
    try:
        rows, _ = await _read_piece(rest, f"/content/{page}/child/page", {}, 0, 1)
    except AbsentError:
        return False
    return bool(rows)


async def count_content(
    rest: Rest, space: Space, kinds: Sequence[DocumentKind], parent: ContentId | None
) -> int | None:
    """Return how much the search finds in the space; ``None`` where Confluence does not tell."""
    return await read_total(rest.client, f"{rest.base}/search", phrase_count(space, kinds, parent))
