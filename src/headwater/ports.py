"""What the services need from the outside, in our words. Adapters implement these; nothing here does I/O.

Every call that touches stored data takes a :class:`~headwater.domain.ids.TenantId`,
a :class:`~headwater.domain.jobs.JobRef` or a :class:`~headwater.domain.ids.Namespace`, each of which
holds the tenant; no call has a default for it.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from headwater.domain.access import Scope, ScopeRule
from headwater.domain.content import (
    Annotation,
    Chunk,
    DocumentKind,
    DocumentMetadata,
    ListedDocument,
    Page,
    Restriction,
    Space,
    StoredMatch,
)
from headwater.domain.errors import DocumentError
from headwater.domain.ids import (
    ContentId,
    CredentialId,
    DocumentId,
    JobId,
    Namespace,
    SiteId,
    SpaceId,
    SpaceKey,
    TenantId,
)
from headwater.domain.jobs import (
    ContentRestriction,
    Failure,
    Job,
    JobChange,
    JobRef,
    JobStatus,
    SiteAddress,
    SiteCredential,
)
from headwater.domain.sync import Decision, DocumentResult, KnownDocument, WorkItem

Vector = list[float]

# ── Confluence ─────────────────────────────────────────────────────────────────────────────────


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

        Ends normally only after the listing's own last page; ``ListingIncompleteError`` otherwise.
        The same document may come twice while the space is edited.
        """

    def list_annotations(self, space: Space) -> AsyncGenerator[Sequence[Annotation], None]:
        """Yield labels and own restrictions in bulk. From a lagging index: absence proves nothing."""

    async def read_annotations(self, documents: Sequence[ListedDocument]) -> Sequence[Annotation]:
        """Read labels and own restrictions one document at a time; an unreadable restriction says so."""

    async def read_ancestor(self, content_id: ContentId) -> Ancestor | None:
        """Read a parent that is no listed page; ``None`` when it cannot be seen."""

    async def read_space_readers(self, space: Space) -> SpaceReaders:
        """Read who may view the space; an unreadable permission list closes."""

    def fetch_pages(self, documents: Sequence[ListedDocument]) -> AsyncGenerator[FetchedPage, None]:
        """Yield the bodies, many per request, in any order; what has vanished meanwhile is left out."""

    async def look_up(self, content_ids: Sequence[ContentId]) -> Mapping[ContentId, LookedUp]:
        """Say in bulk what became of each id; every id asked for is in the answer."""


class SourceFactory(Protocol):
    """Opens sources."""

    def open(
        self,
        address: SiteAddress,
        credential: SiteCredential,
        *,
        on_wait: Callable[[datetime | None], None] | None = None,
    ) -> AbstractAsyncContextManager[Source]:
        """Probe which Confluence the address names and open it.

        ``on_wait`` is told until when calls are paused because Confluence asked for it, and ``None``
        when they go on.

        Raises ``AddressRefusedError`` for a malformed or refused address, ``SourceUnreachableError``
        where nothing answers, ``SourceRefusedError`` where the credentials do not work.
        """


# ── Embedding and the vector store ─────────────────────────────────────────────────────────────


class EmbeddingKind(StrEnum):
    """Some models embed questions and passages differently."""

    QUERY = "query"
    PASSAGE = "passage"


class Embedder(Protocol):
    """Turns text into vectors of length one, never blocking the event loop."""

    @property
    def model(self) -> str:
        """Names weights and settings: equal names give equal vectors."""

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """The window; longer text would be cut off."""

    def count_tokens(self, text: str) -> int:
        """Return the text's length as the model counts it, special tokens included."""

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> Sequence[Vector]:
        """Return one vector per text, in order; ``RetryableError`` when the model is away."""


@dataclass(frozen=True, slots=True)
class Record:
    """A chunk with its vector."""

    chunk: Chunk
    vector: Vector


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document's whole content in the store; replaces whatever the store had of it."""

    metadata: DocumentMetadata
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class StoreBatch:
    """One commit: nobody ever sees a part of it, nor a document half."""

    upserts: tuple[StoredDocument, ...] = ()
    metadata: tuple[DocumentMetadata, ...] = ()
    """Documents whose text stays: every one of their records gets these fields."""
    deletions: tuple[DocumentId, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreFilter:
    """Which records a query may see. ``scopes`` has no default; an empty set sees nothing."""

    scopes: frozenset[Scope]
    space: SpaceKey | None = None
    labels: frozenset[str] = frozenset()
    """Any of these; empty filters nothing."""
    modified_after: datetime | None = None
    kinds: frozenset[DocumentKind] = frozenset()


@dataclass(frozen=True, slots=True)
class HybridQuery:
    """A question as words and as a vector, with the filter that acts inside the store."""

    text: str
    vector: Vector
    filter: StoreFilter
    limit: int


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """What a namespace holds."""

    documents: int
    records: int


class VectorStore(Protocol):
    """Records by namespace. ``StoreError`` trouble surfaces as ``RetryableError``."""

    async def apply(self, namespace: Namespace, batch: StoreBatch) -> None:
        """Carry out the batch in one commit; repeating it changes nothing."""

    async def read_vectors(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[str, Vector]:
        """Return the vectors of these documents' chunks by chunk text hash."""

    async def query(self, namespace: Namespace, query: HybridQuery) -> Sequence[StoredMatch]:
        """Return the best matches, best first: dense and keyword search fused, filtered before ranking."""

    async def count(self, namespace: Namespace) -> StoreCounts:
        """Count the namespace's documents and records; zero where it does not exist."""

    async def list_documents(self, namespace: Namespace) -> Mapping[DocumentId, int]:
        """Return every document's number of records."""

    async def settle(self, namespace: Namespace) -> None:
        """Bring indexes up to date and compact; call it when a job ends."""

    async def drop(self, namespace: Namespace) -> None:
        """Remove the namespace and everything in it; fine if there is none."""

    async def check(self) -> None:
        """Raise unless the store can be read and written."""


# ── The catalog: jobs, credentials, work in hand, what is in the index ─────────────────────────


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, newest first, and the cursor of the next page."""

    jobs: tuple[Job, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class FailurePage:
    """Some failures, oldest first, how many there are in all, and the cursor of the next page."""

    failures: tuple[Failure, ...]
    total: int
    next: str | None


class JobStore(Protocol):
    """Jobs and their failures."""

    async def add(self, job: Job, sealed_credential: bytes | None) -> None:
        """Store a new job and its sealed credential in one transaction; ``ConflictError`` if the id is taken."""

    async def find(self, ref: JobRef) -> Job | None: ...

    async def list(
        self,
        tenant: TenantId,
        *,
        space: SpaceKey | None,
        status: JobStatus | None,
        cursor: str | None,
        limit: int,
    ) -> JobPage:
        """Return a page of jobs, newest first; ``InvalidInputError`` for a cursor that is none."""

    async def list_open(self) -> Sequence[JobRef]:
        """Return every tenant's queued and running jobs, oldest first: what a restart must go on with."""

    async def change(self, ref: JobRef, change: JobChange) -> None:
        """Apply the change; a job in a final status changes no more."""

    async def request_cancel(self, ref: JobRef) -> None:
        """Ask an open job to stop; nothing happens to a finished one."""

    async def failures(self, ref: JobRef, *, cursor: str | None, limit: int) -> FailurePage: ...


class CredentialStore(Protocol):
    """Sealed credentials; opened with the secret box only where Confluence is called."""

    async def read(self, tenant: TenantId, credential_id: CredentialId) -> bytes | None: ...

    async def remove(self, tenant: TenantId, credential_id: CredentialId) -> None: ...


class WorkList(Protocol):
    """The documents a running job has listed: its checkpoint. A repeated call changes nothing."""

    async def add(self, ref: JobRef, listed: Sequence[ListedDocument]) -> None:
        """Add listed documents; one already there is replaced, keeping nothing learned of it."""

    async def annotate(self, ref: JobRef, annotations: Sequence[Annotation]) -> None:
        """Add labels and restriction to listed documents; others are ignored."""

    async def unannotated(self, ref: JobRef, *, limit: int) -> Sequence[ListedDocument]:
        """Return listed documents that have no annotation yet."""

    async def parents(self, ref: JobRef) -> Mapping[ContentId, ContentId | None]:
        """Return every listed document's parent."""

    async def restricted(self, ref: JobRef) -> Mapping[ContentId, Restriction]:
        """Return the listed documents that have a restriction of their own, unreadable ones included."""

    async def assign_scopes(self, ref: JobRef, scopes: Mapping[ContentId, Scope]) -> None: ...

    async def read(self, ref: JobRef, *, after: ContentId | None, limit: int) -> Sequence[WorkItem]:
        """Return listed documents in a stable order."""

    async def decide(self, ref: JobRef, decisions: Sequence[Decision]) -> None: ...

    async def pending(self, ref: JobRef, *, limit: int) -> Sequence[WorkItem]:
        """Return decided documents that are not settled yet, in a stable order."""

    async def count(self, ref: JobRef) -> int: ...

    async def clear(self, ref: JobRef) -> None: ...


@dataclass(frozen=True, slots=True)
class KnownSpace:
    """What the catalog knows of a space of one tenant."""

    site: SiteId
    space: SpaceKey
    space_id: SpaceId
    name: str
    restriction: ContentRestriction
    last_complete_sync: datetime | None


class Catalog(Protocol):
    """What is in the index, and who may read it. The truth about the store, written last."""

    async def find_space(
        self, tenant: TenantId, site: SiteId, space: SpaceKey
    ) -> KnownSpace | None: ...

    async def put_space(self, tenant: TenantId, space: KnownSpace) -> None: ...

    async def known(
        self, tenant: TenantId, site: SiteId, content_ids: Sequence[ContentId]
    ) -> Mapping[ContentId, KnownDocument]:
        """Return what is remembered of these documents, whichever space they were in."""

    async def count_indexed(self, tenant: TenantId, site: SiteId, space: SpaceKey) -> int:
        """Count the space's searchable documents, held ones included."""

    async def missing(self, ref: JobRef, site: SiteId, space: SpaceKey) -> Sequence[KnownDocument]:
        """Return the space's remembered documents that the job did not list."""

    async def record(
        self, ref: JobRef, results: Sequence[DocumentResult], change: JobChange
    ) -> None:
        """In one transaction: remember the documents, settle their work items, note the failures, count."""

    async def forget(
        self, ref: JobRef, document_ids: Sequence[DocumentId], change: JobChange
    ) -> None:
        """In one transaction: remove the documents and count."""

    async def hold(
        self, ref: JobRef, document_ids: Sequence[DocumentId], change: JobChange
    ) -> None:
        """In one transaction: mark the documents as held and count."""

    async def move_scopes(
        self, tenant: TenantId, site: SiteId, scopes: Mapping[ContentId, Scope]
    ) -> None:
        """Set the present scope of remembered documents at once, ahead of the store's records.

        Their metadata digest stays, so that the records are still seen to need the change.
        """

    async def put_scope_rules(
        self, tenant: TenantId, space: SpaceKey, site: SiteId, rules: Sequence[ScopeRule]
    ) -> None:
        """Add or replace these rules; the space's other rules stay."""

    async def prune_scope_rules(
        self, tenant: TenantId, space: SpaceKey, site: SiteId, keep: frozenset[Scope]
    ) -> None:
        """Remove the space's rules that are not kept and that no document's chain leads through."""

    async def scope_rules(self, tenant: TenantId) -> Mapping[Scope, ScopeRule]:
        """Return all of the tenant's rules."""

    async def current_scopes(
        self, tenant: TenantId, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, Scope]:
        """Return the present scope of each document that is searchable; others are absent."""

    async def check(self) -> None:
        """Raise unless the catalog can be read and written."""


# ── The rest ───────────────────────────────────────────────────────────────────────────────────


class SecretBox(Protocol):
    """Authenticated encryption with keys that can be rotated."""

    def seal(self, plain: bytes) -> bytes: ...

    def open(self, sealed: bytes) -> bytes:
        """Raise ``ConfigError`` when no present key opens it."""


class JobQueue(Protocol):
    """Durable execution. Enqueuing the same job twice starts it once."""

    async def enqueue(self, ref: JobRef, *, lane: str) -> None:
        """Store the job for execution; jobs of one lane run one after the other."""

    async def check(self) -> None:
        """Raise unless jobs can be stored."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a service may use."""

    sources: SourceFactory
    """For calls that somebody waits for: gives up soon."""
    patient_sources: SourceFactory
    """For jobs: waits as long as Confluence asks for, within reason."""
    embedder: Embedder
    store: VectorStore
    catalog: Catalog
    jobs: JobStore
    credentials: CredentialStore
    work: WorkList
    secret_box: SecretBox
    queue: JobQueue
    now: Callable[[], datetime]
    new_job_id: Callable[[], JobId]
