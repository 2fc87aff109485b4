"""What became of content that a listing no longer shows."""

import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing

from headwater.adapters.confluence.answers import AbsentError
from headwater.adapters.confluence.client import V2, JsonClient
from headwater.adapters.confluence.concurrency import map_unordered, split
from headwater.adapters.confluence.content import PATHS
from headwater.adapters.confluence.paging import read_pages
from headwater.adapters.confluence.payloads import StatusPayload, parse
from headwater.adapters.confluence.spaces import check_caller, refusal_of_listing
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, SpaceId
from headwater.ports import ContentStatus, LookedUp

_STATUSES = {
    DocumentKind.PAGE: "current,archived,trashed,deleted",
    DocumentKind.BLOGPOST: "current,trashed,deleted",
}
_MEANINGS = {
    "current": ContentStatus.CURRENT,
    "archived": ContentStatus.ARCHIVED,
    "trashed": ContentStatus.TRASHED,
    "deleted": ContentStatus.TRASHED,
}
_GONE = LookedUp(ContentStatus.GONE)
_PAGE_SIZE = 250
_BATCHES_IN_FLIGHT = 2
_NUMBER = re.compile(r"[0-9]+")
_ATTACHMENT = re.compile(r"att[0-9]+")


async def look_up(
    client: JsonClient, content_ids: Sequence[ContentId]
) -> Mapping[ContentId, LookedUp]:
    """Say what became of each id. None is called gone unless Confluence still knows the caller.

    Pages and posts are asked for in bulk, attachments (``att`` and a number) one by one. An id of
    another form names nothing, and is gone.
    """
    ids = list(dict.fromkeys(content_ids))
    found: dict[ContentId, LookedUp] = {}
    for kind in PATHS:
        missing = [item for item in ids if _NUMBER.fullmatch(item) and item not in found]
        found |= await _look_up_kind(client, kind, missing)
    found |= await _look_up_files(client, [item for item in ids if _ATTACHMENT.fullmatch(item)])
    if any(item not in found for item in ids):
        await check_caller(client)
    return {item: found.get(item, _GONE) for item in ids}


async def _look_up_files(
    client: JsonClient, ids: Sequence[ContentId]
) -> Mapping[ContentId, LookedUp]:
    async def read(content_id: ContentId) -> tuple[ContentId, LookedUp | None]:
        return content_id, await _look_up_file(client, content_id)

    async with aclosing(map_unordered(read, ids, limit=client.limits.in_flight)) as answers:
        return {item: answer async for item, answer in answers if answer is not None}


async def _look_up_file(client: JsonClient, content_id: ContentId) -> LookedUp | None:
    """Look one attachment up; ``None`` where Confluence has nothing for us. It does not name the space."""
    try:
        value = await client.get(f"{V2}/attachments/{content_id}")
    except AbsentError:
        return None
    return _interpret(parse(StatusPayload, value))


async def _look_up_kind(
    client: JsonClient, kind: DocumentKind, ids: Sequence[ContentId]
) -> Mapping[ContentId, LookedUp]:
    async def read(run: Sequence[ContentId]) -> Mapping[ContentId, LookedUp]:
        return await _look_up_run(client, kind, run)

    found: dict[ContentId, LookedUp] = {}
    runs = split(ids, _PAGE_SIZE)
    async with aclosing(map_unordered(read, runs, limit=_BATCHES_IN_FLIGHT)) as answers:
        async for answer in answers:
            found |= answer
    return found


async def _look_up_run(
    client: JsonClient, kind: DocumentKind, ids: Sequence[ContentId]
) -> Mapping[ContentId, LookedUp]:
    params = {"id": ",".join(ids), "status": _STATUSES[kind], "limit": str(_PAGE_SIZE)}
    pages = read_pages(client, f"{V2}/{PATHS[kind]}", params, smallest=25)
    try:
        payloads = [parse(StatusPayload, item) async for page in pages for item in page]
    except AbsentError as error:
        raise refusal_of_listing(error, "pages by id") from error
    return {ContentId(item.id): _interpret(item) for item in payloads if item.id in frozenset(ids)}


def _interpret(payload: StatusPayload) -> LookedUp:
    status = _MEANINGS.get(payload.status, ContentStatus.GONE)
    return LookedUp(status, SpaceId(payload.space_id) if payload.space_id else None)
