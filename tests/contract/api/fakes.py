"""The ports behind the API, in memory, and an application over them."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, cast

import httpx2
import jwt

from headwater.adapters.memory_sessions import MemorySessionStore
from headwater.adapters.memory_store import MemoryStore
from headwater.api.application import create_app
from headwater.config import Settings
from headwater.domain.content import Space, SpaceStatus, SpaceType
from headwater.domain.errors import ConflictError, FailureType, SpaceNotFoundError
from headwater.domain.ids import DocumentId, JobId, SiteId, SpaceId, SpaceKey, TenantId
from headwater.domain.jobs import (
    ContentRestriction,
    Failure,
    Job,
    JobRef,
    JobStatus,
    ProcessorMode,
    SiteAddress,
    Stage,
    UploadRequest,
)
from headwater.ports import FailurePage, JobPage, OpenJob, Ports

TENANT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
OTHER_TENANT = "11111111-2222-4333-8444-555555555555"
SECRET = "a-shared-secret-of-more-than-32-bytes"
NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
SPACES = (
    Space(SpaceId("1"), SpaceKey("KB"), "Knowledge Base", SpaceType.GLOBAL, SpaceStatus.CURRENT),
    Space(SpaceId("2"), SpaceKey("IT"), "IT Documentation", SpaceType.GLOBAL, SpaceStatus.CURRENT),
    Space(SpaceId("3"), SpaceKey("HR"), "HR Policies", SpaceType.GLOBAL, SpaceStatus.CURRENT),
    Space(SpaceId("4"), SpaceKey("ENG"), "Engineering", SpaceType.GLOBAL, SpaceStatus.CURRENT),
)


class FakeSource:
    site = SiteId("acme.example")

    def __init__(self, spaces) -> None:
        self._spaces = spaces

    async def check_credentials(self):
        pass

    async def list_spaces(self):
        return self._spaces

    async def find_space(self, key):
        for space in self._spaces:
            if space.key == key:
                return space
        raise SpaceNotFoundError(f"no space {key!r}")


@dataclass
class FakeSources:
    """One Confluence; ``error`` is what opening it raises."""

    spaces: tuple[Space, ...] = SPACES
    error: Exception | None = None
    opened: list[Any] = field(default_factory=list)

    @asynccontextmanager
    async def open(self, address, credential, **_options):
        self.opened.append((address, credential))
        if self.error:
            raise self.error
        yield FakeSource(self.spaces)


@dataclass
class FakeJobs:
    """Jobs by name; ``script`` is what becomes of a job each time it is looked at."""

    stored: dict[JobRef, Job] = field(default_factory=dict)
    failed: dict[JobRef, list[Failure]] = field(default_factory=dict)
    script: list[Any] = field(default_factory=list)
    looks: list[JobRef] = field(default_factory=list)
    error: Exception | None = None

    async def add(self, job, sealed_credential, *, standing=None):  # noqa: ARG002  (the port's shape)
        if job.ref in self.stored:
            raise ConflictError("taken")
        self.stored[job.ref] = job

    async def find(self, ref):
        self.looks.append(ref)
        if self.error:
            raise self.error
        if self.script and ref in self.stored:
            self.script.pop(0)()
        return self.stored.get(ref)

    async def list_open(self):
        return [
            OpenJob(job.ref, job.request.space, job.status)
            for job in self.stored.values()
            if not job.status.is_final
        ]

    async def list(self, tenant, *, space, status, cursor, limit):
        found = [
            job
            for job in self.stored.values()
            if job.ref.tenant == tenant
            and space in {None, job.request.space}
            and status in {None, job.status}
        ]
        newest = sorted(found, key=lambda job: job.created_at, reverse=True)
        start = int(cursor or 0)
        after = str(start + limit) if len(newest) > start + limit else None
        return JobPage(tuple(newest[start : start + limit]), after)

    async def failures(self, ref, *, cursor, limit):
        found = self.failed.get(ref, [])
        start = int(cursor or 0)
        after = str(start + limit) if len(found) > start + limit else None
        return FailurePage(tuple(found[start : start + limit]), len(found), after)

    async def first_failures(self, refs, *, limit):
        return {ref: self.failed[ref][:limit] for ref in refs if ref in self.failed}

    async def count_open(self, tenant):
        return sum(job.ref.tenant == tenant for job in self.stored.values())

    async def request_cancel(self, ref):
        self.stored[ref] = replace(
            self.stored[ref], status=JobStatus.CANCELLED, stage=Stage.DONE, cancel_requested=True
        )

    def update(self, job, **changes):
        job = self.stored.get(job.ref, job)
        self.stored[job.ref] = replace(job, **changes, revision=job.revision + 1)


class FakeSchedules:
    """Nothing is repeated."""

    async def list_schedules(self):
        return []

    async def list_uploads(self, tenant, configuration_id):  # noqa: ARG002  (the port's shape)
        return []

    async def find_upload(self, tenant, standing, space):  # noqa: ARG002  (the port's shape)
        return None

    async def give_back(self, ref, standing, space, to): ...

    async def uses(self, tenant, credential_id):  # noqa: ARG002  (the port's shape)
        return False

    async def forget(self, tenant, configuration_id):
        pass


class FakeEmbedder:
    model = "fake"
    dimension = 2
    max_tokens = 256

    def count_tokens(self, text):
        return len(text.split()) + 2

    async def embed(self, texts, *, kind):  # noqa: ARG002  (the port's shape)
        return [[1.0, 0.0] for _ in texts]


@dataclass
class FakeCatalog:
    rules: dict[Any, Any] = field(default_factory=dict)
    scopes: dict[Any, Any] = field(default_factory=dict)
    error: Exception | None = None
    checks: int = 0

    async def scope_rules(self, tenant):
        return self.rules.get(tenant, {})

    async def current_scopes(self, tenant, document_ids):  # noqa: ARG002  (the port's shape)
        return {key: self.scopes[key] for key in document_ids if key in self.scopes}

    async def check(self):
        self.checks += 1
        if self.error:
            raise self.error


@dataclass
class FakeQueue:
    enqueued: list[Any] = field(default_factory=list)

    async def enqueue(self, ref):
        self.enqueued.append(ref)

    async def check(self):
        pass


class FakeBox:
    def seal(self, plain):
        return plain[::-1]

    def open(self, sealed):
        return sealed[::-1]

    def reseal(self, sealed):
        return sealed


@dataclass
class World:
    """Everything behind the application, within a test's reach."""

    sources: FakeSources = field(default_factory=FakeSources)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    catalog: FakeCatalog = field(default_factory=FakeCatalog)
    queue: FakeQueue = field(default_factory=FakeQueue)
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def ports(self):
        return Ports(
            sources=cast("Any", self.sources),
            patient_sources=cast("Any", self.sources),
            extractor=cast("Any", None),
            embedder=cast("Any", FakeEmbedder()),
            store=self.store,
            catalog=cast("Any", self.catalog),
            jobs=cast("Any", self.jobs),
            credentials=cast("Any", None),
            work=cast("Any", None),
            configurations=cast("Any", None),
            blacklist=cast("Any", None),
            schedules=FakeSchedules(),
            inventory=cast("Any", None),
            library=cast("Any", None),
            deletions=cast("Any", None),
            sessions=MemorySessionStore(),
            secret_box=FakeBox(),
            queue=self.queue,
            now=lambda: NOW,
            new_job_id=lambda: JobId(f"job-{next(self._numbers)}"),
        )


def make_settings(**changes):
    known = {"jwt_secret": SECRET, "data_dir": Path("unused")}
    return Settings(_env_file=None, **{**known, **changes})  # type: ignore[call-arg]


def make_token(key=SECRET, algorithm="HS256", headers=None, **changes):
    """Sign a token that may do everything; a claim of ``None`` is left out."""
    claims = {
        "tenant_id": TENANT,
        "scope": "knowledge:read knowledge:write",
        "sub": "someone",
        "exp": int(time.time()) + 86_400,  # made when tests are collected, used whenever they run
        **changes,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, algorithm=algorithm, headers=headers)


def headers_for(token=None, tenant=TENANT):
    return {"authorization": f"Bearer {token or make_token()}", "x-tenantid": tenant}


@asynccontextmanager
async def open_app(world, **settings) -> AsyncIterator[Any]:
    @asynccontextmanager
    async def open_ports():
        yield world.ports()

    app = create_app(make_settings(**settings), open_ports)
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def open_client(world, **settings) -> AsyncIterator[httpx2.AsyncClient]:
    async with open_app(world, **settings) as app, call_app(app) as client:
        yield client


def call_app(app):
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://test", headers=headers_for()
    )


def make_job(job_id="job-a", *, tenant=TENANT, space="KB", **changes):
    request = UploadRequest(
        address=SiteAddress("https://acme.atlassian.net/wiki", "https://acme.atlassian.net/wiki"),
        space=SpaceKey(space),
        incremental=True,
        use_ocr=False,
        processor_mode=ProcessorMode.AUTO,
        rezolve_domain="acme.rezolve.ai",
        restriction=ContentRestriction(),
    )
    values: dict[str, Any] = {
        "ref": JobRef(TenantId(tenant), JobId(job_id)),
        "kind": "upload",
        "status": JobStatus.RUNNING,
        "stage": Stage.LISTING,
        "request": request,
        "request_digest": "digest",
        "credential_id": None,
        "created_at": NOW,
    }
    return Job(**{**values, **changes})


def make_failure(number):
    return Failure(
        document_id=DocumentId(f"confluence:site:{number}"),
        title=f"Page {number}",
        source_url=f"https://acme.atlassian.net/wiki/pages/{number}",
        error_type=FailureType.PARSE_ERROR,
        error_message="the body is broken; edit the page",
        attempts=1,
        failed_at=NOW,
    )


def assert_refused(response, status, *problems: tuple[Any, str]):
    """Check the one error shape, and that each ``(loc, type)`` given is among the problems."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"detail"}
    assert body["detail"]
    for item in body["detail"]:
        assert set(item) == {"loc", "msg", "type"}
        assert isinstance(item["loc"], list)
        assert all(type(part) in {str, int} for part in item["loc"])
        assert isinstance(item["msg"], str)
        assert isinstance(item["type"], str)
    found = [(tuple(item["loc"]), item["type"]) for item in body["detail"]]
    for problem in problems:
        assert problem in found, found
