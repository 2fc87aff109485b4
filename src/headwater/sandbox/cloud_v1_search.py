"""Cloud REST API v1: ``/content/search`` and ``/search``, which page by cursor and ignore ``start``."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from headwater.sandbox import links
from headwater.sandbox.calls import Call, Json, RefusalError, Route
from headwater.sandbox.cloud_v1 import read_expansion
from headwater.sandbox.cloud_v1_payloads import Describer
from headwater.sandbox.cloud_v2_payloads import format_date
from headwater.sandbox.cql import CqlError, Query, parse_cql
from headwater.sandbox.entities import Content
from headwater.sandbox.ordering import (
    Ordered,
    SortKey,
    by_created,
    by_id,
    by_modified,
    by_title,
    order,
)
from headwater.sandbox.paging import Slice, cut_slice, link_next, read_v1_number
from headwater.sandbox.rendering import render_text
from headwater.sandbox.search import Found, Judge, Test, find_demand

_MAX_PLAIN = 250
_MAX_RENDERED = 25
_CURSOR_MARK = "_sa_"
_EXCERPT = 200
_SORTS: dict[str, Callable[[Any], SortKey]] = {
    "id": by_id,
    "title": by_title,
    "created": by_created,
    "lastmodified": by_modified,
}
_BAD_REQUEST = "com.atlassian.confluence.api.service.exceptions.api.BadRequestException: "


def _read_query(call: Call) -> Query:
    if not call.text("cql"):
        raise RefusalError(400, f"{_BAD_REQUEST}cql query parameter is required")
    try:
        return parse_cql(call.text("cql"))
    except CqlError as error:
        raise _refuse_cql(call, error) from error


def _refuse_cql(call: Call, error: CqlError) -> RefusalError:
    return RefusalError(400, f"{_BAD_REQUEST}Could not parse cql : {call.text('cql')} ({error})")


def _make_test(call: Call, query: Query) -> Test:
    try:
        context = json.loads(call.text("cqlcontext", "{}"))
        statuses = frozenset(context.get("contentStatuses", ("current",)))
        return Judge(call.view, call.world.clock, statuses).make_test(query)
    except CqlError as error:
        raise _refuse_cql(call, error) from error
    except (ValueError, AttributeError) as error:
        raise RefusalError(400, f"{_BAD_REQUEST}cqlcontext is not valid") from error


def _read_order(call: Call, query: Query) -> tuple[Callable[[Any], SortKey], bool]:
    name, descending = query.order[0] if query.order else ("id", False)
    if name not in _SORTS:
        raise _refuse_cql(call, CqlError(f"cannot order by {name!r}"))
    return _SORTS[name], descending


def _gather(call: Call, query: Query, key: Callable[[Any], SortKey]) -> Ordered[Any]:
    world, types = call.world, find_demand(query, "type")
    ids = find_demand(query, "id", "content")
    if ids is not None:
        stores = (world.tree.contents, world.attachments, world.comments)
        return order([store[item] for store in stores for item in ids if item in store], key)
    if types is not None and types <= {"page", "blogpost", "folder"}:
        return call.site.orders.list_contents(world, _name_space(call, query), key)
    remarks = [*world.attachments.values(), *world.comments.values()]
    if types is not None and types <= {"attachment", "comment"}:
        return order(remarks, key)
    return order([*world.tree.contents.values(), *remarks], key)


def _name_space(call: Call, query: Query) -> str | None:
    keys = find_demand(query, "space") or frozenset()
    ids = [space.id for space in call.world.spaces.values() if space.key in keys]
    return ids[0] if len(keys) == 1 and ids else None


def _search(call: Call, query: Query) -> tuple[Slice[Found], int]:
    wanted = read_expansion(call)["body"]
    rendered = "export_view" in wanted or "styled_view" in wanted
    limit = min(read_v1_number(call, "limit", 25), _MAX_RENDERED if rendered else _MAX_PLAIN)
    key, descending = _read_order(call, query)
    ordered, test = _gather(call, query, key), _make_test(call, query)
    cursor = call.text("cursor").removeprefix(_CURSOR_MARK)
    try:
        return cut_slice(ordered, test, cursor=cursor, limit=limit, descending=descending), limit
    except ValueError as error:
        raise RefusalError(
            400,
            "CQL was parsed but the search manager was unable to execute the search. Error message: "
            "There was an illegal request passed to XP-Search Aggregator API : HTTP/1.1 400 Bad Request",
        ) from error


def _wrap(call: Call, found: Slice[Found], limit: int, results: list[Json]) -> Json:
    path = call.request.url.path.removeprefix("/wiki")
    itself = f"{call.site.base}{path}?{urlencode(call.request.query_params.multi_items())}"
    hrefs = {"base": call.site.base, "context": "/wiki", "self": itself}
    start = read_v1_number(call, "start", 0)
    if found.cursor is not None:
        cursor = f"{_CURSOR_MARK}{found.cursor}"
        following = start + len(results)
        hrefs["next"] = link_next(
            call, path, next="true", cursor=cursor, limit=limit, start=following
        )
    return {
        "results": results,
        "start": start,
        "limit": limit,
        "size": len(results),
        "_links": hrefs,
    }


def search_content(call: Call) -> Response:
    """``GET /content/search``: content objects."""
    found, limit = _search(call, _read_query(call))
    describer, wanted = Describer(call), read_expansion(call)
    results = [describer.describe(item, wanted) for item in found.items]
    return JSONResponse(_wrap(call, found, limit, results))


def search_site(call: Call) -> Response:
    """``GET /search``: content wrapped with its excerpt, date and space."""
    query = _read_query(call)
    found, limit = _search(call, query)
    results = [_describe_result(call, item) for item in found.items]
    totals = {"totalSize": _count(call, query), "cqlQuery": call.text("cql"), "searchDuration": 1}
    return JSONResponse({**_wrap(call, found, limit, results), **totals})


def _count(call: Call, query: Query) -> int:
    test = _make_test(call, query)
    return sum(1 for item in _gather(call, query, by_id).items if test(item))


def _describe_result(call: Call, found: Found) -> Json:
    describer = Describer(call)
    holder = found if isinstance(found, Content) else call.world.find_content(found.container_id)
    space = call.world.spaces[holder.space_id]
    content = describer.describe(found, read_expansion(call)["content"])
    body = found.body if not hasattr(found, "files") else ""
    return {
        "content": content,
        "title": content["title"],
        "excerpt": render_text(body)[:_EXCERPT],
        "url": content["_links"]["webui"],
        "resultGlobalContainer": {"title": space.name, "displayUrl": links.link_space(space)},
        "breadcrumbs": [],
        "entityType": "content",
        "iconCssClass": f"aui-icon content-type-{content['type']}",
        "lastModified": format_date(found.version.created_at),
        "friendlyLastModified": f"{found.version.created_at:%b %d, %Y}",
        "score": 0.0,
    }


ROUTES: list[Route] = [
    ("GET", "/content/search", search_content),
    ("GET", "/search", search_site),
]
