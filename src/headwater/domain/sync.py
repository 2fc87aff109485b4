"""What a sync knows, decides and records for each document."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from headwater.domain.access import Scope
from headwater.domain.content import (
    DocumentKind,
    DocumentMetadata,
    ListedAttachment,
    ListedDocument,
    Restriction,
)
from headwater.domain.errors import FailureType
from headwater.domain.ids import ContentId, DocumentId, SpaceKey
from headwater.domain.jobs import ChunkCounts


class DocumentState(StrEnum):
    """What the catalog holds of a document."""

    INDEXED = "indexed"
    HELD = "held"
    """Missing from the last complete listing, still searchable, waiting for a second proof."""
    SKIPPED = "skipped"
    FAILED = "failed"


class Action(StrEnum):
    """What a plan decides for one listed document."""

    FETCH = "fetch"
    METADATA = "metadata"
    KEEP = "keep"
    SKIP = "skip"


class Outcome(StrEnum):
    """How one listed document ended; the names are the contract's counters."""

    ADDED = "added"
    UPDATED = "updated"
    METADATA_ONLY = "metadata_only"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A listed document of one running job, with what the job learned of it so far."""

    listed: ListedDocument
    labels: frozenset[str] = frozenset()
    restriction: Restriction = Restriction()
    scope: Scope | None = None
    action: Action | None = None
    reason: str | None = None
    attachment: ListedAttachment | None = None
    """Set for an attachment; ``listed.parent_id`` is then the page it hangs on."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a document's text was made from, beside its version, and by which recipe."""

    recipe: str
    comments_digest: str = ""
    """Of the open comments of a page; empty without any."""
    body_digest: str = ""
    """Of an attachment's bytes."""


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """What the catalog remembers of a document. The digests make change visible without its text."""

    document_id: DocumentId
    content_id: ContentId
    page_id: ContentId
    """The page or post itself; for an attachment the page it hangs on."""
    kind: DocumentKind
    space: SpaceKey
    state: DocumentState
    title: str
    source_url: str
    version: int
    provenance: Provenance
    metadata_digest: str
    access_scope: Scope
    chunk_hashes: tuple[str, ...] = ()
    attempts: int = 0
    skip_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan's word on one listed document."""

    content_id: ContentId
    action: Action
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What a complete listing proves gone, and what is too much to believe at once."""

    delete: tuple[DocumentId, ...]
    hold: tuple[DocumentId, ...]


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """Which chunks of a document need a vector, by digest, and what its change costs."""

    embed: tuple[str, ...]
    counts: ChunkCounts


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """How one document of a batch ended, as the catalog records it."""

    metadata: DocumentMetadata
    outcome: Outcome
    provenance: Provenance
    metadata_digest: str
    chunk_hashes: tuple[str, ...] = ()
    chunks: ChunkCounts = ChunkCounts()
    losses: Mapping[str, int] | None = None
    """What conversion could not keep, by name; ``None`` where the text was not read."""
    ocr_pages: int = 0
    skip_reason: str | None = None
    error_type: FailureType | None = None
    error_message: str | None = None


def measure_lag(
    result: DocumentResult,
    *,
    past_version: int | None,
    synced_at: datetime | None,
    now: datetime,
) -> float | None:
    """Return the seconds from an edit in Confluence until it could be found; ``None`` for no edit.

    What comes in by a space's first sync was not waiting for anybody, and a page whose comments or
    recipe changed was not edited. ``past_version`` is what the index had, ``synced_at`` when the
    space's last complete sync before this one ended.
    """
    edited = result.metadata.last_modified
    match result.outcome:
        case Outcome.UPDATED:
            is_edit = past_version is not None and past_version != result.metadata.version
        case Outcome.ADDED:
            is_edit = synced_at is not None and edited > synced_at
        case _:
            is_edit = False
    return max(0.0, (now - edited).total_seconds()) if is_edit else None
