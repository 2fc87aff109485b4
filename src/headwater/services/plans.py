"""What an upload would do, found by running it without writing anything.

Listing, the reading of rights, the decisions and the proof of deletions are those of a real sync,
over ports that drop what is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.domain.content import Space
from headwater.domain.ids import ContentId, CredentialId, DocumentId, TenantId
from headwater.domain.jobs import (
    DocumentCounts,
    Job,
    JobRef,
    JobStatus,
    SiteCredential,
    Stage,
    UploadRequest,
)
from headwater.domain.sync import KnownDocument, Outcome
from headwater.ports import Ports
from headwater.services.costs import Cost, estimate_cost
from headwater.services.credentials import seal_credential
from headwater.services.settings import take_settings
from headwater.services.sync.gathering import foresee_outcomes, gather
from headwater.services.sync.reconciling import reconcile
from headwater.services.sync.rehearsal import Rehearsal, ScratchCatalog, prepare_rehearsal
from headwater.services.sync.run import SyncRun, describe_item, open_run
from headwater.services.uploads import UPLOAD, digest_request

SHOWN: Final = 20
"""Documents named for each action."""


@dataclass(frozen=True, slots=True)
class PlannedDocument:
    """One document that would be acted on."""

    document_id: DocumentId
    title: str
    source_url: str


Samples = dict[str, Sequence[PlannedDocument]]


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What an upload would do. ``documents`` are pages and posts, as in a job."""

    documents: DocumentCounts
    attachments: DocumentCounts
    cost: Cost
    samples: Samples
    notes: tuple[str, ...]


async def plan_upload(
    ports: Ports, tenant: TenantId, upload: UploadRequest, credential: SiteCredential
) -> UploadPlan:
    """Say what this upload would do now; nothing is written.

    Raises what submitting it would raise, and ``SyncAbortedError`` where the job would end early.
    """
    upload = await take_settings(ports, tenant, upload)
    job = _make_job(ports, tenant, upload)
    rehearsal = prepare_rehearsal(ports, job, seal_credential(ports.secret_box, credential))
    started = ports.now()
    survey = await gather(rehearsal.ports, job.ref)
    await reconcile(rehearsal.ports, job.ref, survey)
    spent = ports.now() - started
    requests = rehearsal.jobs.job.progress.requests
    async with open_run(rehearsal.ports, job.ref) as run:
        requests += run.source.traffic.requests  # as the job opens Confluence once more to read
        outcomes = await foresee_outcomes(run, survey)
        items = list(rehearsal.work.items.values())
        cost = await estimate_cost(
            run, survey.space, items, outcomes, requests=requests, spent=spent
        )
        named = _name_listed(run, survey.space, rehearsal, outcomes)
    named |= _name_missing(rehearsal.catalog)
    return UploadPlan(
        documents=_count(rehearsal, outcomes, files=False),
        attachments=_count(rehearsal, outcomes, files=True),
        cost=cost,
        samples=named,
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


def _name_listed(
    run: SyncRun, space: Space, rehearsal: Rehearsal, outcomes: Mapping[ContentId, Outcome]
) -> Samples:
    named: dict[str, list[PlannedDocument]] = {}
    for key, outcome in outcomes.items():
        shown = named.setdefault(outcome.value, [])
        if len(shown) < SHOWN:
            metadata = describe_item(run, space, rehearsal.work.items[key])
            shown.append(PlannedDocument(metadata.document_id, metadata.title, metadata.source_url))
    return dict(named)


def _name_missing(catalog: ScratchCatalog) -> Samples:
    first = {"deleted": catalog.deleted[:SHOWN], "held": catalog.held[:SHOWN]}
    return {
        name: [_name_known(catalog.missed[key]) for key in ids]
        for name, ids in first.items()
        if ids
    }


def _name_known(known: KnownDocument) -> PlannedDocument:
    return PlannedDocument(known.document_id, known.title, known.source_url)
