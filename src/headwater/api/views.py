"""What clients read: our values as the contract's JSON."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from headwater.api.examples import SPACES_ANSWER
from headwater.domain.content import Space, StoredMatch
from headwater.domain.jobs import Failure, Job, Stage
from headwater.ports import FailurePage


def render_time(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds and ``Z``."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(render_time, return_type=str)]


class View(BaseModel):
    """A JSON object of an answer, made from our values by their field names."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class SpaceView(View):
    """A space that can be uploaded."""

    key: str
    name: str
    type: str
    status: str


class SpacesView(View):
    """Answer of ``space-listing``."""

    model_config = ConfigDict(json_schema_extra={"examples": [SPACES_ANSWER]})

    spaces: list[SpaceView]

    @classmethod
    def of(cls, spaces: Iterable[Space]) -> Self:
        """Show spaces."""
        return cls(spaces=[SpaceView.model_validate(space) for space in spaces])


class DocumentCountsView(View):
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


class ChunkCountsView(View):
    """Chunks by what their vectors cost."""

    embedded: int
    reused: int
    deleted: int


class ProgressView(View):
    """How far a job is."""

    documents: DocumentCountsView
    attachments: DocumentCountsView
    chunks: ChunkCountsView
    ocr_pages: int
    bytes_fetched: int
    requests: int


class FailureView(View):
    """One document that did not make it."""

    document_id: str
    title: str
    source_url: str
    error_type: str
    error_message: str
    attempts: int
    failed_at: Time


class JobView(View):
    """A job."""

    job_id: str
    kind: str
    status: str
    stage: str
    space: str
    incremental: bool
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    progress: ProgressView
    skipped: Mapping[str, int] = Field(description="Why documents were skipped, and how many.")
    losses: Mapping[str, int] = Field(description="Constructs that conversion could not keep.")
    throttled_until: Time | None = Field(description="Until when Confluence asked us to wait.")
    failures: list[FailureView] = Field(description="The first twenty.")
    message: str | None

    @classmethod
    def of(cls, job: Job, failures: Sequence[Failure], message: str | None) -> Self:
        """Show a job; an old waiting time is not shown once the wait is over."""
        return cls(
            job_id=job.ref.job_id,
            kind=job.kind,
            status=job.status,
            stage=job.stage,
            space=job.request.space,
            incremental=job.request.incremental,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            progress=ProgressView.model_validate(job.progress),
            skipped=job.progress.skipped,
            losses=job.progress.losses,
            throttled_until=job.throttled_until if job.stage is Stage.THROTTLED else None,
            failures=[FailureView.model_validate(failure) for failure in failures],
            message=message,
        )


class JobsView(View):
    """Some jobs, newest first."""

    jobs: list[JobView]
    next: str | None = Field(description="Cursor of the next page.")


class FailuresView(View):
    """Some failures of a job, oldest first."""

    failures: list[FailureView]
    total: int
    next: str | None = Field(description="Cursor of the next page.")

    @classmethod
    def of(cls, page: FailurePage) -> Self:
        """Show a page of failures."""
        return cls.model_validate(page)


class MatchView(View):
    """A chunk that answers a question. ``attachment_id`` is there for attachments only."""

    id: str
    score: float
    text: str = Field(description="The whole chunk.")
    title: str
    heading_path: list[str]
    source_url: str
    space: str
    page_id: str
    attachment_id: str | None = None
    ocr_confidence: float | None = Field(
        None, description="Of text that OCR read: how sure it was, from 0 to 1."
    )
    version: int
    last_modified: Time

    @classmethod
    def of(cls, match: StoredMatch) -> Self:
        """Show a match."""
        metadata = match.metadata
        return cls(
            id=match.chunk_id,
            score=match.score,
            text=match.text,
            title=metadata.title,
            heading_path=list(match.heading_path),
            source_url=metadata.source_url,
            space=metadata.space,
            page_id=metadata.page_id,
            attachment_id=metadata.attachment_id,
            ocr_confidence=match.ocr_confidence,
            version=metadata.version,
            last_modified=metadata.last_modified,
        )


class MatchesView(View):
    """Answer of ``search``, best first."""

    results: list[MatchView]
    took_ms: int

    @classmethod
    def of(cls, matches: Iterable[StoredMatch], *, seconds: float) -> Self:
        """Show matches and how long they took."""
        return cls(
            results=[MatchView.of(match) for match in matches], took_ms=round(seconds * 1000)
        )


class LiveView(View):
    """Answer of ``healthz``."""

    status: str


class CheckView(View):
    """One part of the service."""

    name: str
    ok: bool
    detail: str


class ReadyView(View):
    """Answer of ``readyz``."""

    status: str
    checks: list[CheckView]
