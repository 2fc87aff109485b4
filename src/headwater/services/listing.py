"""Looking around in a Confluence: its spaces, or a space's content beside what is in of it."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from headwater.domain.content import DocumentKind, ListedDocument, Space
from headwater.domain.errors import ConfigError, InvalidInputError
from headwater.domain.ids import ContentId, SiteId, SpaceKey, TenantId
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.sync import KnownDocument
from headwater.pipeline.planning import is_searchable
from headwater.ports import Ports, SecretBox, Source

COUNTED_SPACES: Final = 50
"""Spaces of one answer whose pages are counted: each costs a request."""

DOCUMENTS: Final = (DocumentKind.PAGE, DocumentKind.BLOGPOST)


class Ingested(StrEnum):
    """Whether a listed page is in."""

    NO = "no"
    CURRENT = "current"
    STALE = "stale"
    """In, but in another version than Confluence has now, or its last update failed."""


@dataclass(frozen=True, slots=True)
class ListingQuestion:
    """What is listed: the spaces, a space's content, or what is right below a page of it."""

    address: SiteAddress
    limit: int
    space: SpaceKey | None = None
    parent: ContentId | None = None
    words: str = ""
    """Of spaces: only those whose key or name holds this, without case."""


@dataclass(frozen=True, slots=True)
class CountedSpace:
    """A space, and how many pages it has where that was counted."""

    space: Space
    page_count: int | None


@dataclass(frozen=True, slots=True)
class BrowsedDocument:
    """A page or post of a space, beside what is in of it."""

    listed: ListedDocument
    url: str
    has_children: bool
    ingested: Ingested


@dataclass(frozen=True, slots=True)
class SpaceListing:
    """Some spaces of a site by key, how many there are, and the cursor of the next ones."""

    site: SiteId
    spaces: tuple[CountedSpace, ...]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True)
class ContentListing:
    """Some content of a space, how much there is where that is known, and the cursor of the next."""

    documents: tuple[BrowsedDocument, ...]
    total: int | None
    next: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a listing goes on: the position behind what was listed, how much that was, how much there is."""

    position: str | None = None
    listed: int = 0
    total: int | None = None


async def list_content(
    ports: Ports,
    tenant: TenantId,
    credential: SiteCredential,
    question: ListingQuestion,
    cursor: str | None,
) -> SpaceListing | ContentListing:
    """List what is asked for, from a cursor on.

    ``InvalidInputError`` for a cursor of another question and for a parent that is not seen; otherwise
    raises what opening a source raises, and ``SpaceNotFoundError``.
    """
    if question.parent and question.space is None:
        raise InvalidInputError(
            ("body", "space"), "name the space that parent_id is in", "value_error.missing"
        )
    seal = _CursorSeal(ports.secret_box, tenant, question)
    place = seal.open(cursor) if cursor else _Place()
    async with ports.sources.open(question.address, credential) as source:
        await source.check_credentials()
        if question.space is None:
            return await _list_spaces(source, question, place, seal)
        space = await source.find_space(question.space)
        browsing = _Browsing(ports, tenant, source, question, space)
        return await _list_documents(browsing, place, seal)


async def _list_spaces(
    source: Source, question: ListingQuestion, place: _Place, seal: "_CursorSeal"
) -> SpaceListing:
    wanted = question.words.casefold()
    spaces = sorted(
        (space for space in await source.list_spaces() if _names(space, wanted)),
        key=lambda space: space.key,
    )
    left = [space for space in spaces if place.position is None or space.key > place.position]
    shown = left[: question.limit]
    counts = await asyncio.gather(
        *(source.count_content(space, (DocumentKind.PAGE,)) for space in shown[:COUNTED_SPACES])
    )
    padded = [*counts, *(None for _ in shown[COUNTED_SPACES:])]
    counted = map(CountedSpace, shown, padded)
    is_end = len(left) <= question.limit
    following = None if is_end else seal.close(_Place(shown[-1].key))
    return SpaceListing(source.site, tuple(counted), len(spaces), following)


def _names(space: Space, wanted: str) -> bool:
    return wanted in space.key.casefold() or wanted in space.name.casefold()


@dataclass(frozen=True, slots=True)
class _Browsing:
    ports: Ports
    tenant: TenantId
    source: Source
    question: ListingQuestion
    space: Space


async def _list_documents(
    browsing: _Browsing, place: _Place, seal: "_CursorSeal"
) -> ContentListing:
    question, source = browsing.question, browsing.source
    page = await source.list_page(browsing.space, question.parent, place.position, question.limit)
    if page is None:
        raise InvalidInputError(
            ("body", "parent_id"),
            "no such page or folder, or the account may not see it",
            "value_error.parent",
        )
    listed = place.listed + len(page.documents)
    # A search counts from an index that lags; what was listed to its end is counted exactly.
    total = listed if page.next is None else place.total or await _count(browsing)
    following = seal.close(_Place(page.next, listed, total)) if page.next else None
    return ContentListing(await _describe(browsing, page.documents), total, following)


async def _count(browsing: _Browsing) -> int | None:
    parent = browsing.question.parent
    kinds = DOCUMENTS if parent is None else (DocumentKind.PAGE,)
    return await browsing.source.count_content(browsing.space, kinds, parent)


async def _describe(
    browsing: _Browsing, documents: Sequence[ListedDocument]
) -> tuple[BrowsedDocument, ...]:
    ids = [item.content_id for item in documents]
    pages = [item.content_id for item in documents if item.kind is DocumentKind.PAGE]
    known = await browsing.ports.catalog.known(browsing.tenant, browsing.source.site, ids)
    parents = await browsing.source.find_parents(pages)
    return tuple(
        BrowsedDocument(
            listed=item,
            url=_link(browsing.question.address, item),
            has_children=item.content_id in parents,
            ingested=_judge(item, known.get(item.content_id)),
        )
        for item in documents
    )


def _link(address: SiteAddress, item: ListedDocument) -> str:
    path = item.web_path or f"/pages/viewpage.action?pageId={item.content_id}"
    return f"{address.web_url.rstrip('/')}{path}"


def _judge(item: ListedDocument, known: KnownDocument | None) -> Ingested:
    if known is None or not is_searchable(known):
        return Ingested.NO
    is_current = known.version == item.version and not known.attempts
    return Ingested.CURRENT if is_current else Ingested.STALE


@dataclass(frozen=True, slots=True)
class _CursorSeal:
    """Makes cursors that tell nothing, cannot be made up, and fit one question of one tenant only."""

    box: SecretBox
    tenant: TenantId
    question: ListingQuestion

    def close(self, place: _Place) -> str:
        """Return the cursor of a place."""
        text = json.dumps([self._mark(), place.position, place.listed, place.total])
        return self.box.seal(text.encode()).decode("latin-1")

    def open(self, cursor: str) -> _Place:
        """Return the place; ``InvalidInputError`` for a cursor that is none of this question."""
        try:
            mark, *place = json.loads(self.box.open(cursor.encode()))
        except (ConfigError, ValueError) as error:
            raise _refuse_cursor() from error
        if mark != self._mark():
            raise _refuse_cursor()
        return _Place(*place)

    def _mark(self) -> str:
        """Return a digest of everything that may not change from page to page; ``limit`` may."""
        asked = self.question
        address = asked.address.instance_url
        place = (address, asked.space, asked.parent, asked.words, self.tenant.value)
        return hashlib.sha256(repr(place).encode()).hexdigest()[:32]


def _refuse_cursor() -> InvalidInputError:
    return InvalidInputError(
        ("body", "cursor"),
        "no cursor of this listing; pass on what the answer before called next, for the same question",
        "value_error.cursor",
    )
