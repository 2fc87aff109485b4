"""Data Center's REST API (``[/context]/rest/api``): spaces, content, search.

Lists are capped without a word: 50 rows with bodies, 200 with anything else expanded, else 1000.
"""

from collections.abc import Callable, Iterable

from starlette.responses import JSONResponse, Response

from headwater.sandbox.calls import Call, Json, RefusalError, Route, refuse_missing
from headwater.sandbox.cloud_v1 import (
    find_anything,
    list_child_content,
    list_labels,
    list_restrictions,
    read_expansion,
    show_restriction,
)
from headwater.sandbox.cloud_v1_payloads import Describer
from headwater.sandbox.entities import Attachment, Comment, Content, Operation, Space
from headwater.sandbox.expansion import parse_expansion
from headwater.sandbox.ordering import Ordered, by_id, order
from headwater.sandbox.paging import Slice, cut_offset, cut_slice, link_next, read_v1_number
from headwater.sandbox.querying import gather, make_test, read_order, read_query
from headwater.sandbox.search import Found

_CAP_BODIES, _CAP_EXPANDED, _CAP_PLAIN = 50, 200, 1_000
_CURSOR = "content:false:"
_EVERYTHING = parse_expansion(("restrictions.user", "restrictions.group"))
_STATUSES = {"any": frozenset({"current", "trashed"})}


def _cap(call: Call) -> int:
    wanted = read_expansion(call)
    if "body" in wanted:
        return _CAP_BODIES
    return _CAP_EXPANDED if call.texts("expand") else _CAP_PLAIN


def _describe_all(call: Call, items: Iterable[Found]) -> list[Json]:
    describer, wanted = Describer(call), read_expansion(call)
    return [describer.describe(item, wanted) for item in items]


def _answer_offset(call: Call, items: list[Found]) -> Response:
    page, envelope = cut_offset(call, items, most=_cap(call))
    return JSONResponse({"results": _describe_all(call, page), **envelope})


def find_space(call: Call, key: str) -> Space:
    """Return a visible space by key."""
    space = call.view.find_space_by_key(key)
    if space is None:
        raise refuse_missing(f"No space found with key : {key}")
    return space


def list_spaces(call: Call) -> Response:
    """``GET /space``."""
    keys, kind, status = call.texts("spaceKey"), call.text("type"), call.text("status")
    spaces = [
        space
        for space in call.view.list_spaces()
        if (not keys or space.key in keys)
        and (not kind or space.type == kind)
        and (not status or space.status == status)
    ]
    page, envelope = cut_offset(call, spaces, most=_CAP_PLAIN)
    describer = Describer(call)
    return JSONResponse({"results": [describer.describe_space(it) for it in page], **envelope})


def show_space(call: Call) -> Response:
    """``GET /space/{key}``."""
    payload = Describer(call).describe_space(find_space(call, call.path("key")))
    payload["_links"] |= call.site.roots
    return JSONResponse(payload)


def _list_contents(call: Call) -> tuple[Ordered[Content], Callable[[Content], bool]]:
    """Return the content of ``spaceKey``, and which of it ``type``, ``status`` and ``title`` mean."""
    key = call.text("spaceKey")
    space = find_space(call, key) if key else None
    kind, status, title = call.text("type", "page"), call.text("status"), call.text("title")
    statuses = _STATUSES.get(status, frozenset(call.texts("status") or ["current"]))

    def is_wanted(item: Content) -> bool:
        return (
            item.kind.value == kind
            and item.status.value in statuses
            and (not title or item.title == title)
            and call.view.sees(item)
        )

    space_id = space.id if space else None
    return call.site.orders.list_contents(call.world, space_id, by_id), is_wanted


def list_content(call: Call) -> Response:
    """``GET /content``: by space, type, status and title."""
    contents, is_wanted = _list_contents(call)
    return _answer_offset(call, [item for item in contents.items if is_wanted(item)])


def _cut_scan(call: Call, cursor: str, limit: int) -> Slice[Found]:
    """Return a page of what ``type`` names, which may be comments too."""
    if call.text("type") == "comment":
        comments, sees_item = _list_comments(call), call.view.sees_item
        found = cut_slice(comments, sees_item, cursor=cursor, limit=limit)
        return Slice(list(found.items), found.cursor)
    contents, is_wanted = _list_contents(call)
    cut = cut_slice(contents, is_wanted, cursor=cursor, limit=limit)
    return Slice(list(cut.items), cut.cursor)


def _list_comments(call: Call) -> Ordered[Comment]:
    space, world = find_space(call, call.text("spaceKey")), call.world
    holders = ((item, world.find_content(item.container_id)) for item in world.comments.values())
    return order(
        (
            item
            for item, holder in holders
            if holder.space_id == space.id and holder.status.value == "current"
        ),
        by_id,
    )


def scan_content(call: Call) -> Response:
    """``GET /content/scan``: the same by cursor, straight from the database."""
    limit, cursor = min(read_v1_number(call, "limit", 25), _cap(call)), call.text("cursor")
    try:
        found = _cut_scan(call, cursor.removeprefix(_CURSOR), limit)
    except ValueError as error:
        raise RefusalError(400, f"Invalid cursor: {cursor}") from error
    answer: Json = {
        "results": _describe_all(call, found.items),
        "cursor": cursor or _CURSOR,
        "limit": limit,
        "size": len(found.items),
        "_links": {**call.site.roots},
    }
    if found.cursor is not None:
        following = f"{_CURSOR}{found.cursor}"
        path = call.request.url.path.removeprefix(call.site.context)
        answer["nextCursor"] = following
        answer["_links"]["next"] = link_next(call, path, cursor=following, limit=limit)
    return JSONResponse(answer)


def search_content(call: Call) -> Response:
    """``GET /content/search``: by CQL, paged by ``start``; archived spaces are left out."""
    return _answer_offset(call, _find(call))


def search_site(call: Call) -> Response:
    """``GET /search``: the same, each wrapped with its title and link, and how many there are."""
    found = _find(call)
    page, envelope = cut_offset(call, found, most=_cap(call))
    results = [
        {"content": content, "title": content["title"], "url": content["_links"].get("webui", "")}
        for content in _describe_all(call, page)
    ]
    totals = {"totalSize": len(found), "cqlQuery": call.text("cql"), "searchDuration": 1}
    return JSONResponse({"results": results, **envelope, **totals})


def _find(call: Call) -> list[Found]:
    query = read_query(call)
    key, descending = read_order(call, query)
    found, test = gather(call, query, key), make_test(call, query)
    items = [item for item in found.items if test(item) and _is_searched(call, item)]
    return items[::-1] if descending else items


def _is_searched(call: Call, found: Found) -> bool:
    world = call.world
    holder = found if isinstance(found, Content) else world.find_content(found.container_id)
    is_known = holder.kind in call.site.dialect.kinds
    return is_known and world.spaces[holder.space_id].status == "current"


def show_content(call: Call) -> Response:
    """``GET /content/{id}``: current content, unless ``status`` says otherwise."""
    found = find_anything(call, call.path("id"))
    statuses = set(call.texts("status") or ["current"])
    allowed = statuses | {"current", "trashed"} if "any" in statuses else statuses
    if found.status.value not in allowed:
        raise refuse_missing(f"No content found with id: ContentId{{id={found.id}}}")
    payload = Describer(call).describe(found, read_expansion(call))
    payload["_links"] |= call.site.roots
    return JSONResponse(payload)


def list_relevant_restrictions(call: Call) -> Response:
    """``GET /content/{id}/restriction/relevantViewRestrictions``: its own and every ancestor's."""
    found = find_anything(call, call.path("id"))
    if not isinstance(found, Content):
        raise refuse_missing(f"No content found with id: ContentId{{id={found.id}}}")
    chain = [*call.world.tree.list_ancestors(found), found]
    describer = Describer(call)
    restrictions = [
        describer.describe_restriction(Operation.READ, item, _EVERYTHING)
        for item in chain
        if item.readers
    ]
    page, envelope = cut_offset(call, restrictions, default=50, most=50)
    return JSONResponse({"viewContentRestrictions": {"results": page, **envelope}})


def send_file(call: Call) -> Response:
    """``GET /download/attachments/{id}/{name}``: a file's bytes, by the link as it was handed out."""
    version = read_v1_number(call, "version", 0)
    named = (
        item
        for item in call.view.list_attachments(call.path("id"))
        if item.title == call.path("name") and call.view.sees_item(item)
    )
    attachment: Attachment | None = next(named, None)
    if attachment is None or not version or call.text("api") != "v2":
        raise refuse_missing("Page Not Found")
    if not 0 <= attachment.version.number - version < len(attachment.files):
        raise refuse_missing("Page Not Found")
    return Response(attachment.read(version), media_type=attachment.media_type)


ROUTES: list[Route] = [
    ("GET", "/space", list_spaces),
    ("GET", "/space/{key}", show_space),
    ("GET", "/content", list_content),
    ("GET", "/content/search", search_content),
    ("GET", "/search", search_site),
    ("GET", "/content/{id}", show_content),
    ("GET", "/content/{id}/label", list_labels),
    ("GET", "/content/{id}/child/{type}", list_child_content),
    ("GET", "/content/{id}/restriction/byOperation", list_restrictions),
    ("GET", "/content/{id}/restriction/byOperation/{operation}", show_restriction),
    ("GET", "/content/{id}/restriction/relevantViewRestrictions", list_relevant_restrictions),
]
SCAN_ROUTES: list[Route] = [("GET", "/content/scan", scan_content)]
"""What older versions do not have."""
FILES: list[Route] = [("GET", "/download/attachments/{id}/{name}", send_file)]
