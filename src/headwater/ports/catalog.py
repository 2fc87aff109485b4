"""Jobs, credentials, work in hand, and what is in the index."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from headwater.domain.access import Scope, ScopeRule
from headwater.domain.content import (
    Annotation,
    Comment,
    ListedAttachment,
    ListedDocument,
    Restriction,
)
from headwater.domain.errors import FailureType
from headwater.domain.ids import (
    ContentId,
    CredentialId,
    DocumentId,
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
)
from headwater.domain.schedules import Standing
from headwater.domain.sync import Decision, DocumentResult, KnownDocument, WorkItem


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, newest first, and the cursor of the next page."""

    jobs: tuple[Job, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class OpenJob:
    """What it takes to decide whose turn it is."""

    ref: JobRef
    space: SpaceKey
    status: JobStatus

    @property
    def lane(self) -> str:
        """Jobs of one lane, a space of a tenant, run one after the other."""
        return f"{self.ref.tenant}/{self.space}"


@dataclass(frozen=True, slots=True)
class FailurePage:
    """Some failures, oldest first, how many there are in all, and the cursor of the next page."""

    failures: tuple[Failure, ...]
    total: int
    next: str | None


class JobStore(Protocol):
    """Jobs and their failures."""

    async def add(
        self, job: Job, sealed_credential: bytes | None, *, standing: Standing | None = None
    ) -> None:
        """Store a new job, its sealed credential and its standing in one transaction.

        ``ConflictError`` if the id, or the standing, is taken.
        """

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

    async def list_open(self) -> Sequence[OpenJob]:
        """Return every tenant's queued and running jobs, oldest first: what is yet to be done."""

    async def count_open(self, tenant: TenantId) -> int:
        """Count the tenant's queued and running jobs."""

    async def change(self, ref: JobRef, change: JobChange) -> None:
        """Apply the change; a job in a final status changes no more."""

    async def request_cancel(self, ref: JobRef) -> None:
        """Ask an open job to stop; nothing happens to a finished one."""

    async def failures(self, ref: JobRef, *, cursor: str | None, limit: int) -> FailurePage: ...

    async def first_failures(
        self, refs: Sequence[JobRef], *, limit: int
    ) -> Mapping[JobRef, Sequence[Failure]]:
        """Return each job's oldest failures, at most ``limit`` of each; jobs without any are absent.

        One query, however many jobs.
        """


@dataclass(frozen=True, slots=True)
class SealedCredential:
    """A stored credential, whosever it is."""

    tenant: TenantId
    credential_id: CredentialId
    sealed: bytes


class CredentialStore(Protocol):
    """Sealed credentials; opened with the secret box only where Confluence is called."""

    async def read(self, tenant: TenantId, credential_id: CredentialId) -> bytes | None: ...

    async def remove(self, tenant: TenantId, credential_id: CredentialId) -> None: ...

    async def remove_expired(self, *, ended_before: datetime) -> int:
        """Remove the credentials of every tenant's jobs that ended before; return how many."""

    async def list_all(self) -> Sequence[SealedCredential]:
        """Return every tenant's credentials: as many as there are open or unsettled jobs."""

    async def replace(self, before: SealedCredential, sealed: bytes) -> bool:
        """Store other bytes in place of these; ``False`` when these are no longer what is stored."""


@dataclass(frozen=True, slots=True)
class ListedCounts:
    """How much a job has listed."""

    documents: int
    attachments: int


class WorkList(Protocol):
    """The documents a running job has listed: its checkpoint. A repeated call changes nothing."""

    async def add(self, ref: JobRef, listed: Sequence[ListedDocument]) -> None:
        """Add listed documents; one already there is replaced, keeping nothing learned of it."""

    async def add_attachments(self, ref: JobRef, listed: Sequence[ListedAttachment]) -> None:
        """Add listed attachments; they have no labels or restriction of their own to be read."""

    async def add_comments(self, ref: JobRef, comments: Sequence[Comment]) -> None:
        """Keep comments until their pages are processed; one already there is replaced."""

    async def comments(
        self, ref: JobRef, page_ids: Sequence[ContentId]
    ) -> Mapping[ContentId, Sequence[Comment]]:
        """Return the kept comments of these pages, oldest first; pages without any are absent."""

    async def annotate(self, ref: JobRef, annotations: Sequence[Annotation]) -> None:
        """Add labels and restriction to listed documents; others are ignored."""

    async def unannotated(self, ref: JobRef, *, limit: int) -> Sequence[ListedDocument]:
        """Return listed documents that have no annotation yet."""

    async def parents(self, ref: JobRef) -> Mapping[ContentId, ContentId | None]:
        """Return every listed document's parent; an attachment's is its page."""

    async def restricted(self, ref: JobRef) -> Mapping[ContentId, Restriction]:
        """Return the listed documents that have a restriction of their own, unreadable ones included."""

    async def assign_scopes(self, ref: JobRef, scopes: Mapping[ContentId, Scope]) -> None: ...

    async def read(self, ref: JobRef, *, after: ContentId | None, limit: int) -> Sequence[WorkItem]:
        """Return listed documents in a stable order."""

    async def decide(self, ref: JobRef, decisions: Sequence[Decision]) -> None: ...

    async def pending(
        self, ref: JobRef, *, after: ContentId | None = None, limit: int
    ) -> Sequence[WorkItem]:
        """Return decided documents that are not settled yet, in a stable order."""

    async def claim(
        self, ref: JobRef, hand: str, *, limit: int, reading: bool, again: bool = False
    ) -> Sequence[WorkItem]:
        """Return pending documents that no hand has claimed, and claim them for this one.

        A hand is one process's part in a job; what it claimed is its own until it is settled or
        released. ``reading`` gives those whose body is to be read, else the others; ``again`` those
        that were passed over, else the others.
        """

    async def claim_rest(self, ref: JobRef, hand: str) -> None:
        """Claim all that no hand has claimed, so that none does."""

    async def count_free(self, ref: JobRef, *, up_to: int) -> int:
        """Count pending documents that no hand has claimed, but not beyond ``up_to``."""

    async def pass_over(self, ref: JobRef, hand: str, content_ids: Sequence[ContentId]) -> None:
        """Release those of the documents that the hand has not settled, to be tried again."""

    async def release(self, ref: JobRef, hand: str) -> None:
        """Release all that the hand claimed and has not settled."""

    async def free(self, hand: str) -> None:
        """Release all that the hand claimed and has not settled, of whatever job: its process is gone."""

    async def hands(self, ref: JobRef) -> frozenset[str]:
        """Return the hands that have claimed what they have not settled."""

    async def count(self, ref: JobRef) -> ListedCounts: ...

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


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A remembered document with everything there is to say about it."""

    known: KnownDocument
    site: SiteId
    space: SpaceKey
    last_modified: datetime
    indexed_at: datetime | None
    error_type: FailureType | None
    error_message: str | None
    failed_at: datetime | None
    parent_id: ContentId | None
    """The page above; for an attachment the page it hangs on."""
    labels: frozenset[str]
    author_id: str | None
    created_at: datetime | None
    file_type: str | None
    """A file's media type; a page's or post's kind."""
    file_size: int | None
    losses: Mapping[str, int] | None
    """What conversion could not keep, by name; ``None`` where that was not recorded."""


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
        """Count the space's searchable pages and posts, held ones included."""

    async def missing(self, ref: JobRef, site: SiteId, space: SpaceKey) -> Sequence[KnownDocument]:
        """Return the space's remembered documents that the job did not list."""

    async def record(
        self,
        ref: JobRef,
        results: Sequence[DocumentResult],
        change: JobChange,
        *,
        hand: str | None = None,
    ) -> Sequence[DocumentId]:
        """In one transaction: remember the documents, settle their work items, note the failures, count.

        ``ClaimLostError`` where a ``hand`` is named and any of them is another's by now: nothing is
        counted, and the next sync reads them once more, whatever the two have left in the store.

        Where any of them was deleted on request since the job decided about it, nothing is done, and
        those are returned: the caller leaves them out. Their vectors are removed by the deletion.
        """

    async def forget(
        self,
        ref: JobRef,
        space: SpaceKey,
        document_ids: Sequence[DocumentId],
        tally: Callable[[Sequence[KnownDocument]], JobChange],
    ) -> None:
        """In one transaction: remove those of the documents that are in the space, and change the job.

        One that another space's job has taken over meanwhile stays. ``tally`` turns what was removed
        into the change.
        """

    async def hold(
        self, ref: JobRef, document_ids: Sequence[DocumentId], change: JobChange
    ) -> None:
        """In one transaction: mark the documents as held and count."""

    async def list_spaces(self, tenant: TenantId, space: SpaceKey) -> Sequence[KnownSpace]:
        """Return the spaces with this key, of whichever site."""

    async def read_entries(
        self, tenant: TenantId, content_ids: Sequence[ContentId]
    ) -> Sequence[CatalogEntry]:
        """Return the documents with these ids, of whichever site."""

    async def read_titled(
        self, tenant: TenantId, space: SpaceKey, title: str
    ) -> Sequence[CatalogEntry]:
        """Return the pages and posts of this title in spaces with this key."""

    async def read_files(
        self, tenant: TenantId, page_id: ContentId, names: Sequence[str]
    ) -> Sequence[CatalogEntry]:
        """Return the attachments of this page, of whichever site, that have one of these names."""

    async def held(self, tenant: TenantId, space: SpaceKey) -> Sequence[KnownDocument]:
        """Return the held documents of a space, of whichever site, and all attachments of held pages."""

    async def remove_held(
        self,
        ref: JobRef,
        document_ids: Sequence[DocumentId],
        tally: Callable[[Job, Sequence[KnownDocument]], JobChange],
    ) -> None:
        """In one transaction: remove those of the documents that are held still, and change the job.

        ``tally`` turns the job as it is and what was removed into the change.
        """

    async def write_access(
        self,
        ref: JobRef,
        site: SiteId,
        rules: Sequence[ScopeRule],
        *,
        prune: bool,
    ) -> None:
        """In one transaction: replace the rules of the job's space, and move the documents it listed.

        They come under the scopes that were assigned to them in the job's work list.
        What it did not list is opened to nobody by that: a document whose scope would admit more
        keeps to the clauses it had (``headwater.pipeline.scopes.freeze_rules``), and an attachment
        takes the scope of its page. ``prune`` removes the rules that nothing needs any more.
        """

    async def put_scope_rules(
        self, tenant: TenantId, space: SpaceKey, site: SiteId, rules: Sequence[ScopeRule]
    ) -> None:
        """Add or replace these rules; the space's other rules stay."""

    async def scope_rules(self, tenant: TenantId) -> Mapping[Scope, ScopeRule]:
        """Return all of the tenant's rules."""

    async def current_scopes(
        self, tenant: TenantId, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, Scope]:
        """Return the present scope of each document that is searchable; others are absent."""

    async def check(self) -> None:
        """Raise unless the catalog can be read and written."""
