"""What the API answers, as frozen values with the contract's own field names.

Fields that a newer server adds are ignored here and kept in ``to_json``; states and kinds are texts,
so that a new one breaks nobody. Times carry their zone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

FINAL: Final = frozenset({"succeeded", "partial", "failed", "cancelled"})
"""States in which a job stays."""


class Part(BaseModel):
    """A JSON object of an answer."""

    # Built when first read: a command needs one or two of these, and starts the sooner for it.
    model_config = ConfigDict(frozen=True, defer_build=True)


class Answer(Part):
    """A whole answer."""

    # No field and no private attribute of pydantic's: it takes no part in comparing.
    __slots__ = ("_sent",)

    def to_json(self) -> Any:
        """Return the JSON as the server sent it; ``AttributeError`` for a part of another answer."""
        return object.__getattribute__(self, "_sent")

    def remember(self, sent: Any) -> None:
        """Keep the JSON that this value was read from."""
        object.__setattr__(self, "_sent", sent)


class Space(Part):
    """A space that can be uploaded."""

    key: str
    name: str
    type: str
    status: str


class Spaces(Answer):
    """Every space of a Confluence."""

    spaces: tuple[Space, ...]


class CountedSpace(Space):
    """A space, and how many pages it has where Confluence counted them."""

    page_count: int | None


class SpaceListing(Answer):
    """Some spaces of a Confluence; ``next`` is the cursor of the rest."""

    spaces: tuple[CountedSpace, ...]
    total: int | None
    next: str | None


class ListedDocument(Part):
    """A page or blog post of a Confluence; ``ingested`` is ``no``, ``current`` or ``stale``."""

    id: str
    title: str
    parent_id: str | None
    type: str
    status: str
    version: int
    last_modified: datetime
    url: str
    has_children: bool
    ingested: str


class ContentListing(Answer):
    """Some pages and blog posts of a space."""

    pages: tuple[ListedDocument, ...]
    total: int | None
    next: str | None


class DocumentCounts(Part):
    """Documents by outcome."""

    listed: int
    done: int
    added: int
    updated: int
    metadata_only: int
    unchanged: int
    skipped: int
    failed: int
    deleted: int
    held: int


class ChunkCounts(Part):
    """Chunks by what their vectors cost."""

    embedded: int
    reused: int
    deleted: int


class Progress(Part):
    """How far a job is: pages and posts, attachments, chunks, and what was read."""

    documents: DocumentCounts
    attachments: DocumentCounts
    chunks: ChunkCounts
    ocr_pages: int
    bytes_fetched: int
    requests: int


class Failure(Part):
    """A document that a job could not bring in."""

    document_id: str
    title: str
    source_url: str
    error_type: str
    error_message: str
    attempts: int
    failed_at: datetime


class Job(Answer):
    """A job, with its first twenty failures."""

    job_id: str
    kind: str
    status: str
    stage: str
    space: str
    incremental: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: Progress
    skipped: Mapping[str, int]
    losses: Mapping[str, int]
    throttled_until: datetime | None
    failures: tuple[Failure, ...]
    message: str | None

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.status in FINAL


class Jobs(Answer):
    """Some jobs, newest first."""

    jobs: tuple[Job, ...]
    next: str | None


class Failures(Answer):
    """Some failures of a job, oldest first."""

    failures: tuple[Failure, ...]
    total: int
    next: str | None


class PlannedCounts(Part):
    """Documents by what would become of them."""

    added: int
    updated: int
    metadata_only: int
    deleted: int
    held: int
    unchanged: int
    skipped: int


class PlannedDocument(Part):
    """A document that would be acted on."""

    document_id: str
    title: str
    source_url: str


class Plan(Answer):
    """What an upload would do, and about what it would cost."""

    documents: PlannedCounts
    attachments: PlannedCounts
    chunks_to_embed: int
    tokens: int
    requests: int
    ocr_pages: int
    estimated_seconds: float
    samples: Mapping[str, tuple[PlannedDocument, ...]]
    notes: tuple[str, ...]


class Match(Part):
    """A chunk that answers a question; ``attachment_id`` is there for attachments only."""

    id: str
    score: float
    text: str
    title: str
    heading_path: tuple[str, ...]
    source_url: str
    space: str
    page_id: str
    attachment_id: str | None = None
    ocr_confidence: float | None = None
    version: int
    last_modified: datetime


class Matches(Answer):
    """The chunks that answer a question, best first."""

    results: tuple[Match, ...]
    took_ms: int


class KnownSpace(Part):
    """A space that is in, and how much of it the reader may see."""

    key: str
    name: str
    site: str
    documents: int
    attachments: int
    last_complete_sync: datetime | None


class KnownSpaces(Answer):
    """The spaces that are in, by key."""

    spaces: tuple[KnownSpace, ...]


class Document(Answer):
    """A document, or a part of it where it is long; ``next`` is the cursor of the rest."""

    id: str
    kind: str
    title: str
    source_url: str
    space: str
    version: int
    last_modified: datetime
    labels: tuple[str, ...]
    author: str | None
    chunk_count: int
    complete: bool
    markdown: str
    next: str | None


class EntryError(Part):
    """Why the last attempt at a document failed."""

    error_type: str
    error_message: str
    attempts: int
    failed_at: datetime


class Entry(Part):
    """What the catalog holds of a document."""

    document_id: str
    kind: str
    title: str
    source_url: str
    space: str
    version: int
    last_modified: datetime
    since: datetime | None
    chunk_count: int
    skip_reason: str | None
    error: EntryError | None


class Clause(Part):
    """One set of principals of which a reader needs one; an empty set admits nobody."""

    kind: str
    admits: tuple[str, ...]


class Scope(Part):
    """One step of a page's access: a restricted page, or the space at the end."""

    scope: str
    title: str | None
    clauses: tuple[Clause, ...]


class Why(Answer):
    """Where a page stands: here since when, or why not, and who may read it."""

    source_url: str
    status: str
    message: str
    restricted: bool
    document: Entry | None
    access: tuple[Scope, ...]


class VerdictStep(Part):
    """How a reader fares at one step; one value per clause."""

    scope: str
    clauses: tuple[bool, ...]


class Verdict(Part):
    """Whether a reader may read a page."""

    principals: tuple[str, ...]
    admitted: bool
    steps: tuple[VerdictStep, ...]


class Access(Answer):
    """Who of those asked about may read a page, and what blocks the others."""

    source_url: str
    document: Entry
    access: tuple[Scope, ...]
    each: tuple[Verdict, ...]
    together: Verdict


class Receipt(Answer):
    """What a deletion removed."""

    source_url: str
    documents_deleted: int
    vectors_removed: int
    deleted_at: datetime


class StoredSettings(Part):
    """Settings of a sync configuration."""

    content_types: tuple[str, ...]
    include_labels: tuple[str, ...]
    exclude_labels: tuple[str, ...]
    root_pages: tuple[str, ...]
    chunk_tokens: int | None
    chunk_overlap: int | None
    attachment_types: tuple[str, ...]
    max_attachment_bytes: int | None
    ocr_languages: tuple[str, ...]
    concurrency: int | None
    include_archived: bool
    schedule: str | None


class SyncConfiguration(Answer):
    """Settings under a name."""

    id: str
    settings: StoredSettings
    created_at: datetime
    updated_at: datetime


class SyncConfigurations(Answer):
    """All of a tenant's configurations, by id."""

    sync_configurations: tuple[SyncConfiguration, ...]


class BlacklistEntry(Answer):
    """Something that a tenant keeps out."""

    id: str
    kind: str
    value: str
    created_at: datetime


class Blacklist(Answer):
    """A tenant's blacklist, oldest entry first."""

    entries: tuple[BlacklistEntry, ...]
