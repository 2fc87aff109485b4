"""Rows to values and back, table by table. Rows are whole: an upsert replaces every column."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from headwater.adapters.catalog.encoding import (
    Json,
    content_restriction_from_json,
    content_restriction_to_json,
    progress_from_json,
    progress_to_json,
    request_from_json,
    request_to_json,
    restriction_from_json,
)
from headwater.domain.access import Scope
from headwater.domain.content import Comment, DocumentKind, ListedAttachment, ListedDocument
from headwater.domain.errors import FailureType
from headwater.domain.ids import (
    ContentId,
    CredentialId,
    DocumentId,
    JobId,
    SiteId,
    SpaceId,
    SpaceKey,
    TenantId,
)
from headwater.domain.jobs import Failure, Job, JobRef, JobStatus, Stage
from headwater.domain.sync import Action, DocumentState, KnownDocument, Provenance, WorkItem
from headwater.ports import CatalogEntry, KnownSpace

AnyRow = Row[*tuple[Any, ...]]


def ref_from_row(row: AnyRow) -> JobRef:
    """Return a job's full name: its tenant is that of the authenticated request which stored it."""
    return JobRef(TenantId(row.tenant), JobId(row.job_id))


def job_to_row(job: Job) -> Json:
    """Return a new job's row."""
    return {
        "tenant": str(job.ref.tenant),
        "job_id": job.ref.job_id,
        "kind": job.kind,
        "space": job.request.space,
        "request": request_to_json(job.request),
        "request_digest": job.request_digest,
        "credential_id": job.credential_id,
        "created_at": job.created_at,
        "trace": job.trace,
        **changing_columns(job),
    }


def changing_columns(job: Job) -> Json:
    """Return the columns that may change after the job was stored."""
    return {
        "status": job.status.value,
        "stage": job.stage.value,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "progress": progress_to_json(job.progress),
        "throttled_until": job.throttled_until,
        "message": job.message,
        "cancel_requested": job.cancel_requested,
        "revision": job.revision,
        "starts": job.starts,
    }


def job_from_row(row: AnyRow) -> Job:
    """Return the job that a row of ``jobs`` holds."""
    return Job(
        ref=ref_from_row(row),
        kind=row.kind,
        status=JobStatus(row.status),
        stage=Stage(row.stage),
        request=request_from_json(row.request),
        request_digest=row.request_digest,
        credential_id=None if row.credential_id is None else CredentialId(row.credential_id),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        progress=progress_from_json(row.progress),
        throttled_until=row.throttled_until,
        message=row.message,
        cancel_requested=row.cancel_requested,
        revision=row.revision,
        starts=row.starts,
        trace=row.trace,
    )


def failure_from_row(row: AnyRow) -> Failure:
    """Return the failure that a row of ``failures`` holds."""
    return Failure(
        document_id=DocumentId(row.document_id),
        title=row.title,
        source_url=row.source_url,
        error_type=FailureType(row.error_type),
        error_message=row.error_message,
        attempts=row.attempts,
        failed_at=row.failed_at,
    )


def listed_to_row(ref: JobRef, listed: ListedDocument) -> Json:
    """Return the row of a document that was listed, and of which nothing else is known yet."""
    return {
        "tenant": str(ref.tenant),
        "job_id": ref.job_id,
        **work_key(listed.content_id),
        "kind": listed.kind.value,
        "title": listed.title,
        "version": listed.version,
        "last_modified": listed.last_modified,
        "parent_id": listed.parent_id,
        "author_id": listed.author_id,
        "web_path": listed.web_path,
        "media_type": None,
        "file_size": None,
        "download_path": None,
        "created_at": listed.created_at,
        "labels": [],
        "restriction": None,
        "annotated": False,
        "scope": None,
        "action": None,
        "reason": None,
        "settled": False,
        "claimed_by": None,
        "passed_over": False,
    }


def attachment_to_row(ref: JobRef, attachment: ListedAttachment) -> Json:
    """Return the row of an attachment that was listed; there is no annotation to wait for."""
    listed = ListedDocument(
        content_id=attachment.content_id,
        kind=DocumentKind.ATTACHMENT,
        title=attachment.title,
        version=attachment.version,
        last_modified=attachment.last_modified,
        parent_id=attachment.page_id,
        author_id=attachment.author_id,
        web_path=attachment.web_path,
        created_at=attachment.created_at,
    )
    return listed_to_row(ref, listed) | {
        "media_type": attachment.media_type,
        "file_size": attachment.file_size,
        "download_path": attachment.download_path,
        "annotated": True,
    }


def comment_to_row(ref: JobRef, comment: Comment) -> Json:
    """Return a comment's row."""
    return {"tenant": str(ref.tenant), "job_id": ref.job_id, **asdict(comment)}


def comment_from_row(row: AnyRow) -> Comment:
    """Return the comment that a row of ``work_comments`` holds."""
    return Comment(
        comment_id=ContentId(row.comment_id),
        page_id=ContentId(row.page_id),
        parent_id=None if row.parent_id is None else ContentId(row.parent_id),
        author_id=row.author_id,
        created_at=row.created_at,
        version=row.version,
        body=row.body,
    )


def work_key(content_id: ContentId) -> Json:
    """Return the columns that name a work item within its job."""
    return {"id_length": len(content_id), "content_id": content_id}


def listed_from_row(row: AnyRow) -> ListedDocument:
    """Return the listed document that a row of ``work_items`` holds."""
    return ListedDocument(
        content_id=ContentId(row.content_id),
        kind=DocumentKind(row.kind),
        title=row.title,
        version=row.version,
        last_modified=row.last_modified,
        parent_id=None if row.parent_id is None else ContentId(row.parent_id),
        author_id=row.author_id,
        web_path=row.web_path,
        created_at=row.created_at,
    )


def item_from_row(row: AnyRow) -> WorkItem:
    """Return a row of ``work_items`` with what the job learned of the document."""
    return WorkItem(
        listed=listed_from_row(row),
        labels=frozenset(row.labels),
        restriction=restriction_from_json(row.restriction),
        scope=None if row.scope is None else Scope(row.scope),
        action=None if row.action is None else Action(row.action),
        reason=row.reason,
        attachment=_attachment_from_row(row),
    )


def _attachment_from_row(row: AnyRow) -> ListedAttachment | None:
    if row.media_type is None:
        return None
    return ListedAttachment(
        content_id=ContentId(row.content_id),
        page_id=ContentId(row.parent_id),
        title=row.title,
        media_type=row.media_type,
        file_size=row.file_size,
        version=row.version,
        last_modified=row.last_modified,
        author_id=row.author_id,
        web_path=row.web_path,
        download_path=row.download_path,
        created_at=row.created_at,
    )


def known_from_row(row: AnyRow) -> KnownDocument:
    """Return what a row of ``documents`` remembers."""
    return KnownDocument(
        document_id=DocumentId(row.document_id),
        content_id=ContentId(row.content_id),
        page_id=ContentId(row.page_id),
        kind=DocumentKind(row.kind),
        space=SpaceKey(row.space),
        state=DocumentState(row.state),
        title=row.title,
        source_url=row.source_url,
        version=row.version,
        provenance=Provenance(row.recipe, row.comments_digest, row.body_digest),
        metadata_digest=row.metadata_digest,
        access_scope=Scope(row.access_scope),
        chunk_hashes=tuple(row.chunk_hashes),
        attempts=row.attempts,
        skip_reason=row.skip_reason,
    )


def entry_from_row(row: AnyRow) -> CatalogEntry:
    """Return everything that a row of ``documents`` says."""
    return CatalogEntry(
        known=known_from_row(row),
        site=SiteId(row.site),
        space=SpaceKey(row.space),
        last_modified=row.last_modified,
        indexed_at=row.indexed_at,
        error_type=None if row.last_error_type is None else FailureType(row.last_error_type),
        error_message=row.last_error_message,
        failed_at=row.last_failed_at,
        parent_id=None if row.parent_id is None else ContentId(row.parent_id),
        labels=frozenset(row.labels),
        author_id=row.author_id,
        created_at=row.created_at,
        file_type=row.file_type,
        file_size=row.file_size,
        losses=row.losses,
    )


def space_to_row(tenant: TenantId, space: KnownSpace) -> Json:
    """Return a space's row."""
    return {
        "tenant": str(tenant),
        "site": space.site,
        "space": space.space,
        "space_id": space.space_id,
        "name": space.name,
        "restriction": content_restriction_to_json(space.restriction),
        "last_complete_sync": space.last_complete_sync,
    }


def space_from_row(row: AnyRow) -> KnownSpace:
    """Return the space that a row of ``spaces`` holds."""
    return KnownSpace(
        site=SiteId(row.site),
        space=SpaceKey(row.space),
        space_id=SpaceId(row.space_id),
        name=row.name,
        restriction=content_restriction_from_json(row.restriction),
        last_complete_sync=row.last_complete_sync,
    )
