"""Cloud REST API v2 (``/wiki/api/v2``): spaces, pages, blog posts, folders, and their trees."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from starlette.responses import JSONResponse, Response

from headwater.sandbox import cloud_v2_payloads as payloads
from headwater.sandbox.calls import Call, RefusalError, Route, refuse_missing
from headwater.sandbox.entities import Content, Kind, Space, Status
from headwater.sandbox.ordering import (
    Item,
    Ordered,
    SortKey,
    by_created,
    by_id,
    by_modified,
    by_title,
    number_of,
    order,
)
from headwater.sandbox.paging import MAX_V2, Slice, cut_slice, link_next, read_v2_limit

_CONTENT_SORTS = {
    "id": by_id,
    "created-date": by_created,
    "modified-date": by_modified,
    "title": by_title,
}
_MAX_SPACES = 100
_MAX_INCLUDED = 50


def answer_list(call: Call, results: list[Any], cursor: str | None = None) -> Response:
    """Answer a list; ``next`` starts at the host's root, and so does the ``Link`` header's."""
    links, headers = {"base": call.site.base}, {"link": f'<{call.site.base}>; rel="base"'}
    if cursor is not None:
        links["next"] = link_next(call, call.request.url.path, cursor=cursor)
        headers["link"] = f'<{links["next"]}>; rel="next", {headers["link"]}'
    return JSONResponse({"results": results, "_links": links}, headers=headers)


def answer_one(call: Call, payload: dict[str, Any]) -> Response:
    """Answer one entity."""
    return JSONResponse({**payload, "_links": {**payload["_links"], "base": call.site.base}})


def read_slice(
    call: Call,
    ordered: Ordered[Item],
    accept: Callable[[Item], bool],
    *,
    descending: bool = False,
    default: int = 25,
) -> Slice[Item]:
    """Return the page of an ordered listing that the request asks for."""
    cursor, limit = call.text("cursor"), read_v2_limit(call, default)
    try:
        return cut_slice(ordered, accept, cursor=cursor, limit=limit, descending=descending)
    except ValueError as error:
        raise refuse_parameter("cursor", cursor) from error


def refuse_parameter(name: str, value: str) -> RefusalError:
    """Return the refusal of a parameter's value."""
    text = f"Provided value {{{value}}} for '{name}' is not correct"
    return RefusalError(400, text, code="INVALID_REQUEST_PARAMETER")


def read_sort(
    call: Call, sorts: dict[str, Callable[..., SortKey]], default: str
) -> tuple[Callable[..., SortKey], bool]:
    """Return the key function of ``sort`` and whether it is turned round by ``-``."""
    name = call.text("sort", default)
    if name.removeprefix("-") not in sorts:
        raise refuse_parameter("sort", name)
    return sorts[name.removeprefix("-")], name.startswith("-")


def read_ids(call: Call, name: str, most: int = MAX_V2) -> list[str]:
    """Return a list parameter of at most ``most`` entries."""
    ids = call.texts(name)
    if len(ids) > most:
        raise refuse_parameter(name, f"{len(ids)} entries; at most {most} are allowed")
    return ids


def _order_spaces(spaces: Iterable[Space], sort: str) -> tuple[Ordered[Space], bool]:
    sorts: dict[str, Callable[[Space], SortKey]] = {
        "id": by_id,
        "key": lambda space: (space.key.casefold(), number_of(space.id)),
        "name": lambda space: (space.name.casefold(), number_of(space.id)),
    }
    if sort.removeprefix("-") not in sorts:
        raise refuse_parameter("sort", sort)
    return order(spaces, sorts[sort.removeprefix("-")]), sort.startswith("-")


def list_spaces(call: Call) -> Response:
    """``GET /spaces``: those the caller may view; archived ones too unless ``status`` says."""
    ids, keys = read_ids(call, "ids"), read_ids(call, "keys")
    kind, statuses = call.text("type"), call.texts("status")

    def is_wanted(space: Space) -> bool:
        return (
            (not ids or space.id in ids)
            and (not keys or space.key in keys)
            and (not kind or space.type == kind)
            and (not statuses or space.status in statuses)
        )

    ordered, descending = _order_spaces(call.view.list_spaces(), call.text("sort", "id"))
    found = read_slice(call, ordered, is_wanted, descending=descending)
    return answer_list(call, [payloads.describe_space(item) for item in found.items], found.cursor)


def show_space(call: Call) -> Response:
    """``GET /spaces/{id}``."""
    payload = payloads.describe_space(find_space(call))
    del payload["currentActiveAlias"]  # lists have it, single answers do not
    return answer_one(call, payload)


def find_space(call: Call) -> Space:
    """Return the space that the path names."""
    space = call.view.find_space(call.path("id"))
    if space is None:
        raise refuse_missing()
    return space


def _make_filter(call: Call, kind: Kind, default: str) -> Callable[[Content], bool]:
    statuses = set(call.texts("status") or default.split(","))
    ids, spaces = set(read_ids(call, "id")), set(read_ids(call, "space-id", _MAX_SPACES))
    title, roots_only = call.text("title"), call.text("depth") == "root"

    def is_wanted(content: Content) -> bool:
        return (
            content.kind is kind
            and content.status.value in statuses
            and (not ids or content.id in ids)
            and (not spaces or content.space_id in spaces)
            and (not title or content.title == title)
            and not (roots_only and content.parent_id is not None)
            and call.view.sees(content)
        )

    return is_wanted


def _list_contents(call: Call, kind: Kind, space: Space | None) -> Response:
    key, descending = read_sort(call, _CONTENT_SORTS, "id")
    default = "current,archived" if kind is Kind.PAGE else "current"
    ids = read_ids(call, "id")
    if ids and space is None:
        known = call.world.tree.contents
        ordered = order((known[item] for item in dict.fromkeys(ids) if item in known), key)
    else:
        ordered = call.site.orders.list_contents(call.world, space.id if space else None, key)
    found = read_slice(call, ordered, _make_filter(call, kind, default), descending=descending)
    form = call.text("body-format")
    results = [payloads.describe_content(call.world, item, form) for item in found.items]
    return answer_list(call, results, found.cursor)


def list_pages(call: Call) -> Response:
    """``GET /pages``: the whole site's; current and archived unless ``status`` says."""
    return _list_contents(call, Kind.PAGE, None)


def list_blogposts(call: Call) -> Response:
    """``GET /blogposts``: the whole site's."""
    return _list_contents(call, Kind.BLOGPOST, None)


def list_space_pages(call: Call) -> Response:
    """``GET /spaces/{id}/pages``."""
    return _list_contents(call, Kind.PAGE, find_space(call))


def list_space_blogposts(call: Call) -> Response:
    """``GET /spaces/{id}/blogposts``."""
    return _list_contents(call, Kind.BLOGPOST, find_space(call))


def find_content(call: Call, kind: Kind) -> Content:
    """Return the content that the path names; trash and drafts only where they are asked for."""
    content = call.view.find(call.path("id"))
    statuses = set(call.texts("status")) or {"current", "archived"}
    if call.flag("get-draft"):
        statuses.add("draft")
    if content is None or content.kind is not kind or content.status.value not in statuses:
        raise refuse_missing()
    return content


def _show_content(call: Call, kind: Kind) -> Response:
    content = find_content(call, kind)
    payload = payloads.describe_content(call.world, content, call.text("body-format"))
    if call.flag("include-labels"):
        labels = [payloads.describe_label(name) for name in content.labels]
        payload["labels"] = _include(call, "labels", labels)
    if call.flag("include-versions"):
        versions = [payloads.describe_version(item) for item in _list_versions(content)]
        payload["versions"] = _include(call, "versions", versions)
    return answer_one(call, payload)


def _include(call: Call, name: str, results: list[Any]) -> dict[str, Any]:
    return {
        "results": results[:_MAX_INCLUDED],
        "meta": {"hasMore": len(results) > _MAX_INCLUDED},
        "_links": {"self": f"{call.request.url.path}/{name}"},
    }


def show_page(call: Call) -> Response:
    """``GET /pages/{id}``."""
    return _show_content(call, Kind.PAGE)


def show_blogpost(call: Call) -> Response:
    """``GET /blogposts/{id}``."""
    return _show_content(call, Kind.BLOGPOST)


def show_folder(call: Call) -> Response:
    """``GET /folders/{id}``."""
    return answer_one(call, payloads.describe_content(call.world, find_content(call, Kind.FOLDER)))


def list_labels(call: Call) -> Response:
    """``GET /pages/{id}/labels`` and ``/blogposts/{id}/labels``."""
    content = call.view.find(call.path("id"))
    if content is None:
        raise refuse_missing()
    read_v2_limit(call)
    return answer_list(call, [payloads.describe_label(name) for name in content.labels])


def list_ancestors(call: Call) -> Response:
    """``GET /{pages|folders}/{id}/ancestors``: the topmost first; beyond ``limit``, the nearest.

    There is no cursor: a caller asks again with the topmost ancestor it got.
    """
    content = call.view.find(call.path("id"))
    if content is None:
        raise refuse_missing()
    nearest = call.world.tree.list_ancestors(content)[-read_v2_limit(call) :]
    return answer_list(call, [{"id": item.id, "type": item.kind.value} for item in nearest])


def list_children(call: Call) -> Response:
    """``GET /{pages|folders}/{id}/direct-children``: pages and folders, in their own order."""
    if call.view.find(call.path("id")) is None:
        raise refuse_missing()
    children = call.world.tree.list_children(call.path("id"))
    ordered = order(children, lambda item: (item.position, number_of(item.id)))
    found = read_slice(
        call, ordered, lambda item: item.status is Status.CURRENT and call.view.sees(item)
    )
    return answer_list(call, [payloads.describe_child(item) for item in found.items], found.cursor)


def list_child_pages(call: Call) -> Response:
    """``GET /pages/{id}/children``: pages only (deprecated on Cloud)."""
    answer = json.loads(bytes(list_children(call).body))
    pages = [child for child in answer["results"] if child.pop("type") == "page"]
    return JSONResponse({**answer, "results": pages})


def list_versions(call: Call) -> Response:
    """``GET /pages/{id}/versions``: the newest first."""
    content = find_content(call, Kind.PAGE)
    limit = read_v2_limit(call)
    return answer_list(
        call, [payloads.describe_version(item) for item in _list_versions(content)[:limit]]
    )


def _list_versions(content: Content) -> list[Any]:
    return [content.version, *reversed(content.history)]


ROUTES: list[Route] = [
    ("GET", "/spaces", list_spaces),
    ("GET", "/spaces/{id}", show_space),
    ("GET", "/spaces/{id}/pages", list_space_pages),
    ("GET", "/spaces/{id}/blogposts", list_space_blogposts),
    ("GET", "/pages", list_pages),
    ("GET", "/pages/{id}", show_page),
    ("GET", "/pages/{id}/labels", list_labels),
    ("GET", "/pages/{id}/ancestors", list_ancestors),
    ("GET", "/pages/{id}/direct-children", list_children),
    ("GET", "/pages/{id}/children", list_child_pages),
    ("GET", "/pages/{id}/versions", list_versions),
    ("GET", "/blogposts", list_blogposts),
    ("GET", "/blogposts/{id}", show_blogpost),
    ("GET", "/blogposts/{id}/labels", list_labels),
    ("GET", "/folders/{id}", show_folder),
    ("GET", "/folders/{id}/ancestors", list_ancestors),
    ("GET", "/folders/{id}/direct-children", list_children),
]
