"""What is in, as its keepers see it, and taking it out on request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from headwater.domain.access import Scope
from headwater.domain.content import DocumentKind
from headwater.domain.errors import FailureType
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey, TenantId
from headwater.domain.removal import Candidate, Cleared, Removed, Tombstone


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """A searchable document, as an inventory lists it."""

    document_id: DocumentId
    kind: DocumentKind
    title: str
    source_url: str
    chunks: int
    author_id: str | None
    created_at: datetime | None
    modified_at: datetime
    file_type: str | None
    file_size: int | None
    ingested_at: datetime | None
    access_scope: Scope


@dataclass(frozen=True, slots=True)
class FailedDocument:
    """A document whose last attempt failed, searchable in an older version or not."""

    document_id: DocumentId
    title: str
    source_url: str
    error_type: FailureType
    error_message: str
    failed_at: datetime
    attempts: int
    access_scope: Scope


class Inventory(Protocol):
    """Reading the catalog by place and by page. What was deleted before is never among the answers."""

    async def list_documents(
        self, tenant: TenantId, *, after: DocumentId | None, limit: int
    ) -> Sequence[HeldDocument]:
        """Return the searchable documents behind ``after``, by id."""

    async def list_failed(
        self, tenant: TenantId, *, after: DocumentId | None, limit: int
    ) -> Sequence[FailedDocument]:
        """Return the documents behind ``after`` whose last attempt failed, by id."""

    async def find_by_id(
        self, tenant: TenantId, content_ids: Sequence[ContentId]
    ) -> Sequence[Candidate]:
        """Return the documents with these ids, of whichever site."""

    async def find_named(
        self, tenant: TenantId, document_ids: Sequence[DocumentId]
    ) -> Sequence[Candidate]:
        """Return these documents."""

    async def find_by_url(self, tenant: TenantId, urls: Sequence[str]) -> Sequence[Candidate]:
        """Return the documents with exactly these links."""

    async def find_by_title(
        self, tenant: TenantId, space: SpaceKey, title: str
    ) -> Sequence[Candidate]:
        """Return the pages and posts of this title in spaces with this key."""

    async def find_attachments(
        self, tenant: TenantId, site: SiteId, page_ids: Sequence[ContentId]
    ) -> Sequence[Candidate]:
        """Return what hangs on these pages."""

    async def find_children(
        self, tenant: TenantId, site: SiteId, page_ids: Sequence[ContentId]
    ) -> Sequence[Candidate]:
        """Return the pages right below these."""

    async def find_in(self, tenant: TenantId, place: Cleared) -> Sequence[Candidate]:
        """Return everything in a space, or in a whole site."""

    async def find_places(
        self, tenant: TenantId, prefixes: Sequence[str]
    ) -> Sequence[tuple[SiteId, SpaceKey]]:
        """Return the sites and spaces of documents whose links begin so, without case."""


class DeletionStore(Protocol):
    """Deletions on request, and what keeps the deleted away."""

    async def remove(
        self,
        tenant: TenantId,
        document_ids: Sequence[DocumentId],
        cleared: Sequence[Cleared],
        *,
        now: datetime,
        claimed_until: datetime,
    ) -> Removed:
        """In one transaction: take out these documents and all that is in cleared places, leave tombstones.

        From then on they are found no more and come back by no running sync; of a cleared place
        nothing comes in by a job that is older. Their vectors are the
        caller's to remove, and anybody's after ``claimed_until``. Scope rules that nothing uses go too.
        """

    async def claim_unremoved(
        self, *, now: datetime, claimed_until: datetime, limit: int, tenant: TenantId | None = None
    ) -> Mapping[TenantId, Sequence[DocumentId]]:
        """Return deleted documents whose vectors nobody is removing, and claim them.

        Of every tenant, or of one.
        """

    async def settle_removed(self, tenant: TenantId, document_ids: Sequence[DocumentId]) -> None:
        """Note that the vectors of these are gone; what followed its page needs no tombstone any more."""

    async def tombstones(self, tenant: TenantId, site: SiteId) -> Sequence[Tombstone]:
        """Return all tombstones of a site."""

    async def lift(self, tenant: TenantId, site: SiteId, tombstones: Sequence[Tombstone]) -> None:
        """Remove these tombstones, unless the document was deleted once more since."""
