"""One job at work: its source, its policy, and its reports of progress."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from headwater.domain.content import DocumentMetadata, Space
from headwater.domain.errors import JobCancelledError, NotFoundError, RetryableError
from headwater.domain.ids import Namespace, SiteId, make_document_id
from headwater.domain.jobs import Job, JobChange, JobRef, Progress, Stage
from headwater.domain.sync import WorkItem
from headwater.pipeline.chunking import CHUNKING_VERSION, ChunkPolicy
from headwater.pipeline.markdown import CONVERSION_VERSION
from headwater.pipeline.planning import Recipe, attachment_recipe
from headwater.ports import Embedder, Ports, Source, Traffic
from headwater.services.credentials import open_credential

REPORT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class SyncRun:
    """What every step of one job works with."""

    ports: Ports
    job: Job
    source: Source
    reporter: "Reporter"

    @property
    def ref(self) -> JobRef:
        """The job's full name."""
        return self.job.ref

    @property
    def namespace(self) -> Namespace:
        """The tenant's part of the store."""
        return Namespace(self.job.ref.tenant)

    @property
    def site(self) -> SiteId:
        """The Confluence being read."""
        return self.source.site

    @property
    def chunk_policy(self) -> ChunkPolicy:
        """How documents are cut: to the embedder's window."""
        return chunk_policy(self.ports.embedder)

    @property
    def recipe(self) -> Recipe:
        """What a page's chunks and vectors depend on beside its text."""
        return recipe_of(self.ports.embedder)

    def attachment_recipe(self, *, ocr_missing: bool) -> Recipe:
        """Return the same for an attachment, depending on whether OCR would find more in it."""
        extractor = self.ports.extractor.recipe
        return attachment_recipe(extractor, self.recipe, ocr_missing=ocr_missing)

    async def check_cancelled(self) -> None:
        """Raise ``JobCancelledError`` once somebody asked the job to stop."""
        if (await read_open_job(self.ports, self.ref)).cancel_requested:
            raise JobCancelledError("cancelled on request; what was brought in so far stays")


def chunk_policy(embedder: Embedder) -> ChunkPolicy:
    """Return the chunk policy that fits an embedder."""
    return ChunkPolicy(max_tokens=embedder.max_tokens)


def recipe_of(embedder: Embedder) -> Recipe:
    """Return the recipe by which documents are made at present."""
    policy = chunk_policy(embedder)
    sizes = f"{policy.max_tokens}-{policy.overlap_tokens}-{policy.min_tokens}"
    chunking = f"{CHUNKING_VERSION}-{sizes}"
    return Recipe(CONVERSION_VERSION, chunking, embedder.model)


class Reporter:
    """Writes stage, traffic and waiting into the job, at least every second while it is open."""

    def __init__(self, ports: Ports, ref: JobRef, stage: Stage) -> None:
        self._ports = ports
        self._ref = ref
        self._stage = stage
        self._waiting_until: datetime | None = None
        self._written: tuple[Stage, datetime | None] = (stage, None)
        self._reported = Traffic(0, 0)

    def note_wait(self, until: datetime | None) -> None:
        """Remember until when Confluence makes us wait; ``None`` when calls go on."""
        self._waiting_until = until

    async def enter(self, stage: Stage) -> None:
        """Show the job in another stage."""
        self._stage = stage
        await self._ports.jobs.change(self._ref, JobChange(stage=stage))
        self._written = (stage, None)

    async def write(self, traffic: Traffic) -> None:
        """Write what changed since the last report; nothing if nothing did."""
        until = self._waiting_until
        shown = (Stage.THROTTLED if until else self._stage, until)
        spent = Progress(
            requests=traffic.requests - self._reported.requests,
            bytes_fetched=traffic.bytes_fetched - self._reported.bytes_fetched,
        )
        if spent == Progress() and shown == self._written:
            return
        change = JobChange(stage=shown[0], throttled_until=until, progress=spent)
        await self._ports.jobs.change(self._ref, change)
        self._reported = traffic
        self._written = shown


@asynccontextmanager
async def open_run(ports: Ports, ref: JobRef) -> AsyncIterator[SyncRun]:
    """Open the job's source, and report on it until it is closed again."""
    job = await read_open_job(ports, ref)
    credential = await open_credential(ports, job)
    reporter = Reporter(ports, ref, job.stage)
    async with ports.patient_sources.open(
        job.request.address, credential, on_wait=reporter.note_wait
    ) as source:
        ticking = asyncio.create_task(_tick(reporter, source))
        try:
            yield SyncRun(ports, job, source, reporter)
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
            await reporter.write(source.traffic)


async def _tick(reporter: Reporter, source: Source) -> None:
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        with suppress(RetryableError):  # what a busy catalog refused, the next tick reports
            await reporter.write(source.traffic)


async def read_open_job(ports: Ports, ref: JobRef) -> Job:
    """Return the job as it is now; ``NotFoundError`` if it is gone."""
    job = await ports.jobs.find(ref)
    if job is None:
        raise NotFoundError(f"job {ref.job_id!r} is not stored")
    return job


def describe_item(run: SyncRun, space: Space, item: WorkItem) -> DocumentMetadata:
    """Return the metadata that the item's records are to carry."""
    listed, file = item.listed, item.attachment
    if item.scope is None:
        raise ValueError(f"{listed.content_id} has no scope: write_access comes first")
    web_url = run.job.request.address.web_url.rstrip("/")
    page_id = file.page_id if file else listed.content_id
    path = listed.web_path or f"/pages/viewpage.action?pageId={page_id}"
    return DocumentMetadata(
        document_id=make_document_id(run.site, listed.content_id),
        site=run.site,
        content_id=listed.content_id,
        page_id=page_id,
        parent_id=listed.parent_id,
        attachment_id=file.content_id if file else None,
        kind=listed.kind,
        space=space.key,
        title=listed.title,
        source_url=f"{web_url}{path}",
        version=listed.version,
        last_modified=listed.last_modified,
        labels=item.labels,
        author_id=listed.author_id,
        access_scope=item.scope,
    )
