"""One job at work: its source, its policy, and its reports of progress."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from headwater.domain.content import DocumentMetadata, Space
from headwater.domain.errors import NotFoundError, RetryableError, SourceUnreachableError
from headwater.domain.ids import Namespace, SiteId, make_document_id
from headwater.domain.jobs import Job, JobChange, JobRef, Progress, Stage
from headwater.domain.settings import SyncSettings
from headwater.domain.sync import WorkItem
from headwater.pipeline.chunking import CHUNKING_VERSION, ChunkPolicy
from headwater.pipeline.markdown import CONVERSION_VERSION
from headwater.pipeline.planning import FileRecipes, Recipe
from headwater.ports import Embedder, Ports, Source, SourceOptions, Traffic
from headwater.services.credentials import open_credential
from headwater.services.sync.stopping import check_cancelled, until_cancelled

REPORT_SECONDS: Final = 1.0

T = TypeVar("T")


def _count_one() -> int:
    return 1


@dataclass(frozen=True, slots=True)
class Hand:
    """One process's part in a job: what it claims is its own until that is settled."""

    name: str = "alone"
    count_workers: Callable[[], int] = _count_one
    """How many processes there are to share the documents with, this one included."""
    is_wanted_elsewhere: Callable[[], bool] = bool
    """Whether a job waits for the place that a helping hand takes."""


ALONE: Final = Hand()


@dataclass(frozen=True, slots=True)
class SyncRun:
    """What every step of one job works with."""

    ports: Ports
    job: Job
    source: Source
    reporter: "Reporter"
    hand: Hand = ALONE
    is_last_try: bool = False
    """Whether a failure counts that may pass; until then its document is tried once more."""

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
        """How documents are cut: to the embedder's window, or as the settings say."""
        return chunk_policy(self.ports.embedder, self.job.request.settings)

    @property
    def recipe(self) -> Recipe:
        """What a page's chunks and vectors depend on beside its text."""
        return recipe_of(self.ports.embedder, self.job.request.settings)

    @property
    def file_recipes(self) -> FileRecipes:
        """The same for attachments."""
        request = self.job.request
        languages = request.settings.ocr_languages
        return FileRecipes(self.ports.extractor.recipe, self.recipe, request.use_ocr, languages)

    async def check_going_on(self) -> None:
        """Raise ``JobCancelledError`` once somebody asked the job to stop; ``BackendAwayError`` without room."""
        await check_cancelled(self.ports, self.ref)
        await self.ports.check_room()

    async def until_cancelled(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what ``work`` returns, unless the job is to stop; see ``stopping.until_cancelled``."""
        return await until_cancelled(self.ports, self.ref, work)


def chunk_policy(embedder: Embedder, settings: SyncSettings) -> ChunkPolicy:
    """Return the chunk policy that fits an embedder, and settings as far as the embedder allows."""
    window = min(settings.chunk_tokens or embedder.max_tokens, embedder.max_tokens)
    overlap = min(settings.chunk_overlap or 0, window - 1)
    return ChunkPolicy(max_tokens=window, overlap_tokens=overlap)


def recipe_of(embedder: Embedder, settings: SyncSettings) -> Recipe:
    """Return the recipe by which documents are made at present."""
    policy = chunk_policy(embedder, settings)
    sizes = f"{policy.max_tokens}-{policy.overlap_tokens}-{policy.min_tokens}"
    chunking = f"{CHUNKING_VERSION}-{sizes}"
    return Recipe(CONVERSION_VERSION, chunking, embedder.model)


class Reporter:
    """Writes stage, traffic and waiting into the job, at least every second while it is open.

    One without a ``stage`` belongs to a hand that helps: it adds its traffic, and no more.
    """

    def __init__(self, ports: Ports, ref: JobRef, stage: Stage | None) -> None:
        self._ports = ports
        self._ref = ref
        self._stage = stage
        self._source: Source | None = None
        self._waiting_until: datetime | None = None
        self._written: tuple[Stage | None, datetime | None] = (stage, None)
        self._reported = Traffic(0, 0)

    def note_wait(self, until: datetime | None) -> None:
        """Remember until when Confluence makes us wait; ``None`` when calls go on."""
        self._waiting_until = until

    async def enter(self, stage: Stage) -> None:
        """Show the job in another stage."""
        self._stage = stage
        await self._ports.jobs.change(self._ref, JobChange(stage=stage))
        self._written = (stage, None)

    def follow(self, source: Source) -> None:
        """Report this source's traffic from now on."""
        self._source = source

    async def write(self) -> None:
        """Write what changed since the last report; nothing if nothing did."""
        traffic = self._source.traffic if self._source else Traffic(0, 0)
        until = self._waiting_until if self._stage else None
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
async def open_run(
    ports: Ports, ref: JobRef, hand: Hand = ALONE, *, helps: bool = False
) -> AsyncIterator[SyncRun]:
    """Open the job's source, and report on it until it is closed again.

    ``helps``: another hand has the job, and says what it is doing.
    """
    job = await read_open_job(ports, ref)
    credential = await open_credential(ports, job)
    reporter = Reporter(ports, ref, None if helps else job.stage)
    opening = ports.patient_sources.open(
        job.request.address,
        credential,
        on_wait=reporter.note_wait,
        options=source_options(job.request.settings, job.request.site),
    )
    async with _reporting(reporter), AsyncExitStack() as stack:
        source = await until_cancelled(ports, ref, stack.enter_async_context(opening))
        reporter.follow(source)
        _check_site(job, source)
        yield SyncRun(ports, job, source, reporter, hand)


def _check_site(job: Job, source: Source) -> None:
    """Refuse to go on under another name: every stored id begins with the site's."""
    accepted = job.request.site
    if accepted not in {None, source.site}:
        raise SourceUnreachableError(
            f"this Confluence named itself {accepted} when the upload was accepted, and"
            f" {source.site} now; upload again, and if that stays, see what answers at"
            " /_edge/tenant_info"
        )


@asynccontextmanager
async def _reporting(reporter: "Reporter") -> AsyncIterator[None]:
    ticking = asyncio.create_task(_tick(reporter))
    try:
        yield
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        await reporter.write()


def source_options(settings: SyncSettings, site: SiteId | None) -> SourceOptions:
    """Return what the settings ask of the source, which called itself ``site`` before."""
    return SourceOptions(settings.include_archived, settings.concurrency, site)


async def _tick(reporter: Reporter) -> None:
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        with suppress(RetryableError):  # what a busy catalog refused, the next tick reports
            await reporter.write()


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
