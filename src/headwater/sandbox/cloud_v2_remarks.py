"""Cloud REST API v2: attachments and comments, which follow the access of what they hang on."""

from starlette.responses import Response

from headwater.sandbox import cloud_v2_payloads as payloads
from headwater.sandbox.calls import Call, Route, refuse_missing
from headwater.sandbox.cloud_v2 import answer_list, answer_one, read_slice, read_sort
from headwater.sandbox.entities import Attachment, Comment, Content, Status
from headwater.sandbox.ordering import by_created, by_id, by_modified, order

_SORTS = {"id": by_id, "created-date": by_created, "modified-date": by_modified}
_ATTACHMENT_LIMIT = 50


def _find_container(call: Call) -> Content:
    content = call.view.find(call.path("id"))
    if content is None:
        raise refuse_missing()
    return content


def _list_attachments(call: Call, items: list[Attachment], *, site_wide: bool) -> Response:
    key, descending = read_sort(call, _SORTS, "id")
    statuses = set(call.texts("status") or ("current", "archived"))
    name, media_type = call.text("filename"), call.text("mediaType")

    def is_wanted(item: Attachment) -> bool:
        return (
            item.status.value in statuses
            and (not name or item.title == name)
            and (not media_type or item.media_type == media_type)
            and (not site_wide or _hangs_on_live_content(call, item))
            and call.view.sees_item(item)
        )

    ordered = order(items, key)
    found = read_slice(call, ordered, is_wanted, descending=descending, default=_ATTACHMENT_LIMIT)
    results = [payloads.describe_attachment(call.world, item) for item in found.items]
    return answer_list(call, results, found.cursor)


def _hangs_on_live_content(call: Call, item: Attachment | Comment) -> bool:
    container = call.world.find_content(item.container_id)
    return container.status in {Status.CURRENT, Status.ARCHIVED}


def list_attachments(call: Call) -> Response:
    """``GET /attachments``: the whole site's; not those of trashed pages."""
    return _list_attachments(call, list(call.world.attachments.values()), site_wide=True)


def list_content_attachments(call: Call) -> Response:
    """``GET /{pages|blogposts}/{id}/attachments``."""
    content = _find_container(call)
    ids = call.world.files_of.get(content.id, [])
    items = [call.world.attachments[item] for item in ids]
    return _list_attachments(call, items, site_wide=False)


def show_attachment(call: Call) -> Response:
    """``GET /attachments/{id}``."""
    attachment = call.view.find_attachment(call.path("id"))
    if attachment is None:
        raise refuse_missing()
    return answer_one(call, payloads.describe_attachment(call.world, attachment))


def _list_comments(call: Call, comments: list[Comment], *, inline: bool) -> Response:
    key, descending = read_sort(call, _SORTS, "id")
    resolutions = set(call.texts("resolution-status"))

    def is_wanted(comment: Comment) -> bool:
        return (
            comment.inline is inline
            and (not resolutions or comment.resolution in resolutions)
            and _hangs_on_live_content(call, comment)
            and call.view.sees_item(comment)
        )

    found = read_slice(call, order(comments, key), is_wanted, descending=descending)
    form = call.text("body-format")
    results = [payloads.describe_comment(call.world, item, form) for item in found.items]
    return answer_list(call, results, found.cursor)


def list_footer_comments(call: Call) -> Response:
    """``GET /footer-comments``: the whole site's, replies included."""
    return _list_comments(call, list(call.world.comments.values()), inline=False)


def list_inline_comments(call: Call) -> Response:
    """``GET /inline-comments``: the whole site's, replies included."""
    return _list_comments(call, list(call.world.comments.values()), inline=True)


def _list_roots(call: Call, *, inline: bool) -> Response:
    comments = call.view.list_comments(_find_container(call).id)
    roots = [comment for comment in comments if comment.parent_id is None]
    return _list_comments(call, roots, inline=inline)


def list_content_footer_comments(call: Call) -> Response:
    """``GET /{pages|blogposts}/{id}/footer-comments``: no replies."""
    return _list_roots(call, inline=False)


def list_content_inline_comments(call: Call) -> Response:
    """``GET /{pages|blogposts}/{id}/inline-comments``: no replies."""
    return _list_roots(call, inline=True)


def list_replies(call: Call) -> Response:
    """``GET /{footer|inline}-comments/{id}/children``: direct replies."""
    comment = _find_comment(call)
    comments = call.view.list_comments(comment.container_id)
    replies = [item for item in comments if item.parent_id == comment.id]
    return _list_comments(call, replies, inline=comment.inline)


def show_comment(call: Call) -> Response:
    """``GET /{footer|inline}-comments/{id}``."""
    form = call.text("body-format")
    return answer_one(call, payloads.describe_comment(call.world, _find_comment(call), form))


def _find_comment(call: Call) -> Comment:
    comment = call.view.find_comment(call.path("id"))
    if comment is None:
        raise refuse_missing()
    return comment


ROUTES: list[Route] = [
    ("GET", "/attachments", list_attachments),
    ("GET", "/attachments/{id}", show_attachment),
    ("GET", "/pages/{id}/attachments", list_content_attachments),
    ("GET", "/blogposts/{id}/attachments", list_content_attachments),
    ("GET", "/footer-comments", list_footer_comments),
    ("GET", "/footer-comments/{id}", show_comment),
    ("GET", "/footer-comments/{id}/children", list_replies),
    ("GET", "/inline-comments", list_inline_comments),
    ("GET", "/inline-comments/{id}", show_comment),
    ("GET", "/inline-comments/{id}/children", list_replies),
    ("GET", "/pages/{id}/footer-comments", list_content_footer_comments),
    ("GET", "/pages/{id}/inline-comments", list_content_inline_comments),
    ("GET", "/blogposts/{id}/footer-comments", list_content_footer_comments),
    ("GET", "/blogposts/{id}/inline-comments", list_content_inline_comments),
]
