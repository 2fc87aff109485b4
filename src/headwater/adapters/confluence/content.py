"""Pages and blog posts: listing them and fetching their bodies."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

from headwater.adapters.confluence.answers import (
    AbsentError,
    BrokenAnswerError,
    OversizedAnswerError,
)
from headwater.adapters.confluence.client import V2, Ask, JsonClient, Limits
from headwater.adapters.confluence.concurrency import map_unordered, split
from headwater.adapters.confluence.paging import read_pages
from headwater.adapters.confluence.payloads import (
    CURRENT,
    ContentPayload,
    Statuses,
    make_listed,
    name_statuses,
    parse,
)
from headwater.adapters.confluence.spaces import check_caller, find_space, refusal_of_listing
from headwater.domain.content import DocumentKind, ListedDocument, Page, Space
from headwater.domain.errors import (
    DocumentError,
    FailureType,
    ListingIncompleteError,
    SourceUnreachableError,
)
from headwater.domain.ids import ContentId
from headwater.ports import FetchedPage

PATHS = {DocumentKind.PAGE: "pages", DocumentKind.BLOGPOST: "blogposts"}
_PAGE_SIZE = 250
_BATCHES_IN_FLIGHT = 2


async def list_documents(
    client: JsonClient, space: Space, statuses: Statuses = CURRENT
) -> AsyncGenerator[Sequence[ListedDocument], None]:
    """Yield the pages of these statuses, then the current blog posts.

    Ends normally only after both listings' last pages, and after Confluence has confirmed that it
    still knows the caller and still shows the space; an account that has lost its rights sees a
    short list, not an error. Raises ``ListingIncompleteError`` for any trouble but a refusal.
    """
    seen = 0
    try:
        for kind in PATHS:
            async for batch in _list_kind(client, space, kind, statuses):
                seen += len(batch)
                yield batch
        await check_caller(client)
        await find_space(client, space.key)
    except AbsentError as error:
        raise refusal_of_listing(error, f"the space {space.key}") from error
    except SourceUnreachableError as error:
        raise ListingIncompleteError(
            f"The listing of space {space.key} broke off after {seen} documents: {error}"
        ) from error


async def _list_kind(
    client: JsonClient, space: Space, kind: DocumentKind, statuses: Statuses
) -> AsyncGenerator[Sequence[ListedDocument], None]:
    path = f"{V2}/spaces/{space.id}/{PATHS[kind]}"
    shown = statuses if kind is DocumentKind.PAGE else CURRENT
    params = {"limit": str(_PAGE_SIZE), "status": name_statuses(shown), "sort": "id"}
    async for results in read_pages(client, path, params, smallest=25):
        payloads = [parse(ContentPayload, item) for item in results]
        yield [
            make_listed(payload, kind)
            for payload in payloads
            if payload.status in shown and payload.space_id in {None, space.id}
        ]


async def fetch_pages(
    client: JsonClient, documents: Sequence[ListedDocument], statuses: Statuses = CURRENT
) -> AsyncGenerator[FetchedPage, None]:
    """Yield the bodies, many per request and two requests at a time; what has vanished is left out."""

    async def fetch(batch: _Batch) -> Sequence[FetchedPage]:
        return await _fetch_batch(client, batch, statuses)

    async with aclosing(
        map_unordered(fetch, _make_batches(documents), limit=_BATCHES_IN_FLIGHT)
    ) as fetched:
        async for pages in fetched:
            for page in pages:
                yield page


_Batch = tuple[DocumentKind, Sequence[ContentId]]


def _make_batches(documents: Sequence[ListedDocument]) -> Iterable[_Batch]:
    for kind in PATHS:
        ids = [document.content_id for document in documents if document.kind is kind]
        for run in split(list(dict.fromkeys(ids)), _PAGE_SIZE):
            yield kind, run


async def _fetch_batch(
    client: JsonClient, batch: _Batch, statuses: Statuses
) -> Sequence[FetchedPage]:
    """Fetch a batch, or its halves where Confluence or our memory cannot take it whole."""
    kind, ids = batch
    try:
        return await _fetch(client, batch, statuses)
    except BrokenAnswerError as error:
        if len(ids) == 1:
            await check_caller(client)
            return [blame_page(ids[0], error, client.limits)]
        middle = len(ids) // 2
        first = await _fetch_batch(client, (kind, ids[:middle]), statuses)
        return [*first, *await _fetch_batch(client, (kind, ids[middle:]), statuses)]


async def _fetch(client: JsonClient, batch: _Batch, statuses: Statuses) -> Sequence[FetchedPage]:
    kind, ids = batch
    params = {"id": ",".join(ids), "body-format": "storage", "limit": str(_PAGE_SIZE)}
    batch_bytes = min(client.limits.batch_bytes, client.limits.answer_bytes)
    ask = Ask() if len(ids) == 1 else Ask(attempts=2, max_bytes=batch_bytes)
    pages = read_pages(client, f"{V2}/{PATHS[kind]}", params, ask=ask)
    wanted = frozenset(ids)
    try:
        return [
            make_fetched(make_listed(payload, kind), payload.storage)
            async for results in pages
            for payload in (parse(ContentPayload, item) for item in results)
            if payload.id in wanted and payload.status in statuses
        ]
    except AbsentError as error:
        raise refusal_of_listing(error, "pages by id") from error


def make_fetched(listed: ListedDocument, body: str | None) -> FetchedPage:
    """Return the page, or its failure where Confluence left out the body."""
    if body is None:
        error = DocumentError(
            FailureType.PARSE_ERROR,
            "Confluence delivered the page without its body; open and save it there, then retry",
        )
        return FetchedPage(listed.content_id, error)
    return FetchedPage(listed.content_id, Page(listed, body))


def blame_page(content_id: ContentId, error: SourceUnreachableError, limits: Limits) -> FetchedPage:
    """Return the page's own failure; Confluence is known to answer otherwise."""
    if isinstance(error, OversizedAnswerError):
        failure = DocumentError(
            FailureType.FILE_TOO_LARGE,
            f"The page's body exceeds {limits.answer_bytes} bytes; split the page",
        )
    else:
        failure = DocumentError(FailureType.NETWORK_ERROR, f"The page cannot be read: {error}")
    return FetchedPage(content_id, failure)
