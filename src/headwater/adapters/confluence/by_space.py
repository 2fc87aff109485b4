"""What hangs on a space's documents: by v1's search, which knows the space, else by a detour.

v2 lists comments and attachments for the whole site only, so that a small space of a large site would
cost as much as all of it. Where Confluence keeps the search from us there is no other way.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

from headwater.adapters.confluence.annotations import quote_cql, search_statuses
from headwater.adapters.confluence.answers import AbsentError, RejectedRequestError
from headwater.adapters.confluence.client import V1, JsonClient
from headwater.adapters.confluence.content import list_documents
from headwater.adapters.confluence.paging import Item, read_pages
from headwater.adapters.confluence.payloads import CURRENT, Statuses
from headwater.adapters.confluence.spaces import refusal_of_listing
from headwater.domain.content import Space
from headwater.domain.errors import (
    ListingIncompleteError,
    SourceRefusedError,
    SourceUnreachableError,
)
from headwater.domain.ids import ContentId

Listed = TypeVar("Listed")

_PAGE_SIZE = "250"
_SMALLEST_PAGE = 5


class SearchClosedError(Exception):
    """Confluence does not serve its search to this account; v2 may tell the same."""


async def search_space(
    client: JsonClient, space: Space, kind: str, expand: str, statuses: Statuses = CURRENT
) -> AsyncGenerator[list[Item], None]:
    """Yield v1 content objects of one type in the space, oldest first, so that pages do not shift.

    Raises ``SearchClosedError`` if the first request already meets a refusal.
    """
    params = {
        "cql": f"space = {quote_cql(space.key)} and type = {kind} order by created",
        "expand": expand,
        "limit": _PAGE_SIZE,
        **search_statuses(statuses),
    }
    has_begun = False
    try:
        pages = read_pages(client, f"{V1}/content/search", params, smallest=_SMALLEST_PAGE)
        async for results in pages:
            has_begun = True
            yield results
    except (SourceRefusedError, AbsentError, RejectedRequestError) as error:
        if has_begun:
            raise
        raise SearchClosedError from error


async def take_detour(
    searched: AsyncGenerator[Listed, None], detour: AsyncGenerator[Listed, None]
) -> AsyncGenerator[Listed, None]:
    """Yield what is searched for, or the detour's finds where the search is closed."""
    is_closed = False
    try:
        async for batch in searched:
            yield batch
    except SearchClosedError:
        is_closed = True
    if is_closed:
        async for batch in detour:
            yield batch


async def demand_whole(
    batches: AsyncGenerator[Sequence[Listed], None], what: str
) -> AsyncGenerator[Sequence[Listed], None]:
    """Yield the batches; ``ListingIncompleteError`` for any trouble but a refusal."""
    seen = 0
    try:
        async for batch in batches:
            seen += len(batch)
            yield batch
    except AbsentError as error:
        raise refusal_of_listing(error, f"the {what}") from error
    except SourceUnreachableError as error:
        raise ListingIncompleteError(
            f"The listing of the {what} broke off after {seen}: {error}"
        ) from error


async def read_document_ids(
    client: JsonClient, space: Space, statuses: Statuses = CURRENT
) -> frozenset[ContentId]:
    """Return the ids of the space's pages and posts; see ``content.list_documents``."""
    batches = list_documents(client, space, statuses)
    return frozenset([document.content_id async for batch in batches for document in batch])
