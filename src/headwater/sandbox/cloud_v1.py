"""Cloud REST API v1 (``/wiki/rest/api``): spaces, content and restrictions.

The content and space listings are no longer in Atlassian's published document, but a site still
answers them to a classic API token, and existing clients call them.
"""

from collections.abc import Iterable

from starlette.responses import JSONResponse, RedirectResponse, Response

from headwater.sandbox.calls import Call, Json, RefusalError, Route, refuse_missing
from headwater.sandbox.cloud_v1_payloads import Describer, label_of, list_children
from headwater.sandbox.entities import Attachment, Content, Operation, Space
from headwater.sandbox.expansion import Expansion, parse_expansion
from headwater.sandbox.ordering import by_id
from headwater.sandbox.paging import cut_offset, read_v1_number
from headwater.sandbox.search import Found

_MAX_CONTENT = 1_000
_NO_SPACE = (
    "com.atlassian.confluence.api.service.exceptions.NotFoundException: "
    "No space with the given key exists"
)


def read_expansion(call: Call) -> Expansion:
    """Return what ``expand`` names."""
    return parse_expansion(call.texts("expand"))


def find_anything(call: Call, item: str) -> Found:
    """Return the visible content, attachment or comment with this id."""
    view = call.view
    found: Found | None = view.find(item) or view.find_comment(item)
    if found is None and item.startswith("att"):
        found = view.find_attachment(item)
    if isinstance(found, Content) and found.kind not in call.site.dialect.kinds:
        found = None
    if found is None:
        raise refuse_missing(f"No content found with id: ContentId{{id={item}}}")
    return found


def _find_content(call: Call) -> Content:
    found = find_anything(call, call.path("id"))
    if not isinstance(found, Content):
        raise refuse_missing(f"No content found with id: ContentId{{id={found.id}}}")
    return found


def _answer_offset(call: Call, items: Iterable[Found], most: int = _MAX_CONTENT) -> Response:
    page, envelope = cut_offset(call, list(items), most=most)
    describer, wanted = Describer(call), read_expansion(call)
    return JSONResponse(
        {"results": [describer.describe(item, wanted) for item in page], **envelope}
    )


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
    page, envelope = cut_offset(call, spaces, most=_MAX_CONTENT)
    return JSONResponse(
        {"results": [Describer(call).describe_space(it) for it in page], **envelope}
    )


def _find_space(call: Call) -> Space:
    space = call.view.find_space_by_key(call.path("key"))
    if space is None:
        raise refuse_missing(_NO_SPACE)
    return space


def show_space(call: Call) -> Response:
    """``GET /space/{key}``."""
    payload = Describer(call).describe_space(_find_space(call))
    payload["_links"] |= call.site.roots
    return JSONResponse(payload)


def _list_contents(call: Call, space: Space | None, kind: str, title: str = "") -> list[Content]:
    status = call.text("status", "current")
    statuses = {"current", "archived"} if status == "any" else {status}
    ordered = call.site.orders.list_contents(call.world, space.id if space else None, by_id)
    return [
        item
        for item in ordered.items
        if item.kind.value == kind
        and item.status.value in statuses
        and (not title or item.title == title)
        and call.view.sees(item)
    ]


def list_space_content(call: Call) -> Response:
    """``GET /space/{key}/content/{type}``."""
    return _answer_offset(call, _list_contents(call, _find_space(call), call.path("type")))


def show_space_content(call: Call) -> Response:
    """``GET /space/{key}/content``: one listing of pages, one of blog posts."""
    space, describer, wanted = _find_space(call), Describer(call), read_expansion(call)
    answer: Json = {}
    for kind in ("page", "blogpost"):
        page, envelope = cut_offset(call, _list_contents(call, space, kind), most=_MAX_CONTENT)
        answer[kind] = {"results": [describer.describe(it, wanted) for it in page], **envelope}
    return JSONResponse({**answer, "_links": call.site.roots})


def list_content(call: Call) -> Response:
    """``GET /content``: the legacy listing by ``spaceKey``, ``type`` and ``title``."""
    key, space = call.text("spaceKey"), None
    if key:
        space = call.view.find_space_by_key(key)
        if space is None:
            raise refuse_missing(_NO_SPACE)
    kind, title = call.text("type", "page"), call.text("title")
    return _answer_offset(call, _list_contents(call, space, kind, title))


def show_content(call: Call) -> Response:
    """``GET /content/{id}``: current and archived content; trash only by ``status``."""
    found = find_anything(call, call.path("id"))
    allowed = {"current", "archived", *call.texts("status")}
    if found.status.value not in allowed and "any" not in allowed:
        raise refuse_missing(f"No content found with id: ContentId{{id={found.id}}}")
    payload = Describer(call).describe(found, read_expansion(call))
    payload["_links"] |= call.site.roots
    return JSONResponse(payload)


def list_labels(call: Call) -> Response:
    """``GET /content/{id}/label``."""
    found = find_anything(call, call.path("id"))
    labels = [label_of(name) for name in getattr(found, "labels", ())]
    page, envelope = cut_offset(call, labels, default=200)
    return JSONResponse({"results": page, **envelope})


def list_child_content(call: Call) -> Response:
    """``GET /content/{id}/child/{page|attachment|comment}``; ``depth=all`` adds replies."""
    found, kind = find_anything(call, call.path("id")), call.path("type")
    if kind == "comment" and call.text("depth") == "all" and isinstance(found, Content):
        return _answer_offset(call, call.view.list_comments(found.id))
    children = list_children(call, found, kind)
    name = call.text("filename")
    return _answer_offset(call, [it for it in children if not name or _name_of(it) == name])


def _name_of(found: Found) -> str:
    return found.title if isinstance(found, Content | Attachment) else ""


def redirect_to_media(call: Call) -> Response:
    """``GET …/child/attachment/{id}/download``: to a signed URL on the media host."""
    attachment = call.view.find_attachment(call.path("attachment_id"))
    if attachment is None or attachment.container_id != call.path("id"):
        raise refuse_missing("No attachment found with the given id")
    version = read_v1_number(call, "version", attachment.version.number)
    if not 0 <= attachment.version.number - version < len(attachment.files):
        raise refuse_missing("No such version of the attachment")
    return RedirectResponse(call.site.media.sign(attachment.id, version), status_code=302)


def list_restrictions(call: Call) -> Response:
    """``GET /content/{id}/restriction/byOperation``: the content's own, by operation."""
    content, describer, wanted = _find_content(call), Describer(call), read_expansion(call)
    answer = {
        item.value: describer.describe_restriction(item, content, _narrow(wanted))
        for item in Operation
    }
    itself = describer.link_self(f"content/{content.id}/restriction/byOperation")
    return JSONResponse({**answer, "_links": {"self": itself, "base": call.site.base}})


def _narrow(wanted: Expansion) -> Expansion:
    everything = parse_expansion(("restrictions.user", "restrictions.group"))
    return wanted if "restrictions" in wanted else everything


def show_restriction(call: Call) -> Response:
    """``GET /content/{id}/restriction/byOperation/{operation}``; ``start`` pages its lists."""
    if call.path("operation") not in set(Operation):
        raise RefusalError(400, f"Unknown operation {call.path('operation')}")
    operation, start = Operation(call.path("operation")), read_v1_number(call, "start", 0)
    content = _find_content(call)
    return JSONResponse(
        Describer(call).describe_restriction(
            operation, content, _narrow(read_expansion(call)), start
        )
    )


def show_system(call: Call) -> Response:
    """``GET /settings/systemInfo``."""
    zone = call.world.people.admin.time_zone
    return JSONResponse(
        {
            "cloudId": call.world.cloud_id,
            "commitHash": "0000000",
            "baseUrl": call.site.base,
            "edition": "standard",
            "siteTitle": call.world.title,
            "defaultLocale": "en_US",
            "defaultTimeZone": zone,
        }
    )


ROUTES: list[Route] = [
    ("GET", "/space", list_spaces),
    ("GET", "/space/{key}", show_space),
    ("GET", "/space/{key}/content", show_space_content),
    ("GET", "/space/{key}/content/{type}", list_space_content),
    ("GET", "/content", list_content),
    ("GET", "/content/{id}", show_content),
    ("GET", "/content/{id}/label", list_labels),
    ("GET", "/content/{id}/child/{type}", list_child_content),
    ("GET", "/content/{id}/child/attachment/{attachment_id}/download", redirect_to_media),
    ("GET", "/content/{id}/restriction/byOperation", list_restrictions),
    ("GET", "/content/{id}/restriction/byOperation/{operation}", show_restriction),
    ("GET", "/settings/systemInfo", show_system),
]
