"""Comments of a space: footer and inline, with their replies, but for threads that are settled."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from datetime import UTC
from typing import Final

from headwater.adapters.confluence.answers import BrokenAnswerError
from headwater.adapters.confluence.by_space import (
    demand_whole,
    read_document_ids,
    search_space,
    take_detour,
)
from headwater.adapters.confluence.client import V2, JsonClient
from headwater.adapters.confluence.concurrency import map_unordered, split
from headwater.adapters.confluence.found import FoundComment, ListedComment
from headwater.adapters.confluence.paging import Item, read_pages
from headwater.adapters.confluence.payloads import CURRENT, Body, Statuses, parse
from headwater.adapters.confluence.spaces import check_caller
from headwater.adapters.confluence.threads import Remark, Threads
from headwater.domain.content import Comment, Space
from headwater.domain.ids import ContentId

COMMENT_EXPAND: Final = (
    "body.storage,version,history,container,ancestors,space,extensions.resolution"
)
_SETTLED: Final = frozenset({"resolved", "dangling"})
"""Confluence calls a thread dangling when the text that it marked is gone from the page."""
_KINDS: Final = ("footer-comments", "inline-comments")
_V2_PARAMS: Final = {"body-format": "storage", "limit": "250"}
_SMALLEST_PAGE = 5
_ANSWERED_AT_ONCE = 100


def list_comments(
    client: JsonClient, space: Space, statuses: Statuses = CURRENT
) -> AsyncGenerator[Sequence[Comment], None]:
    """Yield the open comments and replies on the space's documents of these statuses.

    Ends normally only after the listing's last page and after Confluence has confirmed that it still
    knows the caller. Costs one request per 250 comments of the space, and one more.
    """
    comments = take_detour(_search(client, space, statuses), _list_site(client, space, statuses))
    return demand_whole(_prove(client, comments), f"comments of space {space.key}")


async def _prove(
    client: JsonClient, batches: AsyncGenerator[Sequence[Comment], None]
) -> AsyncGenerator[Sequence[Comment], None]:
    async for batch in batches:
        yield batch
    await check_caller(client)


async def _search(
    client: JsonClient, space: Space, statuses: Statuses
) -> AsyncGenerator[Sequence[Comment], None]:
    threads = Threads()
    async for results in search_space(client, space, "comment", COMMENT_EXPAND, statuses):
        found = [parse(FoundComment, item) for item in results]
        yield threads.admit(
            make_found_comment(item, statuses) for item in found if item.belongs(space, statuses)
        )
    yield threads.release()


def make_found_comment(found: FoundComment, statuses: Statuses = CURRENT) -> Remark:
    """Return what the search says of one comment."""
    return Remark(
        comment_id=ContentId(found.id),
        parent_id=found.parent_id,
        page_id=found.find_holder(statuses),
        is_closed=found.extensions.resolution.status in _SETTLED,
        author_id=found.history.author_id,
        created_at=found.history.created_date.astimezone(UTC),
        version=found.version.number,
        body=_read_body(found.body, found.id),
    )


async def _list_site(
    client: JsonClient, space: Space, statuses: Statuses
) -> AsyncGenerator[Sequence[Comment], None]:
    pages = await read_document_ids(client, space, statuses)
    for kind in _KINDS:
        async for batch in _list_kind(client, kind, pages):
            yield batch


async def _list_kind(
    client: JsonClient, kind: str, pages: frozenset[ContentId]
) -> AsyncGenerator[Sequence[Comment], None]:
    """Yield one kind's comments on these pages, asking for replies if the listing shows none."""
    threads, has_replies, roots = Threads(), False, list[ContentId]()
    params = {**_V2_PARAMS, "sort": "created-date"}
    listing = read_pages(client, f"{V2}/{kind}", params, smallest=_SMALLEST_PAGE)
    async for results in listing:
        remarks = _read_remarks(results)
        has_replies = has_replies or any(remark.parent_id for remark in remarks)
        admitted = threads.admit(item for item in remarks if _is_wanted(item, pages))
        roots.extend(comment.comment_id for comment in admitted)
        yield admitted
    yield threads.release()
    if not has_replies:
        async for batch in _list_replies(client, kind, roots, threads):
            yield batch


async def _list_replies(
    client: JsonClient, kind: str, answered: Sequence[ContentId], threads: Threads
) -> AsyncGenerator[Sequence[Comment], None]:
    while answered:
        following: list[ContentId] = []
        for run in split(answered, _ANSWERED_AT_ONCE):
            admitted = threads.admit(await _read_replies(client, kind, run))
            following.extend(comment.comment_id for comment in admitted)
            yield admitted
        answered = following


async def _read_replies(
    client: JsonClient, kind: str, answered: Sequence[ContentId]
) -> Sequence[Remark]:
    async def read(comment_id: ContentId) -> Sequence[Remark]:
        path = f"{V2}/{kind}/{comment_id}/children"
        pages = read_pages(client, path, _V2_PARAMS, smallest=_SMALLEST_PAGE)
        return [remark async for results in pages for remark in _read_remarks(results)]

    async with aclosing(map_unordered(read, answered, limit=client.limits.in_flight)) as replies:
        return [remark async for remarks in replies for remark in remarks]


def _read_remarks(results: Iterable[Item]) -> list[Remark]:
    listed = (parse(ListedComment, item) for item in results)
    return [_make_listed(item) for item in listed if item.status == "current"]


def _is_wanted(remark: Remark, pages: frozenset[ContentId]) -> bool:
    """Tell whether it is on one of the pages. A reply may not say, and then follows what it answers."""
    return remark.page_id in pages or (remark.page_id is None and remark.parent_id is not None)


def _make_listed(listed: ListedComment) -> Remark:
    """Return the comment. v2 has no date of creation, so an edited one has that of its last edit."""
    return Remark(
        comment_id=ContentId(listed.id),
        parent_id=ContentId(listed.parent_id) if listed.parent_id else None,
        page_id=listed.holder_id,
        is_closed=listed.resolution in _SETTLED,
        author_id=listed.version.author_id,
        created_at=listed.version.created_at.astimezone(UTC),
        version=listed.version.number,
        body=_read_body(listed.body, listed.id),
    )


def _read_body(body: Body, comment_id: str) -> str:
    if body.storage is None or body.storage.value is None:
        raise BrokenAnswerError(f"Confluence delivered the comment {comment_id} without its text")
    return body.storage.value
