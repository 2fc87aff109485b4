"""Reading a Confluence."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from headwater.domain.content import (
    Annotation,
    Comment,
    DocumentKind,
    ListedAttachment,
    ListedDocument,
    Page,
    Restriction,
    Space,
)
from headwater.domain.errors import DocumentError
from headwater.domain.ids import (
    ContentId,
    SiteId,
    SpaceId,
    SpaceKey,
)
from headwater.domain.jobs import (
    SiteAddress,
    SiteCredential,
)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a source has asked of Confluence since it was opened."""

    requests: int
    bytes_fetched: int


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that was probed: ``ok`` or what is wrong and what to do about it."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class SpaceReaders:
    """Who may view a space. ``everyone`` is any token of the tenant (Confluence's anonymous access)."""

    restriction: Restriction
    everyone: bool = False
    unnamed: int = 0
    """Groups whose names could not be read: only tokens that carry their ids pass."""
    unmapped: Mapping[str, int] | None = None
    """Access classes that no setting maps to a group, by name: denied and counted."""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A parent that is no listed page (a folder, say): where its own chain goes on, and its restriction."""

    content_id: ContentId
    parent_id: ContentId | None
    restriction: Restriction


class ContentStatus(StrEnum):
    """What a look-up says of an id that a listing did not show."""

    CURRENT = "current"
    """Still there and visible: the listing missed it, or it moved to another space."""
    ARCHIVED = "archived"
    TRASHED = "trashed"
    GONE = "gone"
    """Purged, or no longer visible to us: Confluence does not tell which."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """A look-up's answer for one id. ``space_id`` is set when the content is visible."""

    status: ContentStatus
    space_id: SpaceId | None = None


@dataclass(frozen=True, slots=True)
class ContentPage:
    """Some of a space's content, and where it goes on; ``None`` at the end."""

    documents: tuple[ListedDocument, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """A fetched page, or the error that this one page met."""

    content_id: ContentId
    outcome: Page | DocumentError


class Source(Protocol):
    """One Confluence, opened with one credential. Paging, retries and limits are its own affair.

    Every method raises ``SourceRefusedError`` when the credentials stop working and
    ``SourceUnreachableError`` when Confluence stays away after retries.
    """

    @property
    def site(self) -> SiteId: ...

    @property
    def face(self) -> str:
        """Which Confluence it is, and how it was entered, in a few words."""

    @property
    def archives_pages(self) -> bool:
        """Whether a page can be archived there, so that ``SourceOptions.include_archived`` matters."""

    @property
    def requests_per_file(self) -> int:
        """How many requests a download takes."""

    @property
    def traffic(self) -> Traffic: ...

    async def check_credentials(self) -> None:
        """Prove that Confluence knows the caller; ``SourceRefusedError`` if not (anonymous included)."""

    async def probe(self) -> Sequence[Capability]:
        """Try each kind of call the sync depends on, and say which work."""

    async def list_spaces(self) -> Sequence[Space]:
        """Return every visible space, current and archived."""

    async def find_space(self, key: SpaceKey) -> Space:
        """Return the space with this key; ``SpaceNotFoundError`` if absent or invisible."""

    def list_documents(self, space: Space) -> AsyncGenerator[Sequence[ListedDocument], None]:
        """Yield the space's current pages and blog posts, a few hundred at a time.

        With ``SourceOptions.include_archived`` archived pages too, here and in the other listings.
        Ends normally only after the listing's own last page; ``ListingIncompleteError`` otherwise.
        The same document may come twice while the space is edited.
        """

    async def list_page(
        self, space: Space, parent: ContentId | None, position: str | None, limit: int
    ) -> ContentPage | None:
        """Return at most ``limit`` current pages and blog posts of the space from a position on.

        With ``parent`` those right below that page or folder; ``None`` where that is not seen. A
        position is what the page before called ``next``, for the same space and parent.
        """

    async def find_parents(self, pages: Sequence[ContentId]) -> frozenset[ContentId]:
        """Return which of these pages have pages below them."""

    async def count_content(
        self, space: Space, kinds: Sequence[DocumentKind], parent: ContentId | None = None
    ) -> int | None:
        """Count the space's current content, from a lagging index; ``None`` where Confluence does not tell."""

    def list_annotations(self, space: Space) -> AsyncGenerator[Sequence[Annotation], None]:
        """Yield labels and own restrictions in bulk. From a lagging index: absence proves nothing."""

    async def read_annotations(self, documents: Sequence[ListedDocument]) -> Sequence[Annotation]:
        """Read labels and own restrictions one document at a time; an unreadable restriction says so."""

    def list_comments(self, space: Space) -> AsyncGenerator[Sequence[Comment], None]:
        """Yield the space's open comments and replies in bulk; resolved threads are left out.

        ``ListingIncompleteError`` when the last page was not reached.
        """

    def list_attachments(self, space: Space) -> AsyncGenerator[Sequence[ListedAttachment], None]:
        """Yield the current attachments of the space's pages and blog posts in bulk.

        ``ListingIncompleteError`` when the last page was not reached. From a lagging index: absence
        proves nothing, so a missing one is looked up.
        """

    async def fetch_attachment(self, attachment: ListedAttachment, *, max_bytes: int) -> bytes:
        """Download an attachment's bytes; credentials never go to the host that holds them.

        ``DocumentError`` for this one file: ``FILE_TOO_LARGE`` once it passes ``max_bytes``,
        ``ACCESS_DENIED``, ``NETWORK_ERROR``.
        """

    async def read_ancestor(self, content_id: ContentId) -> Ancestor | None:
        """Read a parent that is no listed page; ``None`` when it cannot be seen."""

    async def read_space_readers(self, space: Space) -> SpaceReaders:
        """Read who may view the space; an unreadable permission list closes."""

    def fetch_pages(self, documents: Sequence[ListedDocument]) -> AsyncGenerator[FetchedPage, None]:
        """Yield the bodies, many per request, in any order; what has vanished meanwhile is left out."""

    async def read_names(self, account_ids: Sequence[str]) -> Mapping[str, str]:
        """Return display names by the ids that bodies and comments name people by.

        Whoever Confluence tells no name of is left out. What was read before is not asked for again
        until it is a day old.
        """

    async def look_up(self, content_ids: Sequence[ContentId]) -> Mapping[ContentId, LookedUp]:
        """Say what became of each page, post or attachment; every id asked for is in the answer.

        In bulk for pages and posts, one by one for attachments.
        """


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a job wants of its source. Where pages cannot be archived, there are none to include."""

    include_archived: bool = False
    """Archived pages, and what hangs on them, are shown like current ones."""
    concurrency: int | None = None
    """Calls side by side, at most."""
    site: SiteId | None = None
    """What the Confluence at this address called itself before, for where it does not tell now."""


class SourceFactory(Protocol):
    """Opens sources."""

    def open(
        self,
        address: SiteAddress,
        credential: SiteCredential,
        *,
        on_wait: Callable[[datetime | None], None] | None = None,
        options: SourceOptions | None = None,
    ) -> AbstractAsyncContextManager[Source]:
        """Probe which Confluence the address names, prove that it knows the caller, and open it.

        ``on_wait`` is told until when calls are paused because Confluence asked for it, and ``None``
        when they go on.

        Raises ``AddressRefusedError`` for a malformed or refused address, ``SourceUnreachableError``
        where nothing answers, ``SourceRefusedError`` where the credentials do not work.
        """
