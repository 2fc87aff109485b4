"""What is in, by place and by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, or_, select

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.remembering import SEARCHABLE
from headwater.adapters.catalog.rows import AnyRow
from headwater.adapters.catalog.schema import documents
from headwater.adapters.catalog.statements import sort_by_id, split_batches
from headwater.domain.access import Scope
from headwater.domain.content import DocumentKind
from headwater.domain.errors import FailureType
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey, TenantId
from headwater.domain.removal import DELETED, Candidate, Cleared
from headwater.ports import FailedDocument, HeldDocument

CHUNKS = func.json_array_length(documents.c.chunk_hashes).label("chunks")
"""SQLite and Postgres spell it alike; the hashes themselves are not needed here."""

_ATTACHMENT = DocumentKind.ATTACHMENT.value
_CANDIDATE = (
    "document_id",
    "content_id",
    "page_id",
    "kind",
    "title",
    "source_url",
    "site",
    "space",
)


@dataclass(frozen=True, slots=True)
class SqlInventory:
    """Implements :class:`headwater.ports.Inventory`."""

    database: Database

    async def list_documents(
        self, tenant: TenantId, *, after: DocumentId | None, limit: int
    ) -> Sequence[HeldDocument]:
        """Return the searchable documents behind ``after``, by id."""
        query = select(documents, CHUNKS).where(documents.c.state.in_(SEARCHABLE))
        rows = await self._read(_cut(query, tenant, after, limit))
        return [_held_from_row(row) for row in rows]

    async def list_failed(
        self, tenant: TenantId, *, after: DocumentId | None, limit: int
    ) -> Sequence[FailedDocument]:
        """Return the documents behind ``after`` whose last attempt failed, by id."""
        query = select(documents).where(
            documents.c.attempts > 0, documents.c.last_error_type.is_not(None)
        )
        rows = await self._read(_cut(query, tenant, after, limit))
        return [_failed_from_row(row) for row in rows]

    async def find_by_id(
        self, tenant: TenantId, content_ids: Sequence[ContentId]
    ) -> Sequence[Candidate]:
        """Return the documents with these ids, of whichever site."""
        return await self._find_each(tenant, documents.c.content_id, content_ids)

    async def find_named(
        self, tenant: TenantId, document_ids: Sequence[DocumentId]
    ) -> Sequence[Candidate]:
        """Return these documents."""
        return await self._find_each(tenant, documents.c.document_id, document_ids)

    async def find_by_url(self, tenant: TenantId, urls: Sequence[str]) -> Sequence[Candidate]:
        """Return the documents with exactly these links."""
        return await self._find_each(tenant, documents.c.source_url, urls)

    async def find_by_title(
        self, tenant: TenantId, space: SpaceKey, title: str
    ) -> Sequence[Candidate]:
        """Return the pages and posts of this title in spaces with this key."""
        named = and_(documents.c.space == space, documents.c.title == title)
        return await self._find(tenant, and_(named, documents.c.kind != _ATTACHMENT))

    async def find_attachments(
        self, tenant: TenantId, site: SiteId, page_ids: Sequence[ContentId]
    ) -> Sequence[Candidate]:
        """Return what hangs on these pages."""
        of_site = and_(documents.c.site == site, documents.c.kind == _ATTACHMENT)
        return await self._find_each(tenant, documents.c.page_id, page_ids, of_site)

    async def find_children(
        self, tenant: TenantId, site: SiteId, page_ids: Sequence[ContentId]
    ) -> Sequence[Candidate]:
        """Return the pages right below these."""
        of_site = and_(documents.c.site == site, documents.c.kind != _ATTACHMENT)
        return await self._find_each(tenant, documents.c.parent_id, page_ids, of_site)

    async def find_in(self, tenant: TenantId, place: Cleared) -> Sequence[Candidate]:
        """Return everything in a space, or in a whole site."""
        return await self._find(tenant, is_in(place))

    async def find_places(
        self, tenant: TenantId, prefixes: Sequence[str]
    ) -> Sequence[tuple[SiteId, SpaceKey]]:
        """Return the sites and spaces of documents whose links begin so, without case."""
        link = func.lower(documents.c.source_url)
        begins = or_(*(link.startswith(text.lower(), autoescape=True) for text in prefixes))
        query = select(documents.c.site, documents.c.space).distinct()
        rows = await self._read(query.where(_of(tenant), begins, is_there()))
        return [(SiteId(row.site), SpaceKey(row.space)) for row in rows]

    async def _find_each(
        self,
        tenant: TenantId,
        column: ColumnElement[str],
        values: Sequence[str],
        condition: ColumnElement[bool] | None = None,
    ) -> list[Candidate]:
        found = []
        for batch in split_batches(values):
            named = column.in_(batch)
            found += await self._find(tenant, named if condition is None else named & condition)
        return found

    async def _find(self, tenant: TenantId, condition: ColumnElement[bool]) -> list[Candidate]:
        columns = [documents.c[name] for name in _CANDIDATE]
        query = select(*columns, CHUNKS).where(_of(tenant), condition, is_there())
        return [_candidate_from_row(row) for row in sort_by_id(await self._read(query))]

    async def _read(self, query: Select[Any]) -> Sequence[AnyRow]:
        async with self.database.read() as connection:
            rows: Sequence[AnyRow] = (await connection.execute(query)).all()
        return rows


def is_there(table: FromClause = documents) -> ColumnElement[bool]:
    """Return the condition that a document was not deleted on request before."""
    return or_(table.c.skip_reason.is_(None), table.c.skip_reason != DELETED)


def is_in(place: Cleared) -> ColumnElement[bool]:
    """Return the condition that a document is in a space, or in a whole site."""
    of_site = documents.c.site == place.site
    return of_site if place.space is None else and_(of_site, documents.c.space == place.space)


def _of(tenant: TenantId) -> ColumnElement[bool]:
    return documents.c.tenant == str(tenant)


def _cut(query: Select[Any], tenant: TenantId, after: DocumentId | None, limit: int) -> Select[Any]:
    query = query.where(_of(tenant)).order_by(documents.c.document_id).limit(limit)
    return query if after is None else query.where(documents.c.document_id > after)


def _candidate_from_row(row: AnyRow) -> Candidate:
    return Candidate(
        document_id=DocumentId(row.document_id),
        content_id=ContentId(row.content_id),
        page_id=ContentId(row.page_id),
        kind=DocumentKind(row.kind),
        title=row.title,
        source_url=row.source_url,
        site=SiteId(row.site),
        space=SpaceKey(row.space),
        chunks=row.chunks,
    )


def _held_from_row(row: AnyRow) -> HeldDocument:
    return HeldDocument(
        document_id=DocumentId(row.document_id),
        kind=DocumentKind(row.kind),
        title=row.title,
        source_url=row.source_url,
        chunks=row.chunks,
        author_id=row.author_id,
        created_at=row.created_at,
        modified_at=row.last_modified,
        file_type=row.file_type,
        file_size=row.file_size,
        ingested_at=row.indexed_at,
        access_scope=Scope(row.access_scope),
    )


def _failed_from_row(row: AnyRow) -> FailedDocument:
    return FailedDocument(
        document_id=DocumentId(row.document_id),
        title=row.title,
        source_url=row.source_url,
        error_type=FailureType(row.last_error_type),
        error_message=row.last_error_message or "",
        failed_at=row.last_failed_at,
        attempts=row.attempts,
        access_scope=Scope(row.access_scope),
    )
