"""Names of files for documents: safe on every file system, and never the same for two."""

import re
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from headwater.domain.ids import ContentId, SiteId, SpaceKey

MOST: Final = 100
"""Characters of one part; file systems allow 255 bytes."""

_NOT_IN_WORDS = re.compile(r"[^a-z0-9]+")


def name_file(site: SiteId, space: SpaceKey, content_id: ContentId, title: str) -> str:
    """Return a document's path as ``site/space/id-title.md``; site and id tell it from all others."""
    words = _NOT_IN_WORDS.sub("-", title.lower()).strip("-")[:MOST].strip("-")
    name = _name_apart(content_id)
    return f"{_name_apart(site)}/{_shorten(space)}/{f'{name}-{words}' if words else name}.md"


def _name_apart(text: str) -> str:
    """Return a name that no other text has, not even where case does not count."""
    part = _shorten(text)
    return part if part == part.lower() else _add_digest(part, text)


def _shorten(text: str) -> str:
    part = quote(text, safe="", errors="surrogatepass")
    if part.startswith("."):
        part = f"%2e{part[1:]}"
    return part if len(part) <= MOST else _add_digest(part, text)


def _add_digest(part: str, text: str) -> str:
    # No quoted text has an equals sign, so no other name ends like this one.
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{part[: MOST - 33].partition('=')[0]}={digest}"
