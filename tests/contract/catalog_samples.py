"""Values for the catalog's tests, and the engines that every contract test runs on."""

from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from headwater.adapters.catalog.stores import open_catalog
from headwater.domain.access import Scope
from headwater.domain.content import DocumentKind, DocumentMetadata, ListedDocument
from headwater.domain.errors import FailureType
from headwater.domain.ids import (
    ContentId,
    CredentialId,
    JobId,
    SiteId,
    SpaceId,
    SpaceKey,
    TenantId,
    make_document_id,
)
from headwater.domain.jobs import (
    ContentRestriction,
    DocumentCounts,
    Job,
    JobChange,
    JobRef,
    JobStatus,
    ProcessorMode,
    Progress,
    SiteAddress,
    Stage,
    UploadRequest,
)
from headwater.domain.sync import DocumentResult, Outcome, Provenance
from headwater.ports import KnownSpace
from tests.catalogs import lay_catalog
from tests.postgres import make_catalog_database

ENGINES = ["sqlite", "postgres"]
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SITE = SiteId("acme.example")
SPACE = SpaceKey("ENG")
OPEN_SCOPE = Scope("s:acme.example:7")


@asynccontextmanager
async def open_engine(engine, folder, *, now=lambda: NOW):
    with make_engine_url(engine, folder) as url:
        stores = await open_catalog(url, now=now)
        try:
            yield stores
        finally:
            await stores.close()


@contextmanager
def make_engine_url(engine, folder):
    """Give the URL of a catalog on this engine: in a file of the folder, or in a database of its own."""
    if engine == "sqlite":
        yield lay_catalog(Path(folder))
    else:
        with make_catalog_database() as url:
            yield url


def make_ref(job_id="job-1", tenant=None):
    return JobRef(tenant or TenantId(str(uuid4())), JobId(job_id))


def make_request(**changes: Any):
    values = {
        "address": SiteAddress("https://acme.example/wiki", "https://wiki.acme.example"),
        "space": SPACE,
        "incremental": True,
        "use_ocr": False,
        "processor_mode": ProcessorMode.AUTO,
        "rezolve_domain": "acme",
        "restriction": ContentRestriction(("staff",), blacklisted=True, source_restriction=True),
        "last_sync": NOW - timedelta(days=1),
        "sync_configuration_id": "nightly",
    }
    return UploadRequest(**{**values, **changes})


def make_job(ref, **changes: Any):
    values = {
        "kind": "upload",
        "status": JobStatus.QUEUED,
        "stage": Stage.QUEUED,
        "request": make_request(),
        "request_digest": "d1",
        "credential_id": CredentialId(f"credential-of-{ref.job_id}"),
        "created_at": NOW,
    }
    return Job(ref=ref, **{**values, **changes})


async def add_running_job(stores, ref, **changes: Any):
    await stores.jobs.add(make_job(ref, **changes), b"sealed")
    await stores.jobs.change(ref, JobChange(status=JobStatus.RUNNING, started_at=NOW))


def make_listed(content_id, **changes: Any):
    values = {
        "kind": DocumentKind.PAGE,
        "title": f"Page {content_id}",
        "version": 3,
        "last_modified": NOW,
        "parent_id": ContentId("1"),
        "author_id": "account-1",
        "web_path": f"/pages/{content_id}",
    }
    return ListedDocument(content_id=ContentId(str(content_id)), **{**values, **changes})


def make_metadata(content_id, **changes: Any):
    content = ContentId(str(content_id))
    values = {
        "document_id": make_document_id(SITE, content),
        "site": SITE,
        "content_id": content,
        "page_id": content,
        "kind": DocumentKind.PAGE,
        "space": SPACE,
        "title": f"Page {content_id}",
        "source_url": f"https://wiki.acme.example/pages/{content_id}",
        "version": 3,
        "last_modified": NOW,
        "labels": frozenset({"howto"}),
        "author_id": "account-1",
        "access_scope": OPEN_SCOPE,
    }
    return DocumentMetadata(**{**values, **changes})


def make_result(content_id, outcome=Outcome.ADDED, *, metadata=None, **changes: Any):
    failed = outcome is Outcome.FAILED
    values = {
        "provenance": Provenance("r1"),
        "metadata_digest": "m1",
        "chunk_hashes": () if failed else ("h1", "h2"),
        "error_type": FailureType.PARSE_ERROR if failed else None,
        "error_message": "not well-formed" if failed else None,
        "skip_reason": "too_old" if outcome is Outcome.SKIPPED else None,
    }
    return DocumentResult(
        metadata=metadata or make_metadata(content_id), outcome=outcome, **{**values, **changes}
    )


def make_space(**changes: Any):
    values = {
        "site": SITE,
        "space": SPACE,
        "space_id": SpaceId("7"),
        "name": "Engineering",
        "restriction": ContentRestriction(("staff",)),
        "last_complete_sync": NOW,
    }
    return KnownSpace(**{**values, **changes})


def done(count):
    return JobChange(progress=Progress(documents=DocumentCounts(done=count)))


def document_id(content_id):
    return make_document_id(SITE, ContentId(str(content_id)))
