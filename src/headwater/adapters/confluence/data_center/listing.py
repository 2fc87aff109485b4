"""Reading lists to their last page: by ``start`` or, where there is one, by a scan's cursor.

Confluence's own links are not followed: where the next page starts is worked out from what came.
A list is capped without a word and may be shortened by what the caller may not see, so the next page
starts behind the rows that came, and a short page is not the last.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import httpx2

from headwater.adapters.confluence.answers import (
    AbsentError,
    BrokenAnswerError,
    RejectedRequestError,
)
from headwater.adapters.confluence.client import Ask, Params
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.paging import Item, read_results
from headwater.domain.errors import SourceUnreachableError

WITH_BODIES = 50
EXPANDED = 200
"""The most rows of one answer, by what is expanded: Atlassian support article 1032258424."""

_SMALLEST = 10
_BARREN_PAGES = 10
_BRIEF = Ask(attempts=2)


@dataclass(frozen=True, slots=True)
class Query:
    """A list to read: its path below the interface, its parameters, the rows to ask for at a time."""

    tail: str
    params: Params
    limit: int = EXPANDED


@dataclass(frozen=True, slots=True)
class _Piece:
    rows: list[Item]
    value: Mapping[str, object]
    limit: int
    """How many rows were asked for."""

    @property
    def next_link(self) -> str:
        links = self.value.get("_links")
        link = links.get("next") if isinstance(links, dict) else None
        return link if isinstance(link, str) else ""

    @property
    def next_cursor(self) -> str:
        try:
            cursor = self.value.get("nextCursor") or httpx2.URL(self.next_link).params.get("cursor")
        except (httpx2.InvalidURL, ValueError) as error:
            raise RejectedRequestError(
                "Confluence's list names its next page by something that is no URL"
            ) from error
        return cursor if isinstance(cursor, str) else ""

    @property
    def applied_limit(self) -> int:
        """How many rows Confluence looked at, if it says so."""
        limit = self.value.get("limit")
        if not isinstance(limit, int) or isinstance(limit, bool) or limit <= 0:
            return self.limit
        return min(limit, self.limit)


async def read_rows(rest: Rest, query: Query) -> AsyncGenerator[list[Item], None]:
    """Yield the rows page by page, by ``start``; ends normally only after the last page.

    Rows that come again are passed over, but leave a doubt whether others were left out:
    ``RejectedRequestError`` at the end then, and at once for a list that brings nothing new any more.
    """
    start, limit, watch = 0, query.limit, _Watch()
    while True:
        params = {**query.params, "start": str(start)}
        piece = await _read_piece(rest, query.tail, params, limit)
        is_new = watch.note(piece.rows)
        yield piece.rows
        if not piece.next_link:
            break
        limit = piece.limit
        start += len(piece.rows) if is_new else piece.applied_limit
    watch.settle()


async def scan_rows(rest: Rest, query: Query) -> AsyncGenerator[list[Item], None]:
    """Yield the rows page by page, by cursor; ends normally only after the last page."""
    cursor, limit, watch, cursors = "", query.limit, _Watch(), set[str]()
    while cursor not in cursors:
        cursors.add(cursor)
        params = {**query.params, **({"cursor": cursor} if cursor else {})}
        piece = await _read_piece(rest, query.tail, params, limit)
        watch.note(piece.rows)
        yield piece.rows
        cursor, limit = piece.next_cursor, piece.limit
        if not cursor and piece.next_link:
            raise RejectedRequestError(
                "Confluence's list has a next page, but does not say how to ask for it"
            )
        if not cursor or not (piece.rows or piece.next_link):
            return
    raise _circling()


async def scan_or_read(rest: Rest, scan: Query, instead: Query) -> AsyncGenerator[list[Item], None]:
    """Yield the rows of a scan, or of another list where Confluence has no scan."""
    has_begun = False
    try:
        async for rows in scan_rows(rest, scan):
            has_begun = True
            yield rows
    except (AbsentError, RejectedRequestError, BrokenAnswerError):
        if has_begun:
            raise
    if not has_begun:
        async for rows in read_rows(rest, instead):
            yield rows


@dataclass(slots=True)
class _Watch:
    """Notices a list that repeats itself."""

    seen: set[int] = field(default_factory=set)
    barren: int = 0
    was_repeating: bool = False

    def note(self, rows: list[Item]) -> bool:
        """Tell whether the page brought anything new; raises if page after page does not."""
        known = len(self.seen)
        self.seen.update(hash(str(row.get("id") or row)) for row in rows)
        is_new = len(self.seen) > known
        self.barren = 0 if is_new else self.barren + 1
        self.was_repeating = self.was_repeating or bool(rows and not is_new)
        if self.barren >= _BARREN_PAGES:
            raise _circling()
        return is_new

    def settle(self) -> None:
        if self.was_repeating:
            raise RejectedRequestError(
                "Confluence's list repeated itself, so that rows may be missing from it"
            )


def _circling() -> SourceUnreachableError:
    return RejectedRequestError("Confluence's list goes round in circles; it has no last page")


async def _read_piece(rest: Rest, tail: str, params: Params, limit: int) -> _Piece:
    """Read one page, with half as many rows each time Confluence cannot deliver it."""
    while True:
        may_shrink = limit > _SMALLEST
        sized = {**params, "limit": str(limit)}
        try:
            value = await rest.get(tail, sized, _BRIEF if may_shrink else None)
        except BrokenAnswerError:
            if not may_shrink:
                raise
            limit = max(limit // 2, _SMALLEST)
        else:
            rows = read_results(value, rest.base + tail)
            return _Piece(rows, value if isinstance(value, dict) else {}, limit)
