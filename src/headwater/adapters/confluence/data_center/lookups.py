"""What became of content that a listing no longer shows."""

import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing

from headwater.adapters.confluence.answers import (
    AbsentError,
    BrokenAnswerError,
    RejectedRequestError,
)
from headwater.adapters.confluence.client import Ask
from headwater.adapters.confluence.concurrency import map_unordered, split
from headwater.adapters.confluence.data_center.payloads import StatusRow
from headwater.adapters.confluence.data_center.rest import Rest, demand_ids
from headwater.adapters.confluence.paging import read_results
from headwater.adapters.confluence.payloads import parse
from headwater.domain.ids import ContentId
from headwater.ports import ContentStatus, LookedUp

_PER_SEARCH = 100
_BATCHES_IN_FLIGHT = 2
_BRIEF = Ask(attempts=2)
_NUMBER = re.compile(r"[0-9]+")
_CONTENT = re.compile(r"(att)?[0-9]+")
_GONE = LookedUp(ContentStatus.GONE)


async def look_up(rest: Rest, content_ids: Sequence[ContentId]) -> Mapping[ContentId, LookedUp]:
    """Say what became of each id. None is called gone unless Confluence still knows the caller.

    The index is asked first, a hundred ids at a time, because it says in bulk what is still there. It
    proves no absence: what it does not know is looked up by itself in the database.
    """
    ids = list(dict.fromkeys(content_ids))
    found = await _search(rest, [item for item in ids if _NUMBER.fullmatch(item)])
    missing = [item for item in ids if item not in found and _CONTENT.fullmatch(item)]
    found |= await _read(rest, missing)
    if any(item not in found for item in ids):
        await rest.check_caller()
    return {item: found.get(item, _GONE) for item in ids}


async def _search(rest: Rest, ids: Sequence[ContentId]) -> dict[ContentId, LookedUp]:
    async def search(run: Sequence[ContentId]) -> Mapping[ContentId, LookedUp]:
        return await _search_run(rest, run)

    found: dict[ContentId, LookedUp] = {}
    async with aclosing(
        map_unordered(search, split(ids, _PER_SEARCH), limit=_BATCHES_IN_FLIGHT)
    ) as answers:
        async for answer in answers:
            found |= answer
    return found


async def _search_run(rest: Rest, ids: Sequence[ContentId]) -> Mapping[ContentId, LookedUp]:
    """Return those that the index knows as current; none where it fails, since each can be read alone."""
    params = {"cql": demand_ids(ids), "expand": "space", "limit": str(_PER_SEARCH)}
    try:
        value = await rest.get("/content/search", params, _BRIEF)
        rows = [parse(StatusRow, item) for item in read_results(value, "/content/search")]
    except (AbsentError, BrokenAnswerError, RejectedRequestError):
        return {}
    current = (row for row in rows if row.id in frozenset(ids) and row.status == "current")
    return {ContentId(row.id): row.look_up() for row in current}


async def _read(rest: Rest, ids: Sequence[ContentId]) -> dict[ContentId, LookedUp]:
    async def read(content_id: ContentId) -> tuple[ContentId, LookedUp | None]:
        return content_id, await _read_one(rest, content_id)

    async with aclosing(map_unordered(read, ids, limit=rest.client.limits.in_flight)) as answers:
        return {item: answer async for item, answer in answers if answer is not None}


async def _read_one(rest: Rest, content_id: ContentId) -> LookedUp | None:
    """Look one up, trash included; ``None`` where Confluence has nothing for us."""
    try:
        value = await rest.get(f"/content/{content_id}", {"status": "any", "expand": "space"})
    except AbsentError:
        return None
    return parse(StatusRow, value).look_up()
