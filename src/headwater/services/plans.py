"""What an upload would do, found by running it without writing anything.

Listing, reading of rights, decisions and the proof of deletions are those of a real sync, over ports
that drop what is written. What it would cost is measured on an even sample of the pages it would
read: at most ``SAMPLE`` are read and cut, a few chunks embedded, and the rest is in proportion.
Attachments are not downloaded; their size stands for their text.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import ceil
from typing import Final

from headwater.domain.content import Space
from headwater.domain.ids import ContentId, CredentialId, DocumentId
from headwater.domain.jobs import (
    DocumentCounts,
    Job,
    JobRef,
    JobStatus,
    SiteCredential,
    Stage,
    UploadRequest,
)
from headwater.domain.ids import TenantId
from headwater.domain.sync import Action, KnownDocument, Outcome, WorkItem
from headwater.pipeline.planning import is_searchable
from headwater.ports import EmbeddingKind, Ports
from headwater.services.credentials import seal_credential
from headwater.services.sync.gathering import foresee_outcomes, gather
from headwater.services.sync.preparing import Prepared, prepare_pages
from headwater.services.sync.reconciling import reconcile
from headwater.services.sync.rehearsal import Rehearsal, prepare_rehearsal
from headwater.services.sync.run import SyncRun, describe_item, open_run
from headwater.services.sync.survey import Survey
from headwater.services.uploads import UPLOAD, check_upload, digest_request

SAMPLE: Final = 100
"""Changed pages that are read to learn what the others cost."""

EMBEDDED: Final = 16
"""Chunks that are embedded to learn how long one takes."""

SAMPLES_SHOWN: Final = 20
BYTES_PER_CHUNK: Final = 16_384
"""Of an attachment: a rough mean over office files, PDFs and plain text."""

MOST_CHUNKS: Final = 200
"""Of one attachment, however large its pictures make it."""

REQUESTS_PER_FILE: Final = 2
"""Confluence answers a download with a redirect to the host that holds the file."""


@dataclass(frozen=True, slots=True)
class PlannedDocument:
    """One document that would be acted on."""

    document_id: DocumentId
    title: str
    source_url: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading and embedding would take."""

    chunks: int = 0
    tokens: int = 0
    requests: int = 0
    ocr_pages: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What an upload would do. ``documents`` are pages and posts, as in a job."""

    documents: DocumentCounts
    attachments: DocumentCounts
    cost: Cost
    samples: Mapping[str, Sequence[PlannedDocument]]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Findings:
    """What the rehearsal showed so far."""

    survey: Survey
    outcomes: Mapping[ContentId, Outcome]
    wanted: list[WorkItem] = field(default_factory=list)


async def plan_upload(
    ports: Ports, tenant: TenantId, upload: UploadRequest, credential: SiteCredential
) -> UploadPlan:
    """Say what this upload would do now; nothing is written.

    Raises what submitting it would raise, and ``SyncAbortedError`` where the job would end early.
    """
    await check_upload(ports, upload, credential)
    job = _make_job(ports, tenant, upload)
    rehearsal = prepare_rehearsal(ports, job, seal_credential(ports.secret_box, credential))
    started = ports.now()
    survey = await gather(rehearsal.ports, job.ref)
    await reconcile(rehearsal.ports, job.ref, survey)
    async with open_run(rehearsal.ports, job.ref) as run:
        outcomes = await foresee_outcomes(run, survey)
        spent = ports.now() - started
        cost = await _estimate(run, survey.space, rehearsal, outcomes, spent)
        samples = _sample(run, survey.space, rehearsal, outcomes)
        samples |= await _sample_missing(run, rehearsal)
    return UploadPlan(
        documents=_count(rehearsal, outcomes, files=False),
        attachments=_count(rehearsal, outcomes, files=True),
        cost=cost,
        samples=samples,
        notes=survey.notes,
    )


def _make_job(ports: Ports, tenant: TenantId, upload: UploadRequest) -> Job:
    return Job(
        ref=JobRef(tenant, ports.new_job_id()),
        kind=UPLOAD,
        status=JobStatus.RUNNING,
        stage=Stage.PROBING,
        request=upload,
        request_digest=digest_request(upload),
        credential_id=CredentialId("rehearsal"),
        created_at=ports.now(),
    )


def _count(
    rehearsal: Rehearsal, outcomes: Mapping[ContentId, Outcome], *, files: bool
) -> DocumentCounts:
    progress = rehearsal.jobs.job.progress
    counted = progress.attachments if files else progress.documents
    for key, outcome in outcomes.items():
        if (rehearsal.work.items[key].attachment is not None) == files:
            counted += DocumentCounts(**{outcome.value: 1})
    return counted


def _sample(
    run: SyncRun, space: Space, rehearsal: Rehearsal, outcomes: Mapping[ContentId, Outcome]
) -> dict[str, Sequence[PlannedDocument]]:
    shown: dict[str, list[PlannedDocument]] = {}
    for key, outcome in outcomes.items():
        listed = shown.setdefault(outcome.value, [])
        if len(listed) < SAMPLES_SHOWN:
            metadata = describe_item(run, space, rehearsal.work.items[key])
            listed.append(
                PlannedDocument(metadata.document_id, metadata.title, metadata.source_url)
            )
    return dict(shown)


async def _sample_missing(
    run: SyncRun, rehearsal: Rehearsal
) -> dict[str, Sequence[PlannedDocument]]:
    catalog = rehearsal.catalog
    groups = {"deleted": catalog.deleted, "held": catalog.held}
    first = {name: ids[:SAMPLES_SHOWN] for name, ids in groups.items()}
    contents = [ContentId(key.rpartition(":")[2]) for ids in first.values() for key in ids]
    known = await catalog.known(run.ref.tenant, run.site, contents)
    found = {item.document_id: item for item in known.values()}
    return {
        name: [PlannedDocument(key, found[key].title, found[key].source_url) for key in ids]
        for name, ids in first.items()
        if ids
    }


async def _estimate(
    run: SyncRun,
    space: Space,
    rehearsal: Rehearsal,
    outcomes: Mapping[ContentId, Outcome],
    spent: timedelta,
) -> Cost:
    del outcomes
    fetched = [item for item in rehearsal.work.items.values() if item.action is Action.FETCH]
    pages = [item for item in fetched if item.attachment is None]
    files = [item for item in fetched if item.attachment is not None]
    gathered = rehearsal.jobs.job.progress.requests + run.source.traffic.requests
    sample = await _measure(run, space, _spread(pages))
    per_request = spent.total_seconds() / max(gathered, 1)
    share = len(pages) / sample.pages if sample.pages else 0.0
    file_chunks = sum(_guess_chunks(item) for item in files)
    chunks = ceil(sample.chunks * share) + file_chunks
    tokens = ceil(sample.tokens * share) + file_chunks * sample.tokens_per_chunk
    more = ceil(sample.requests * share) + REQUESTS_PER_FILE * len(files)
    # Reading goes on while chunks are embedded: the slower of the two decides.
    seconds = spent.total_seconds() + max(more * per_request, chunks * sample.embed_seconds)
    images = sum(_is_image(item) for item in files)
    return Cost(chunks, tokens, gathered + more, images, seconds)
