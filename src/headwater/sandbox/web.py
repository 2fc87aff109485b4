"""The pages behind the links that the API hands out: small, but they open in a browser."""

import html
from urllib.parse import unquote_plus

from starlette.responses import HTMLResponse, JSONResponse, Response

from headwater.sandbox.calls import Call, Route
from headwater.sandbox.entities import Content, Status
from headwater.sandbox.links import read_tiny
from headwater.sandbox.rendering import render_text

_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} - {space}</title>'
    '</head><body style="font:1rem/1.5 sans-serif;max-width:45rem;margin:3rem auto">'
    "<p>{space}</p><h1>{title}</h1><p>{text}</p></body></html>"
)


def _answer_content(call: Call, content_id: str) -> Response:
    content = call.world.tree.contents.get(content_id)
    if content is None:
        return HTMLResponse(_fill("Page not found", call.world.title, ""), 404)
    return HTMLResponse(_describe(call, content))


def _describe(call: Call, content: Content) -> str:
    space = call.world.spaces[content.space_id].name
    return _fill(content.title, space, render_text(content.body))


def _fill(title: str, space: str, text: str) -> str:
    return _PAGE.format(title=html.escape(title), space=html.escape(space), text=html.escape(text))


def show_content(call: Call) -> Response:
    """Show a page, blog post or folder by the id in its link; open to whoever has the link."""
    return _answer_content(call, call.path("id"))


def show_by_parameter(call: Call) -> Response:
    """Show a page by ``pageId``, as old links have it."""
    return _answer_content(call, call.text("pageId"))


def show_by_code(call: Call) -> Response:
    """Show a page by its short link."""
    try:
        return _answer_content(call, read_tiny(call.path("code")))
    except ValueError:
        return _answer_content(call, "")


def show_space(call: Call) -> Response:
    """Show a space's name and description."""
    spaces = call.world.spaces.values()
    space = next((item for item in spaces if item.key == call.path("key")), None)
    if space is None:
        return HTMLResponse(_fill("Space not found", call.world.title, ""), 404)
    return HTMLResponse(_fill(space.name, call.world.title, space.description))


def show_by_title(call: Call) -> Response:
    """Show a page by space and title, or a post by space, date and title, as Data Center links them."""
    title = unquote_plus(call.path("title").rpartition("/")[2])
    found = (
        content.id
        for content in call.world.tree.contents.values()
        if content.title == title
        and call.world.spaces[content.space_id].key == call.path("key")
        and content.status is Status.CURRENT
    )
    return _answer_content(call, next(found, ""))


def show_tenant(call: Call) -> Response:
    """``GET /_edge/tenant_info``: says that this is a Cloud site, without credentials."""
    return JSONResponse({"cloudId": call.world.cloud_id})


ROUTES: list[Route] = [
    ("GET", "/_edge/tenant_info", show_tenant),
]
PAGES: list[Route] = [
    ("GET", "/spaces/{key}", show_space),
    ("GET", "/spaces/{key}/overview", show_space),
    ("GET", "/spaces/{key}/pages/{id}", show_content),
    ("GET", "/spaces/{key}/pages/{id}/{title:path}", show_content),
    ("GET", "/spaces/{key}/folder/{id}", show_content),
    ("GET", "/spaces/{key}/blog/{year}/{month}/{day}/{id}/{title:path}", show_content),
    ("GET", "/display/{key}", show_space),
    ("GET", "/display/{key}/{title:path}", show_by_title),
    ("GET", "/pages/viewpage.action", show_by_parameter),
    ("GET", "/pages/viewpageattachments.action", show_by_parameter),
    ("GET", "/x/{code}", show_by_code),
]
