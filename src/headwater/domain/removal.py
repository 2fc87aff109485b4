"""What was deleted on request, and how long it stays away."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey

DELETED: Final = "deleted"
"""Why a sync leaves out what stays away."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A deleted document. It stays away until it is edited, or until a full sync runs."""

    content_id: ContentId
    version: int
    """The version that was deleted."""
    deleted_at: datetime
    is_removed: bool
    """Whether its vectors are gone from the store."""
    follows_page: bool = False
    """Whether it is an attachment that went with its page, and comes back with it."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """A whole space of a site, or with no space the whole site, of which everything is deleted."""

    site: SiteId
    space: SpaceKey | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """What a deletion took out of the catalog: searchable documents, and how many vectors they have."""

    document_ids: tuple[DocumentId, ...]
    """Every document whose vectors are to be removed."""
    documents: int
    vectors: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document of the catalog as a deletion finds it."""

    document_id: DocumentId
    content_id: ContentId
    page_id: ContentId
    kind: DocumentKind
    title: str
    source_url: str
    site: SiteId
    space: SpaceKey
    chunks: int


def may_return(tombstone: Tombstone, version: int, *, asked_at: datetime, is_full: bool) -> bool:
    """Tell whether a deleted document comes in again by a sync that lists it with this version.

    Never by one that was asked for before the deletion, nor before its vectors are gone: what that
    sync writes could be taken for what is to be removed.
    """
    if not tombstone.is_removed or tombstone.deleted_at >= asked_at:
        return False
    return is_full or version > tombstone.version
