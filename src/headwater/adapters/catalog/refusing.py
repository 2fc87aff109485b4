"""Keeping out what was deleted while a job was on its way to record it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.encoding import Json
from headwater.adapters.catalog.rows import AnyRow
from headwater.adapters.catalog.schema import cleared_spaces, tombstones
from headwater.adapters.catalog.stamps import WHOLE_SITE
from headwater.adapters.catalog.statements import split_batches, upsert_rows
from headwater.domain.content import DocumentKind, DocumentMetadata
from headwater.domain.ids import DocumentId, TenantId, make_document_id
from headwater.domain.jobs import Job
from headwater.domain.sync import DocumentResult, Outcome


async def refuse_deleted(
    connection: AsyncConnection, job: Job, results: Sequence[DocumentResult], now: datetime
) -> list[DocumentId]:
    """Return the documents that were deleted since the job decided about them.

    The caller has the tenant's turn.
    The job may have written their vectors after the deletion removed them, so each is marked as yet
    to be removed.
    """
    metadata = [item.metadata for item in results if item.outcome is not Outcome.SKIPPED]
    if not metadata:
        return []
    graves = await _read_graves(connection, job.ref.tenant, metadata)
    cleared_at = await _find_clearance(connection, job, metadata)
    refused = [
        row
        for item in metadata
        if (row := _grave(job.ref.tenant, item, graves, cleared_at)) is not None
    ]
    rows = [{**row, "claimed_until": now} for row in refused]
    await upsert_rows(connection, tombstones, rows)
    return [DocumentId(row["document_id"]) for row in rows]


def _page_of(item: DocumentMetadata) -> DocumentId:
    return make_document_id(item.site, item.page_id)


async def _read_graves(
    connection: AsyncConnection, tenant: TenantId, metadata: Sequence[DocumentMetadata]
) -> dict[str, AnyRow]:
    names = {item.document_id for item in metadata} | {_page_of(item) for item in metadata}
    query = select(tombstones).where(tombstones.c.tenant == str(tenant))
    found: dict[str, AnyRow] = {}
    for batch in split_batches(sorted(names)):
        named = query.where(tombstones.c.document_id.in_(batch))
        found |= {row.document_id: row for row in (await connection.execute(named)).all()}
    return found


async def _find_clearance(
    connection: AsyncConnection, job: Job, metadata: Sequence[DocumentMetadata]
) -> datetime | None:
    """Return when the space was cleared, if that was after the job was asked for."""
    query = select(func.max(cleared_spaces.c.cleared_at)).where(
        cleared_spaces.c.tenant == str(job.ref.tenant),
        cleared_spaces.c.site == metadata[0].site,
        cleared_spaces.c.space.in_((WHOLE_SITE, metadata[0].space)),
        cleared_spaces.c.cleared_at >= job.created_at,
    )
    moment: datetime | None = (await connection.execute(query)).scalar_one()
    return moment


def _grave(
    tenant: TenantId,
    item: DocumentMetadata,
    graves: Mapping[str, AnyRow],
    cleared_at: datetime | None,
) -> Json | None:
    """Return the tombstone that keeps a document out; ``None`` if there is none."""
    if item.document_id in graves:
        return dict(graves[item.document_id]._mapping)  # noqa: SLF001  (SQLAlchemy's public name for it)
    page = graves.get(_page_of(item))
    deleted_at = cleared_at if page is None else page.deleted_at
    if deleted_at is None:
        return None
    return {
        "tenant": str(tenant),
        "document_id": item.document_id,
        "site": item.site,
        "content_id": item.content_id,
        "version": item.version,
        "deleted_at": deleted_at,
        "follows_page": item.kind is DocumentKind.ATTACHMENT,
    }
