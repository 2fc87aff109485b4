"""What is told about a job: where it is, how fast it goes, what may be done about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from headwater.domain.jobs import DocumentCounts, Job, JobStatus, Stage

STAGES: Final[Mapping[Stage, str]] = {
    Stage.QUEUED: "Waiting for its turn",
    Stage.PROBING: "Looking what Confluence allows",
    Stage.LISTING: "Listing what the space holds",
    Stage.PLANNING: "Deciding about each document",
    Stage.PROCESSING: "Reading, cutting and embedding",
    Stage.RECONCILING: "Looking after what is gone",
    Stage.DONE: "Done",
}
TONES: Final[Mapping[JobStatus, str]] = {
    JobStatus.QUEUED: "",
    JobStatus.RUNNING: "busy",
    JobStatus.SUCCEEDED: "good",
    JobStatus.PARTIAL: "warn",
    JobStatus.FAILED: "bad",
    JobStatus.CANCELLED: "",
}
ENDINGS: Final[Mapping[JobStatus, str]] = {
    JobStatus.SUCCEEDED: "The space is in.",
    JobStatus.PARTIAL: "The space is in, and something is left to do.",
    JobStatus.FAILED: "The job stopped early, and deleted nothing.",
    JobStatus.CANCELLED: "Somebody cancelled the job.",
}
LEAST_SECONDS: Final = 1.0
"""Before that no pace is told: it would be a guess."""


class Step(NamedTuple):
    """One stage: ``state`` is ``done``, ``current`` or ``ahead``."""

    title: str
    state: str


class Pace(NamedTuple):
    """How fast a job brings documents in, and in how many seconds it may be through with them."""

    per_minute: float
    seconds_left: float


@dataclass(frozen=True, slots=True)
class JobStory:
    """A job as a page tells it."""

    job: Job
    listed: int
    done: int
    failed: int
    held: int
    pace: Pace | None
    waits_seconds: float | None
    """How long Confluence asked us to wait still."""

    @property
    def tone(self) -> str:
        """The colour of the job's status."""
        return TONES[self.job.status]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The stages in their order."""
        stages = list(STAGES)
        at = stages.index(_place(self.job))
        is_over = self.job.status.is_final
        return tuple(
            Step(STAGES[stage], _state(place, at, is_over=is_over))
            for place, stage in enumerate(stages)
        )

    @property
    def percent(self) -> int:
        """How much of what was listed is settled."""
        return 100 * self.done // self.listed if self.listed else 0

    @property
    def sentence(self) -> str:
        """Where the job is, in one sentence."""
        if self.job.status.is_final:
            return ENDINGS[self.job.status]
        if self.waits_seconds is not None:
            return "Confluence asked us to wait."
        return f"{STAGES[_place(self.job)]}."

    @property
    def may_cancel(self) -> bool:
        """Whether the job can still be stopped."""
        return not self.job.status.is_final and not self.job.cancel_requested

    @property
    def may_retry(self) -> bool:
        """Whether something failed that another job may bring in."""
        return self.job.status.is_final and self.failed > 0

    @property
    def may_approve(self) -> bool:
        """Whether deletions wait for somebody to agree."""
        return self.job.status.is_final and self.held > 0


def tell_job(job: Job, now: datetime) -> JobStory:
    """Return what is told about a job at this time."""
    both = job.progress.documents + job.progress.attachments
    until = job.throttled_until if job.stage is Stage.THROTTLED else None
    return JobStory(
        job=job,
        listed=both.listed,
        done=both.done,
        failed=both.failed,
        held=both.held,
        pace=_measure_pace(job, both, now),
        waits_seconds=None if until is None else max(0.0, (until - now).total_seconds()),
    )


def announce(before: JobStory | None, after: JobStory) -> str | None:
    """Return what a screen reader is to say of a change; ``None`` where nothing is worth a word.

    A new stage, the end, another quarter of the documents, a first failure: not every batch.
    """
    if before is None or before.sentence != after.sentence:
        return after.sentence
    if not before.failed and after.failed:
        return "A document failed; the job goes on with the others."
    if before.percent // 25 != after.percent // 25:
        return f"{after.done} of {after.listed} documents are settled."
    return None


def _place(job: Job) -> Stage:
    """Return the stage of a job, also while it waits: then the counters tell which."""
    if job.stage is not Stage.THROTTLED:
        return job.stage
    return Stage.PROCESSING if job.progress.documents.listed else Stage.LISTING


def _state(place: int, at: int, *, is_over: bool) -> str:
    if place < at or is_over:
        return "done"
    return "current" if place == at else "ahead"


def _measure_pace(job: Job, both: DocumentCounts, now: datetime) -> Pace | None:
    """Return the pace of a job at work; what is only compared is settled in no time, and not counted."""
    worked = both.added + both.updated + both.failed
    if job.started_at is None or job.status.is_final or not worked:
        return None
    seconds = (now - job.started_at).total_seconds()
    if seconds < LEAST_SECONDS:
        return None
    return Pace(60 * worked / seconds, (both.listed - both.done) * seconds / worked)
