"""Which page, post or attachment a Confluence URL names, read from the URL alone.

Sources: the link forms of Confluence Cloud and Data Center, and its short links: the content id's
bytes, lowest first, in base 64 with ``-`` for ``/`` and ``_`` for ``+``, trailing ``A`` left out.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, unquote, unquote_plus, urlsplit

from headwater.domain.ids import ContentId, SpaceKey

_IN_PATH: Final = re.compile(
    r"/(?:spaces/[^/]+/)?(?:pages|blog|folder|content|blogposts|attachments)"
    r"(?:/\d{4}/\d{1,2}/\d{1,2})?(?:/edit(?:-v2)?)?/(?P<id>(?:att)?\d+)(?:/|$)"
)
_SPACE: Final = re.compile(r"/(?:spaces|display)/(?P<space>[^/]+)")
_DISPLAY: Final = re.compile(
    r"/display/(?P<space>[^/]+)(?:/\d{4}/\d{1,2}/\d{1,2})?/(?P<title>[^/]+)/?$"
)
_TINY: Final = re.compile(r"/x/(?P<code>[A-Za-z0-9_-]+)/?$")
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,16}")
_PREVIEW: Final = re.compile(r"/\d+/(?P<id>\d+)/")


@dataclass(frozen=True, slots=True)
class ContentLink:
    """What a URL names. ``content_ids`` are tried in their order, then space and title."""

    host: str
    content_ids: tuple[ContentId, ...] = ()
    space: SpaceKey | None = None
    title: str | None = None

    @property
    def names_content(self) -> bool:
        """Whether it is about one page, post or attachment."""
        return bool(self.content_ids) or bool(self.space and self.title)


def parse_content_url(url: str) -> ContentLink:
    """Return what the URL names; a link that names no content has neither ids nor a title."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    display = _DISPLAY.search(parts.path)
    title = query.get("title") or (unquote_plus(display["title"]) if display else None)
    return ContentLink(
        host=parts.netloc.casefold(),
        content_ids=_find_ids(parts.path, query),
        space=_find_space(parts.path, query),
        title=title,
    )


def _find_ids(path: str, query: dict[str, str]) -> tuple[ContentId, ...]:
    if preview := _PREVIEW.match(query.get("preview", "")):
        # Cloud writes attachment ids with a prefix that its links leave out.
        return ContentId(f"att{preview['id']}"), ContentId(preview["id"])
    code = _TINY.search(path)
    tiny = code["code"] if code else query.get("urlIdentifier")
    found = _IN_PATH.search(path)
    named = query.get("pageId") or query.get("contentId") or (found["id"] if found else None)
    named = named or (_read_tiny(tiny) if tiny else None)
    return (ContentId(named),) if named else ()


def _find_space(path: str, query: dict[str, str]) -> SpaceKey | None:
    found = _SPACE.search(path)
    key = query.get("spaceKey") or query.get("key") or (unquote(found["space"]) if found else None)
    return SpaceKey(key) if key else None


def _read_tiny(code: str) -> str | None:
    if not _CODE.fullmatch(code):
        return None
    padded = code + "A" * (-len(code) % 4)
    try:
        number = int.from_bytes(base64.b64decode(padded, b"_-", validate=True), "little")
    except binascii.Error:
        return None
    return str(number) if number else None
