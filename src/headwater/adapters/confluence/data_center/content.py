"""Pages and blog posts: listing them and fetching their bodies."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

from headwater.adapters.confluence.answers import (
    AbsentError,
    BrokenAnswerError,
    RejectedRequestError,
)
from headwater.adapters.confluence.client import Ask
from headwater.adapters.confluence.concurrency import map_unordered, split
from headwater.adapters.confluence.content import blame_page, make_fetched
from headwater.adapters.confluence.data_center.listing import (
    EXPANDED,
    WITH_BODIES,
    Query,
    scan_or_read,
)
from headwater.adapters.confluence.data_center.payloads import ContentRow
from headwater.adapters.confluence.data_center.rest import Rest, demand_ids
from headwater.adapters.confluence.data_center.spaces import find_space
from headwater.adapters.confluence.paging import Item, read_results
from headwater.adapters.confluence.payloads import parse
from headwater.adapters.confluence.spaces import refusal_of_listing
from headwater.domain.content import DocumentKind, ListedDocument, Space
from headwater.domain.errors import ListingIncompleteError, SourceUnreachableError
from headwater.domain.ids import ContentId
from headwater.ports import FetchedPage

KINDS: Final = (DocumentKind.PAGE, DocumentKind.BLOGPOST)
_EXPAND: Final = "version,ancestors,space,history"
_EXPAND_BODY: Final = f"body.storage,{_EXPAND}"
_BATCHES_IN_FLIGHT = 2


def list_rows(
    rest: Rest, space: Space, kind: str, expand: str, *, limit: int = EXPANDED
) -> AsyncGenerator[list[Item], None]:
    """Yield a space's current content of one type, straight from the database and not the index."""
    params = {"spaceKey": space.key, "type": kind, "status": "current", "expand": expand}
    scan, listing = (Query(tail, params, limit) for tail in ("/content/scan", "/content"))
    return scan_or_read(rest, scan, listing)


async def list_documents(
    rest: Rest, space: Space
) -> AsyncGenerator[Sequence[ListedDocument], None]:
    """Yield the current pages, then the blog posts; 200 per request.

    Ends normally only after both listings' last pages, and after Confluence has confirmed that it
    still knows the caller and still shows the space. Raises ``ListingIncompleteError`` for any
    trouble but a refusal.
    """
    seen = 0
    try:
        for kind in KINDS:
            async for rows in list_rows(rest, space, kind, _EXPAND):
                found = [parse(ContentRow, row) for row in rows]
                seen += len(found)
                yield [row.make_listed() for row in found if row.belongs(space)]
        await rest.check_caller()
        await find_space(rest, space.key)
    except AbsentError as error:
        raise refusal_of_listing(error, f"the space {space.key}") from error
    except SourceUnreachableError as error:
        raise ListingIncompleteError(
            f"The listing of space {space.key} broke off after {seen} documents: {error}"
        ) from error


async def fetch_pages(
    rest: Rest, documents: Sequence[ListedDocument]
) -> AsyncGenerator[FetchedPage, None]:
    """Yield the bodies, 50 per request and two requests at a time; what has vanished is left out.

    They are asked for through the index, which lags and knows no archived spaces: what it does not
    bring, or brings in an older version, is read by itself.
    """

    async def fetch(batch: Sequence[ListedDocument]) -> Sequence[FetchedPage]:
        return await _fetch_batch(rest, batch)

    unique = list({document.content_id: document for document in documents}.values())
    async with aclosing(
        map_unordered(fetch, split(unique, WITH_BODIES), limit=_BATCHES_IN_FLIGHT)
    ) as fetched:
        async for pages in fetched:
            for page in pages:
                yield page


async def _fetch_batch(rest: Rest, batch: Sequence[ListedDocument]) -> Sequence[FetchedPage]:
    rows = await _search_bodies(rest, [document.content_id for document in batch])
    pages: list[FetchedPage] = []
    for document in batch:
        row = rows.get(document.content_id)
        if row is None or row.storage is None or row.version.number < document.version:
            pages.extend(await _fetch_one(rest, document.content_id))
        else:
            pages.append(make_fetched(row.make_listed(), row.storage))
    return pages


async def _search_bodies(rest: Rest, ids: Sequence[ContentId]) -> Mapping[ContentId, ContentRow]:
    """Return what the index brings of these; nothing where it fails, since each can be read alone."""
    numbers = [item for item in ids if item.isascii() and item.isdigit()]
    params = {"cql": demand_ids(numbers), "expand": _EXPAND_BODY, "limit": str(WITH_BODIES)}
    limits = rest.client.limits
    ask = Ask(attempts=2, max_bytes=min(limits.batch_bytes, limits.answer_bytes))
    try:
        value = await rest.get("/content/search", params, ask)
        rows = [parse(ContentRow, item) for item in read_results(value, "/content/search")]
    except (AbsentError, BrokenAnswerError, RejectedRequestError):
        return {}
    return {ContentId(row.id): row for row in rows if row.is_document}


async def _fetch_one(rest: Rest, content_id: ContentId) -> Sequence[FetchedPage]:
    try:
        value = await rest.get(f"/content/{content_id}", {"expand": _EXPAND_BODY})
        row = parse(ContentRow, value)
    except AbsentError:
        return []
    except (BrokenAnswerError, RejectedRequestError) as error:
        await rest.check_caller()
        return [blame_page(content_id, error, rest.client.limits)]
    return [make_fetched(row.make_listed(), row.storage)] if row.is_document else []
