"""Pages from templates. Every value is escaped, in every template, always."""

from typing import Any, Final, NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from headwater.console import wording
from headwater.console.statics import name_static


class Link(NamedTuple):
    """An entry of the navigation: its name in ``current``, its path below the console, its words."""

    name: str
    path: str
    title: str


NAVIGATION: Final = (
    Link("overview", "/", "Overview"),
    Link("connect", "/connect", "Connect"),
    Link("spaces", "/spaces", "Spaces"),
    Link("jobs", "/jobs", "Jobs"),
    Link("documents", "/documents", "Documents"),
    Link("search", "/search", "Search"),
)


def _make_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("headwater.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= wording.FILTERS
    environment.globals |= {"navigation": NAVIGATION}
    return environment


_ENVIRONMENT: Final = _make_environment()


def render_text(request: Request, template: str, **values: Any) -> str:
    """Return a template's text, such as a part of a page.

    Besides ``values`` it knows ``root`` (the console's own address), ``visit`` (``None`` for somebody
    who is not signed in), ``navigation`` and ``static(name)``.
    """
    root = request.scope["root_path"]
    return _ENVIRONMENT.get_template(template).render(
        root=root,
        visit=getattr(request.state, "visit", None),
        static=lambda name: name_static(root, name),
        **values,
    )


def render(
    request: Request, template: str, *, status_code: int = 200, **values: Any
) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(render_text(request, template, **values), status_code)
