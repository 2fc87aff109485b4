"""Reading back what is in: one document, a level of a space's tree, a tenant's spaces in numbers.

Nothing here knows who asks. Whatever is answered carries its access scope, and the services leave out
what a reader may not see. What was deleted on request is never among the answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol

from headwater.domain.access import Scope
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey, TenantId
from headwater.domain.sync import DocumentState
from headwater.ports.catalog import CatalogEntry, KnownSpace

SortKey = NewType("SortKey", str)
"""Where a document stands among its siblings: pages, posts, attachments, each by title."""


@dataclass(frozen=True, slots=True)
class Position:
    """A document's place on its level; the next ones come behind it."""

    key: SortKey
    document_id: DocumentId


@dataclass(frozen=True, slots=True)
class Leaf:
    """A document of one level of the tree."""

    entry: CatalogEntry
    position: Position


@dataclass(frozen=True, slots=True)
class ChildCount:
    """How many documents of one access scope stand right below a page."""

    parent_id: ContentId
    access_scope: Scope
    documents: int


@dataclass(frozen=True, slots=True)
class Holding:
    """How many documents of one sort and one access scope a space has."""

    site: SiteId
    space: SpaceKey
    access_scope: Scope
    kind: DocumentKind
    state: DocumentState
    documents: int
    chunks: int
    failing: int
    """Of the documents: those whose last attempt failed."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How long a document's last edit took to be found."""

    site: SiteId
    space: SpaceKey
    access_scope: Scope
    seconds: float


@dataclass(frozen=True, slots=True)
class LossCount:
    """How many documents of one access scope lost exactly this, each."""

    site: SiteId
    space: SpaceKey
    access_scope: Scope
    losses: Mapping[str, int]
    documents: int


class Library(Protocol):
    """The catalog as one reads in it."""

    async def read(
        self, tenant: TenantId, document_ids: Sequence[DocumentId]
    ) -> Sequence[CatalogEntry]:
        """Return what is known of these documents; unknown ones are absent."""

    async def list_level(
        self,
        tenant: TenantId,
        site: SiteId,
        space: SpaceKey,
        *,
        parent: ContentId | None,
        after: Position | None,
        limit: int,
    ) -> Sequence[Leaf]:
        """Return what stands right below a page, in order.

        Without a page: what stands at the top, and what hangs on something that is not here.
        """

    async def count_children(
        self, tenant: TenantId, site: SiteId, parents: Sequence[ContentId]
    ) -> Sequence[ChildCount]:
        """Return how much stands right below each of these pages; pages with nothing are absent."""

    async def list_searchable(
        self, tenant: TenantId, *, space: SpaceKey | None, after: DocumentId | None, limit: int
    ) -> Sequence[CatalogEntry]:
        """Return the searchable documents behind ``after``, by id; of spaces with this key, or all."""

    async def list_spaces(self, tenant: TenantId) -> Sequence[KnownSpace]:
        """Return the tenant's spaces, by key."""

    async def count_holdings(self, tenant: TenantId) -> Sequence[Holding]:
        """Return how much every space has."""

    async def list_lags(self, tenant: TenantId, *, since: datetime) -> Sequence[Lag]:
        """Return how long each document's last edit took, of those found since then."""

    async def count_losses(self, tenant: TenantId) -> Sequence[LossCount]:
        """Return what the searchable documents lost."""
