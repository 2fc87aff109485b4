"""What one result makes of a document's row. Pure: rows in, row out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from headwater.adapters.catalog.encoding import Json
from headwater.domain.ids import TenantId
from headwater.domain.jobs import JobRef
from headwater.domain.sync import DocumentResult, DocumentState, Outcome

SEARCHABLE: Final = (DocumentState.INDEXED.value, DocumentState.HELD.value)
"""States of documents that the vector store holds; one whose update failed keeps its state."""

NO_ERROR: Final[Json] = {
    "attempts": 0,
    "last_error_type": None,
    "last_error_message": None,
    "last_failed_at": None,
}

WRITTEN: Final = (Outcome.ADDED, Outcome.UPDATED)


def remember_result(
    tenant: TenantId, result: DocumentResult, past: Mapping[str, Any] | None, now: datetime
) -> Json:
    """Return the document's whole new row, given the one that is there.

    A failure takes nothing out of the index: a searchable document stays so, with the version and
    digests of what is indexed, and ``attempts`` says that it is behind. Its access follows at once,
    so that tightening does not wait for a successful retry. Whatever the outcome, a document that
    came by is no longer held.
    """
    if result.outcome is Outcome.FAILED:
        return _remember_failure(tenant, result, past, now)
    if result.outcome is Outcome.SKIPPED:
        return _row(tenant, result, DocumentState.SKIPPED) | {"skip_reason": result.skip_reason}
    first = None if past is None else past["indexed_at"]
    indexed_at = now if result.outcome in WRITTEN or first is None else first
    return _row(tenant, result, DocumentState.INDEXED) | {
        "chunk_hashes": list(result.chunk_hashes),
        "indexed_at": indexed_at,
        "losses": _choose_losses(result, past),
        "lag_seconds": None if past is None else past["lag_seconds"],
    }


def failure_row(ref: JobRef, result: DocumentResult, attempts: int, now: datetime) -> Json:
    """Return the row of ``failures`` that reports a failed result to the job's reader."""
    return {
        "tenant": str(ref.tenant),
        "job_id": ref.job_id,
        "document_id": result.metadata.document_id,
        "title": result.metadata.title,
        "source_url": result.metadata.source_url,
        "error_type": _error_type(result),
        "error_message": result.error_message or "",
        "attempts": attempts,
        "failed_at": now,
    }


def _remember_failure(
    tenant: TenantId, result: DocumentResult, past: Mapping[str, Any] | None, now: datetime
) -> Json:
    error = {
        "attempts": 1 + (0 if past is None else past["attempts"]),
        "last_error_type": _error_type(result),
        "last_error_message": result.error_message or "",
        "last_failed_at": now,
    }
    if past is None or past["state"] not in SEARCHABLE:
        return _row(tenant, result, DocumentState.FAILED) | error
    present = {
        "state": DocumentState.INDEXED.value,
        "access_scope": result.metadata.access_scope,
    }
    return {**past, **present, **error}


def _choose_losses(
    result: DocumentResult, past: Mapping[str, Any] | None
) -> Mapping[str, int] | None:
    """Return what was lost of the text that is in: where it was not read again, as it was."""
    if result.losses is not None:
        return dict(result.losses)
    return None if past is None else past["losses"]


def _error_type(result: DocumentResult) -> str:
    if result.error_type is None:
        raise ValueError(f"the failed result of {result.metadata.document_id} has no error_type")
    return result.error_type.value


def _row(tenant: TenantId, result: DocumentResult, state: DocumentState) -> Json:
    metadata = result.metadata
    return {
        "tenant": str(tenant),
        "document_id": metadata.document_id,
        "site": metadata.site,
        "content_id": metadata.content_id,
        "page_id": metadata.page_id,
        "attachment_id": metadata.attachment_id,
        "kind": metadata.kind.value,
        "space": metadata.space,
        "state": state.value,
        "title": metadata.title,
        "source_url": metadata.source_url,
        "version": metadata.version,
        "last_modified": metadata.last_modified,
        "labels": sorted(metadata.labels),
        "author_id": metadata.author_id,
        "recipe": result.provenance.recipe,
        "comments_digest": result.provenance.comments_digest,
        "body_digest": result.provenance.body_digest,
        "metadata_digest": result.metadata_digest,
        "access_scope": metadata.access_scope,
        "stored_scope": metadata.access_scope,
        "parent_id": metadata.parent_id,
        "chunk_hashes": [],
        "skip_reason": None,
        "indexed_at": None,
        "losses": None,
        "lag_seconds": None,
        **NO_ERROR,
    }
