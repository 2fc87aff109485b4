"""Reading back what is in: documents, levels of the tree, numbers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    or_,
    select,
    tuple_,
)

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.inventory import CHUNKS, is_there
from headwater.adapters.catalog.remembering import SEARCHABLE
from headwater.adapters.catalog.rows import AnyRow, entry_from_row, space_from_row
from headwater.adapters.catalog.schema import documents, spaces
from headwater.adapters.catalog.statements import split_batches
from headwater.domain.access import Scope
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey, TenantId
from headwater.domain.sync import DocumentState
from headwater.ports import (
    CatalogEntry,
    ChildCount,
    Holding,
    KnownSpace,
    Lag,
    Leaf,
    LossCount,
    Position,
)
from headwater.ports.library import SortKey

_SORT_KEY: Final = case(
    (documents.c.kind == DocumentKind.PAGE.value, "0"),
    (documents.c.kind == DocumentKind.BLOGPOST.value, "1"),
    else_="2",
).concat(func.lower(documents.c.title))

_PLACE: Final = (documents.c.site, documents.c.space, documents.c.access_scope)

_LOSSES: Final = cast(documents.c.losses, Text)
"""As text: Postgres neither compares nor groups JSON."""


@dataclass(frozen=True, slots=True)
class SqlLibrary:
    """Implements :class:`headwater.ports.Library`."""

    database: Database

    async def read(
        self, tenant: TenantId, document_ids: Sequence[DocumentId]
    ) -> Sequence[CatalogEntry]:
        """Return what is known of these documents; unknown ones are absent."""
        found: list[CatalogEntry] = []
        for batch in split_batches(document_ids):
            named = documents.c.document_id.in_(batch)
            rows = await self._read(select(documents).where(_of(tenant), named))
            found += map(entry_from_row, rows)
        return found

    async def list_level(
        self,
        tenant: TenantId,
        site: SiteId,
        space: SpaceKey,
        *,
        parent: ContentId | None,
        after: Position | None,
        limit: int,
    ) -> Sequence[Leaf]:
        """Return what stands right below a page, or at the top, in order."""
        key = _SORT_KEY.label("sort_key")
        query = select(documents, key).where(
            _of(tenant), documents.c.site == site, documents.c.space == space
        )
        query = query.where(_is_top() if parent is None else documents.c.parent_id == parent)
        if after is not None:
            query = query.where(
                tuple_(_SORT_KEY, documents.c.document_id) > (after.key, after.document_id)
            )
        rows = await self._read(query.order_by(key, documents.c.document_id).limit(limit))
        return [_leaf_from_row(row) for row in rows]

    async def count_children(
        self, tenant: TenantId, site: SiteId, parents: Sequence[ContentId]
    ) -> Sequence[ChildCount]:
        """Return how much stands right below each of these pages."""
        columns = (documents.c.parent_id, documents.c.access_scope)
        found: list[ChildCount] = []
        for batch in split_batches(parents):
            query = select(*columns, func.count().label("documents")).group_by(*columns)
            below = and_(documents.c.site == site, documents.c.parent_id.in_(batch))
            rows = await self._read(query.where(_of(tenant), below))
            found += [
                ChildCount(ContentId(row.parent_id), Scope(row.access_scope), row.documents)
                for row in rows
            ]
        return found

    async def list_searchable(
        self, tenant: TenantId, *, space: SpaceKey | None, after: DocumentId | None, limit: int
    ) -> Sequence[CatalogEntry]:
        """Return the searchable documents behind ``after``, by id."""
        query = select(documents).where(_of(tenant), documents.c.state.in_(SEARCHABLE))
        if space is not None:
            query = query.where(documents.c.space == space)
        if after is not None:
            query = query.where(documents.c.document_id > after)
        rows = await self._read(query.order_by(documents.c.document_id).limit(limit))
        return [entry_from_row(row) for row in rows]

    async def list_spaces(self, tenant: TenantId) -> Sequence[KnownSpace]:
        """Return the tenant's spaces, by key."""
        query = select(spaces).where(spaces.c.tenant == str(tenant))
        rows = await self._read(query.order_by(spaces.c.space, spaces.c.site))
        return [space_from_row(row) for row in rows]

    async def count_holdings(self, tenant: TenantId) -> Sequence[Holding]:
        """Return how much every space has."""
        groups = (*_PLACE, documents.c.kind, documents.c.state)
        failing = func.sum(case((documents.c.attempts > 0, 1), else_=0))
        query = select(
            *groups,
            func.count().label("documents"),
            func.sum(CHUNKS.element).label("chunks"),
            failing.label("failing"),
        )
        rows = await self._read(query.where(_of(tenant)).group_by(*groups))
        return [_holding_from_row(row) for row in rows]

    async def list_lags(self, tenant: TenantId, *, since: datetime) -> Sequence[Lag]:
        """Return how long each document's last edit took, of those found since then."""
        query = select(*_PLACE, documents.c.lag_seconds).where(
            _of(tenant), documents.c.lag_seconds.is_not(None), documents.c.indexed_at >= since
        )
        return [Lag(*_place_of(row), row.lag_seconds) for row in await self._read(query)]

    async def count_losses(self, tenant: TenantId) -> Sequence[LossCount]:
        """Return what the searchable documents lost."""
        losses = _LOSSES.label("losses")
        query = select(*_PLACE, losses, func.count().label("documents")).where(
            _of(tenant), documents.c.state.in_(SEARCHABLE), _LOSSES.not_in(["{}", "null"])
        )
        rows = await self._read(query.group_by(*_PLACE, losses))
        return [LossCount(*_place_of(row), json.loads(row.losses), row.documents) for row in rows]

    async def _read(self, query: Select[Any]) -> Sequence[AnyRow]:
        async with self.database.read() as connection:
            rows: Sequence[AnyRow] = (await connection.execute(query)).all()
        return rows


def _of(tenant: TenantId) -> ColumnElement[bool]:
    return and_(documents.c.tenant == str(tenant), is_there())


def _is_top() -> ColumnElement[bool]:
    """Return the condition that a document hangs on nothing that its space's tree shows."""
    above = documents.alias()
    shown = exists().where(
        above.c.tenant == documents.c.tenant,
        above.c.site == documents.c.site,
        above.c.content_id == documents.c.parent_id,
        above.c.space == documents.c.space,
        is_there(above),
    )
    return or_(documents.c.parent_id.is_(None), ~shown)


def _place_of(row: AnyRow) -> tuple[SiteId, SpaceKey, Scope]:
    return SiteId(row.site), SpaceKey(row.space), Scope(row.access_scope)


def _leaf_from_row(row: AnyRow) -> Leaf:
    return Leaf(entry_from_row(row), Position(SortKey(row.sort_key), DocumentId(row.document_id)))


def _holding_from_row(row: AnyRow) -> Holding:
    return Holding(
        *_place_of(row),
        kind=DocumentKind(row.kind),
        state=DocumentState(row.state),
        documents=row.documents,
        chunks=row.chunks or 0,
        failing=row.failing,
    )
