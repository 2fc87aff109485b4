"""Following ``_links.next`` to the last page, and nowhere else.

The forms that links take: v2 from the host's root (``/wiki/api/v2/…``), v1 from the site's base
(``/rest/api/…``), absolute; in the body or in the ``Link`` header. Behind the gateway all of them name
the site and have to be anchored anew.
"""

import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx2

from headwater.adapters.confluence.answers import BrokenAnswerError, RejectedRequestError
from headwater.adapters.confluence.client import Ask, JsonClient, Params, Reply

Item = Mapping[str, Any]

_NEXT = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next"?')
_LIMIT = re.compile(r"[0-9]{1,4}")
_BARREN_PAGES = 10
_BRIEF = Ask(attempts=2)
_API_PATHS = ("/wiki/api/v2/", "/wiki/rest/api/")


async def read_pages(
    client: JsonClient,
    path: str,
    params: Params,
    *,
    smallest: int | None = None,
    ask: Ask | None = None,
) -> AsyncGenerator[list[Item], None]:
    """Yield the ``results`` of every page; ends normally only after the last one.

    With ``smallest`` a page that Confluence cannot deliver is asked for again with half the ``limit``,
    down to that many, and so are all after it. Raises ``RejectedRequestError`` for a link that leads elsewhere or in circles.
    """
    url: httpx2.URL | None = client.locate(path, params)
    watch = _LoopWatch()
    bearable: int | None = None
    while url is not None:
        url = _cap_limit(url, bearable)
        limit = _read_limit(url)
        reply, url = await _read_shrinking(client, url, smallest, ask)
        bearable = _read_limit(url) if _read_limit(url) < limit else bearable
        results = read_results(reply.value, url.path)
        following = next_link(reply)
        following_url = None if following is None else reanchor(following, client.root)
        watch.see(results, following_url)
        yield results
        url = following_url


async def read_all(client: JsonClient, path: str, params: Params) -> list[Item]:
    """Return the results of all pages at once; for lists that are short by nature."""
    return [item async for page in read_pages(client, path, params) for item in page]


async def read_first(client: JsonClient, path: str, params: Params) -> list[Item]:
    """Return the results of the first page only."""
    return read_results((await client.read(client.locate(path, params))).value, path)


def next_link(reply: Reply) -> str | None:
    """Return the link to the next page as Confluence wrote it, or ``None`` at the end."""
    links = reply.value.get("_links") if isinstance(reply.value, dict) else None
    link = links.get("next") if isinstance(links, dict) else None
    if isinstance(link, str) and link:
        return link
    found = _NEXT.search(reply.link or "")
    return found[1] if found else None


def reanchor(link: str, root: httpx2.URL) -> httpx2.URL:
    """Return the URL below ``root`` that the link means.

    Raises ``RejectedRequestError`` if it names another scheme, host or port, or leaves the REST paths:
    following it would hand the credentials to a stranger.
    """
    if "\\" in link or not link.isprintable():
        raise _stray_link()
    try:
        target = root.join(link)
    except (httpx2.InvalidURL, ValueError) as error:
        raise _stray_link() from error
    if (target.scheme, target.host, target.port, target.userinfo) != (
        root.scheme,
        root.host,
        root.port,
        b"",
    ):
        raise _stray_link()
    prefix = root.path.rstrip("/")
    path = _wiki_path(target.path.removeprefix(prefix))
    return root.copy_with(path=prefix + path, query=target.query)


def _wiki_path(path: str) -> str:
    path = path if path.startswith("/wiki/") else f"/wiki{path}"
    if not path.startswith(_API_PATHS) or ".." in path.split("/"):
        raise _stray_link()
    return path


def _stray_link() -> RejectedRequestError:
    return RejectedRequestError(
        "Confluence's answer links to a next page outside its own REST interface; nothing was sent there"
    )


async def _read_shrinking(
    client: JsonClient, url: httpx2.URL, smallest: int | None, ask: Ask | None
) -> tuple[Reply, httpx2.URL]:
    while True:
        limit = _read_limit(url)
        may_shrink = smallest is not None and limit > smallest
        try:
            reply = await client.read(url, _BRIEF if may_shrink else ask)
        except BrokenAnswerError:
            if smallest is None or not may_shrink:
                raise
            url = url.copy_set_param("limit", str(max(limit // 2, smallest)))
        else:
            return reply, url


def _cap_limit(url: httpx2.URL, most: int | None) -> httpx2.URL:
    """Return the URL with at most so large a page, whatever the link wishes for."""
    is_larger = most is not None and _read_limit(url) > most
    return url.copy_set_param("limit", str(most)) if is_larger else url


def _read_limit(url: httpx2.URL) -> int:
    """Return the page size in a URL that may be Confluence's own wording; 0 if there is none."""
    text = url.params.get("limit", "")
    return int(text) if _LIMIT.fullmatch(text) else 0


def read_results(value: object, path: str) -> list[Item]:
    """Return one page's rows; ``BrokenAnswerError`` if the answer to ``path`` holds no list of them."""
    results = value.get("results") if isinstance(value, dict) else None
    if not isinstance(results, list) or not all(isinstance(item, dict) for item in results):
        raise BrokenAnswerError(f"Confluence's answer to {path} holds no list of results")
    return results


class _LoopWatch:
    """Notices a listing that never ends: a link seen before, or page after page with nothing new."""

    def __init__(self) -> None:
        self._links: set[int] = set()
        self._items: set[int] = set()
        self._barren = 0

    def see(self, results: list[Item], following: httpx2.URL | None) -> None:
        known = len(self._items)
        self._items.update(hash(str(item.get("id") or item)) for item in results)
        self._barren = 0 if len(self._items) > known else self._barren + 1
        if following is None:
            return
        link = hash(str(following))
        if link in self._links or self._barren >= _BARREN_PAGES:
            raise RejectedRequestError(
                "Confluence's listing goes round in circles; it has no last page"
            )
        self._links.add(link)
