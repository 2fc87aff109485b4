"""Cloud REST API v1: ``/content/search`` and ``/search``, which page by cursor and ignore ``start``."""

from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from headwater.sandbox import links
from headwater.sandbox.calls import Call, Json, RefusalError, Route
from headwater.sandbox.cloud_v1 import read_expansion
from headwater.sandbox.cloud_v1_payloads import Describer
from headwater.sandbox.cloud_v2_payloads import format_date
from headwater.sandbox.cql import Query
from headwater.sandbox.entities import Content
from headwater.sandbox.ordering import by_id
from headwater.sandbox.paging import Slice, cut_slice, link_next, read_v1_number
from headwater.sandbox.querying import gather, make_test, read_order, read_query
from headwater.sandbox.rendering import render_text
from headwater.sandbox.search import Found

_MAX_PLAIN = 250
_MAX_RENDERED = 25
_CURSOR_MARK = "_sa_"
_EXCERPT = 200


def _search(call: Call, query: Query) -> tuple[Slice[Found], int]:
    wanted = read_expansion(call)["body"]
    rendered = "export_view" in wanted or "styled_view" in wanted
    limit = min(read_v1_number(call, "limit", 25), _MAX_RENDERED if rendered else _MAX_PLAIN)
    key, descending = read_order(call, query)
    ordered, test = gather(call, query, key), make_test(call, query)
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
    path = call.request.url.path.removeprefix(call.site.context)
    itself = f"{call.site.base}{path}?{urlencode(call.request.query_params.multi_items())}"
    hrefs = {**call.site.roots, "self": itself}
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
    found, limit = _search(call, read_query(call))
    describer, wanted = Describer(call), read_expansion(call)
    results = [describer.describe(item, wanted) for item in found.items]
    return JSONResponse(_wrap(call, found, limit, results))


def search_site(call: Call) -> Response:
    """``GET /search``: content wrapped with its excerpt, date and space."""
    query = read_query(call)
    found, limit = _search(call, query)
    results = [_describe_result(call, item) for item in found.items]
    totals = {"totalSize": _count(call, query), "cqlQuery": call.text("cql"), "searchDuration": 1}
    return JSONResponse({**_wrap(call, found, limit, results), **totals})


def _count(call: Call, query: Query) -> int:
    test = make_test(call, query)
    return sum(1 for item in gather(call, query, by_id).items if test(item))


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
