"""What a Confluence URL names, read from the URL alone: a page, post or attachment, a space, the site.

Sources: the link forms of Confluence Cloud and Data Center, and its short links: the content id's
bytes, lowest first, in base 64 with ``-`` for ``/`` and ``_`` for ``+``, trailing ``A`` left out.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import parse_qs, unquote, unquote_plus, urlsplit

from headwater.domain.ids import ContentId, SpaceKey

_IN_PATH: Final = re.compile(
    r"/(?:spaces/[^/]+/)?(?:pages|blog|folder|content|blogposts|attachments)"
    r"(?:/\d{4}/\d{1,2}/\d{1,2})?(?:/edit(?:-v2)?)?/(?P<id>(?:att)?\d+)(?:/|$)",
    re.ASCII,
)
_FILE: Final = re.compile(
    r"/download/(?:attachments|thumbnails)/(?P<page>\d+)/(?P<name>[^/]+)$", re.ASCII
)
_CHILD_FILE: Final = re.compile(
    r"/(?:child/attachment|attachments)/(?:att)?(?P<id>\d+)(?:/|$)", re.ASCII
)
_SPACE: Final = re.compile(r"/(?:spaces|display|rest/api/space)/(?P<space>[^/]+)")
_WHOLE_SPACE: Final = re.compile(
    r"/(?:(?:spaces/[^/]+(?:/overview)?|display/[^/]+|rest/api/space/[^/]+)/?"
    r"|spaces/[^/]+/(?:pages|blog))$"
)
"""Not ``…/pages/``: somebody who joined an id that was empty to it does not mean the space."""
_SPACE_ACTIONS: Final = ("/spaces/viewspace.action", "/spaces/viewspacesummary.action")
_DISPLAY: Final = re.compile(
    r"/display/(?P<space>[^/]+)(?:/(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2}))?"
    r"/(?P<title>[^/]+)/?$",
    re.ASCII,
)
_TINY: Final = re.compile(r"/x/(?P<code>[A-Za-z0-9_-]+)/?$")
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,16}")
_PREVIEW: Final = re.compile(r"/\d+/(?P<id>\d+)/", re.ASCII)
_ENTRANCE: Final = re.compile(r"(?:/home|/rest/api|/api/v2|/dashboard\.action|/index\.action)?/*$")
_INSIDE: Final = re.compile(
    r"/(?:spaces|display|pages|blog|x|download|rest|api|plugins|users|people|search|admin)(?:/|$)"
    r"|\.action"
)
"""What only pages within a Confluence have in their path."""

_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class ContentLink:
    """What a URL names. ``content_ids`` are tried in their order, then the file, then the title."""

    host: str
    path: str = ""
    """With its escapes undone."""
    content_ids: tuple[ContentId, ...] = ()
    page_id: ContentId | None = None
    """The page on which the file hangs that ``file_names`` name."""
    file_names: tuple[str, ...] = ()
    """The file's name, by each way of writing it in a URL."""
    space: SpaceKey | None = None
    title: str | None = None
    posted_on: date | None = None
    """Set where the title is a blog post's."""
    is_whole_space: bool = False
    site_path: str | None = None
    """Set for the site itself: its context, which every link of the site begins with."""

    @property
    def context(self) -> str:
        """What a site's links begin with behind the host: ``/wiki``, or a Data Center's own, or nothing."""
        inside = _INSIDE.search(self.path)
        return self.path[: inside.start()] if inside else self.path.rstrip("/")

    @property
    def names_content(self) -> bool:
        """Whether it is about one page, post or attachment."""
        return bool(self.content_ids or self.file_names or (self.space and self.title))


def read_host(url: str) -> str:
    """Return a URL's host in lower case, with its port unless that is the scheme's own."""
    parts = urlsplit(url)
    return parts.netloc.casefold().removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))


def parse_content_url(url: str) -> ContentLink:
    """Return what the URL names; a link that names no content has neither ids nor a title."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    ids = _find_ids(parts.path, query)
    file = None if ids else _FILE.search(parts.path)
    display = _DISPLAY.search(parts.path)
    title = query.get("title") or (unquote_plus(display["title"]) if display else None)
    return ContentLink(
        host=read_host(url),
        path=unquote(parts.path),
        content_ids=ids,
        page_id=ContentId(file["page"]) if file else None,
        file_names=_list_names(file["name"]) if file else (),
        space=_find_space(parts.path, query),
        title=title,
        posted_on=_read_day(display) if display else None,
        is_whole_space=not (ids or file or title) and _is_space(parts.path, query),
        site_path=_find_site(parts.path, query),
    )


def _find_ids(path: str, query: dict[str, str]) -> tuple[ContentId, ...]:
    # Cloud writes attachment ids with a prefix that its links leave out.
    if preview := _PREVIEW.match(query.get("preview", "")):
        return ContentId(f"att{preview['id']}"), ContentId(preview["id"])
    if _FILE.search(path):
        return ()
    if child := _CHILD_FILE.search(path):
        return ContentId(f"att{child['id']}"), ContentId(child["id"])
    code = _TINY.search(path)
    tiny = code["code"] if code else query.get("urlIdentifier")
    found = _IN_PATH.search(path)
    named = query.get("pageId") or query.get("contentId") or (found["id"] if found else None)
    named = named or (_read_tiny(tiny) if tiny else None)
    return (ContentId(named),) if named else ()


def _list_names(written: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((unquote(written), unquote_plus(written))))


def _find_space(path: str, query: dict[str, str]) -> SpaceKey | None:
    found = _SPACE.search(path)
    is_action = found is not None and found[0].endswith(".action")
    in_path = unquote(found["space"]) if found and not is_action else None
    key = query.get("spaceKey") or query.get("key") or in_path
    return SpaceKey(key) if key else None


def _is_space(path: str, query: dict[str, str]) -> bool:
    if path.endswith(_SPACE_ACTIONS):
        return bool(query.get("key") or query.get("spaceKey"))
    return bool(_WHOLE_SPACE.search(path)) and not path.endswith(".action")


def _read_day(display: re.Match[str]) -> date | None:
    if display["year"] is None:
        return None
    try:
        return date(int(display["year"]), int(display["month"]), int(display["day"]))
    except ValueError:
        return None


def _find_site(path: str, query: dict[str, str]) -> str | None:
    """Return the context of a link to the site itself. What is not surely one is none."""
    context = _ENTRANCE.sub("", path)
    return None if query or _INSIDE.search(f"{context}/") else context


def _read_tiny(code: str) -> str | None:
    if not _CODE.fullmatch(code):
        return None
    padded = code + "A" * (-len(code) % 4)
    try:
        number = int.from_bytes(base64.b64decode(padded, b"_-", validate=True), "little")
    except binascii.Error:
        return None
    return str(number) if number else None
