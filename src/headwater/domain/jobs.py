"""Jobs: what was asked, how far it is, and what went wrong on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Final

from headwater.domain.errors import FailureType
from headwater.domain.ids import CredentialId, DocumentId, JobId, SiteId, SpaceKey, TenantId
from headwater.domain.secrets import Secret
from headwater.domain.settings import SyncSettings


class JobStatus(StrEnum):
    """The contract's statuses; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job will not change any more."""
        return self not in {JobStatus.QUEUED, JobStatus.RUNNING}


class Stage(StrEnum):
    """What a running job is doing."""

    QUEUED = "queued"
    PROBING = "probing"
    LISTING = "listing"
    PLANNING = "planning"
    PROCESSING = "processing"
    RECONCILING = "reconciling"
    THROTTLED = "throttled"
    DONE = "done"


class ProcessorMode(StrEnum):
    """Whether settings are chosen per document or taken from a stored configuration."""

    AUTO = "auto"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class SiteAddress:
    """Where a Confluence is: the REST entry as given, and the base of every link handed out."""

    instance_url: str
    web_url: str


@dataclass(frozen=True, slots=True)
class SiteCredential:
    """What opens a Confluence. An empty user name means a bearer token."""

    username: str
    token: Secret


@dataclass(frozen=True, slots=True)
class ContentRestriction:
    """Who may retrieve a space's content, as its last accepted upload says."""

    audience: tuple[str, ...] = ()
    blacklisted: bool = False
    source_restriction: bool = False


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """An upload without its credential: everything that may be stored in the clear."""

    address: SiteAddress
    space: SpaceKey
    incremental: bool
    use_ocr: bool
    processor_mode: ProcessorMode
    rezolve_domain: str
    restriction: ContentRestriction
    last_sync: datetime | None = None
    sync_configuration_id: str | None = None
    retry_of: JobId | None = None
    """Set for a retry: only what failed in that job is processed, and nothing is deleted."""
    settings: SyncSettings = SyncSettings()
    """As they were stored under the configuration when a manual upload was accepted."""
    site: SiteId | None = None
    """Which Confluence answered when the upload was accepted; older ones do not say."""


@dataclass(frozen=True, slots=True)
class DocumentCounts:
    """Documents by outcome. ``listed`` is the sum of added to failed once all are ``done``."""

    listed: int = 0
    done: int = 0
    added: int = 0
    updated: int = 0
    metadata_only: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    deleted: int = 0
    held: int = 0

    def __add__(self, other: "DocumentCounts") -> "DocumentCounts":
        return DocumentCounts(
            *(getattr(self, item.name) + getattr(other, item.name) for item in fields(self))
        )


@dataclass(frozen=True, slots=True)
class ChunkCounts:
    """Chunks by what their vectors cost."""

    embedded: int = 0
    reused: int = 0
    deleted: int = 0

    def __add__(self, other: "ChunkCounts") -> "ChunkCounts":
        return ChunkCounts(
            self.embedded + other.embedded,
            self.reused + other.reused,
            self.deleted + other.deleted,
        )


MOST_LOSSY: Final = 5
"""Documents that a job names for what was lost of them."""


@dataclass(frozen=True, slots=True)
class LossyDocument:
    """A document of which so many constructs were lost."""

    title: str
    lost: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is, and why something was skipped or lost. Adds up field by field."""

    documents: DocumentCounts = DocumentCounts()
    attachments: DocumentCounts = DocumentCounts()
    chunks: ChunkCounts = ChunkCounts()
    ocr_pages: int = 0
    bytes_fetched: int = 0
    requests: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    losses: Mapping[str, int] = field(default_factory=dict)
    lossiest: tuple[LossyDocument, ...] = ()
    """Of which most was lost, the worst first; added up, the worst of both."""

    def __add__(self, other: "Progress") -> "Progress":
        return Progress(
            documents=self.documents + other.documents,
            attachments=self.attachments + other.attachments,
            chunks=self.chunks + other.chunks,
            ocr_pages=self.ocr_pages + other.ocr_pages,
            bytes_fetched=self.bytes_fetched + other.bytes_fetched,
            requests=self.requests + other.requests,
            skipped=sum_counts(self.skipped, other.skipped),
            losses=sum_counts(self.losses, other.losses),
            lossiest=_pick_lossiest(*self.lossiest, *other.lossiest),
        )


def _pick_lossiest(*documents: LossyDocument) -> tuple[LossyDocument, ...]:
    return tuple(sorted(documents, key=lambda item: (-item.lost, item.title))[:MOST_LOSSY])


def sum_counts(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of both, added by name."""
    return {name: left.get(name, 0) + right.get(name, 0) for name in {**left, **right}}


@dataclass(frozen=True, slots=True)
class Failure:
    """One document that did not make it."""

    document_id: DocumentId
    title: str
    source_url: str
    error_type: FailureType
    error_message: str
    attempts: int
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class JobRef:
    """A job's full name: ids are unique within their tenant only."""

    tenant: TenantId
    job_id: JobId


@dataclass(frozen=True, slots=True)
class Job:
    """A job as stored. ``revision`` grows with every visible change."""

    ref: JobRef
    kind: str
    status: JobStatus
    stage: Stage
    request: UploadRequest
    request_digest: str
    credential_id: CredentialId | None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: Progress = Progress()
    throttled_until: datetime | None = None
    message: str | None = None
    cancel_requested: bool = False
    revision: int = 0
    starts: int = 0
    """How often its execution began since it last settled a document."""
    trace: str | None = None
    """The span of who asked for it, as a W3C ``traceparent``; ``None`` where nobody watched."""


@dataclass(frozen=True, slots=True)
class JobChange:
    """A change to a job's own fields; ``None`` leaves a field as it is."""

    status: JobStatus | None = None
    stage: Stage | None = None
    message: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    throttled_until: datetime | None = None
    progress: Progress = Progress()
    """Added to what the job already counts."""
    starts: int = 0
    """Added likewise; a change that settles a document sets the job's back to none."""
    amends: bool = False
    """Applied to a finished job too: what somebody settled after its end."""
