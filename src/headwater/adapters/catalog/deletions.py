"""Deletions on request: tombstones, and whose vectors are still to be removed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, delete, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.inventory import CHUNKS, is_in, is_there
from headwater.adapters.catalog.remembering import SEARCHABLE
from headwater.adapters.catalog.rows import AnyRow
from headwater.adapters.catalog.schema import (
    cleared_spaces,
    documents,
    spaces,
    tombstones,
    work_items,
)
from headwater.adapters.catalog.scopes import prune_rules
from headwater.adapters.catalog.stamps import stamp_deletion
from headwater.adapters.catalog.statements import split_batches, take_turn, upsert_rows
from headwater.domain.access import Scope
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey, TenantId
from headwater.domain.removal import DELETED, Cleared, Removed, Tombstone

Times = tuple[datetime, datetime]
"""When the documents were deleted, and until when their vectors are somebody's to remove."""

LONGEST_CLAIM: Final = timedelta(hours=1)
"""Nobody claims for so long, and no two clocks that are in order differ by as much."""

_ATTACHMENT: Final = DocumentKind.ATTACHMENT.value
_GRAVE: Final = (
    "tenant",
    "document_id",
    "site",
    "content_id",
    "version",
    "deleted_at",
    "follows_page",
    "claimed_until",
)


@dataclass(frozen=True, slots=True)
class SqlDeletionStore:
    """Implements :class:`headwater.ports.DeletionStore`."""

    database: Database

    async def remove(
        self,
        tenant: TenantId,
        document_ids: Sequence[DocumentId],
        cleared: Sequence[Cleared],
        *,
        now: datetime,
        claimed_until: datetime,
    ) -> Removed:
        """In one transaction: take the documents out, leave tombstones, forget cleared spaces."""
        async with self.database.write() as connection:
            await take_turn(connection, tenant)
            now = await stamp_deletion(connection, tenant, now)
            rows = await _read_doomed(connection, tenant, document_ids, cleared)
            await _bury_named(connection, tenant, rows, cleared, (now, claimed_until))
            for place in cleared:
                await _bury_place(connection, tenant, place, (now, claimed_until))
            await _forget_spaces(connection, tenant, cleared, now)
            await _prune(connection, tenant, rows)
        return _count(rows)

    async def claim_unremoved(
        self, *, now: datetime, claimed_until: datetime, limit: int, tenant: TenantId | None = None
    ) -> Mapping[TenantId, Sequence[DocumentId]]:
        """Return deleted documents whose vectors nobody is removing, and claim them."""
        query = select(tombstones).where(_is_free(now)).limit(limit)
        if tenant is not None:
            query = query.where(tombstones.c.tenant == str(tenant))
        found: dict[TenantId, list[DocumentId]] = {}
        async with self.database.write() as connection:
            for row in (await connection.execute(query.with_for_update(skip_locked=True))).all():
                found.setdefault(TenantId(row.tenant), []).append(DocumentId(row.document_id))
            for whose, document_ids in found.items():
                for batch in split_batches(document_ids):
                    claim = update(tombstones).values(claimed_until=claimed_until)
                    await connection.execute(claim.where(_named(whose, batch)))
        return found

    async def settle_removed(self, tenant: TenantId, document_ids: Sequence[DocumentId]) -> None:
        """Note that the vectors of these are gone; what followed its page needs no tombstone any more."""
        async with self.database.write() as connection:
            await take_turn(connection, tenant)
            for batch in split_batches(document_ids):
                named = _named(tenant, batch)
                await connection.execute(delete(tombstones).where(named, tombstones.c.follows_page))
                await connection.execute(update(tombstones).where(named).values(claimed_until=None))

    async def tombstones(self, tenant: TenantId, site: SiteId) -> Sequence[Tombstone]:
        """Return all tombstones of a site."""
        query = select(tombstones).where(
            tombstones.c.tenant == str(tenant), tombstones.c.site == site
        )
        async with self.database.read() as connection:
            return [_tombstone_from_row(row) for row in (await connection.execute(query)).all()]

    async def lift(self, tenant: TenantId, site: SiteId, lifted: Sequence[Tombstone]) -> None:
        """Remove these tombstones, unless the document was deleted once more since."""
        of_site = and_(tombstones.c.tenant == str(tenant), tombstones.c.site == site)
        async with self.database.write() as connection:
            await take_turn(connection, tenant)
            for tombstone in lifted:
                await connection.execute(
                    delete(tombstones).where(
                        of_site,
                        tombstones.c.content_id == tombstone.content_id,
                        tombstones.c.deleted_at == tombstone.deleted_at,
                        tombstones.c.claimed_until.is_(None),
                    )
                )


def _is_free(now: datetime) -> Any:
    """Return whether a claim has lapsed, or was made by a clock that has been set back since."""
    return or_(tombstones.c.claimed_until <= now, tombstones.c.claimed_until > now + LONGEST_CLAIM)


def _named(tenant: TenantId, document_ids: Sequence[DocumentId]) -> Any:
    return and_(tombstones.c.tenant == str(tenant), tombstones.c.document_id.in_(document_ids))


async def _read_doomed(
    connection: AsyncConnection,
    tenant: TenantId,
    document_ids: Sequence[DocumentId],
    cleared: Sequence[Cleared],
) -> list[AnyRow]:
    """Return the rows as they are now: a sync may have changed or added some since they were looked for."""
    columns = ("document_id", "site", "space", "content_id", "page_id", "kind", "version", "state")
    query = select(*(documents.c[name] for name in columns), documents.c.skip_reason, CHUNKS)
    query = query.where(documents.c.tenant == str(tenant))
    found: dict[str, AnyRow] = {}
    for batch in split_batches(document_ids):
        named = query.where(documents.c.document_id.in_(batch))
        found |= {row.document_id: row for row in (await connection.execute(named)).all()}
    if cleared:
        inside = query.where(or_(*(is_in(place) for place in cleared)))
        found |= {row.document_id: row for row in (await connection.execute(inside)).all()}
    return list(found.values())


async def _bury_named(
    connection: AsyncConnection,
    tenant: TenantId,
    rows: Sequence[AnyRow],
    cleared: Sequence[Cleared],
    times: Times,
) -> None:
    """Turn the rows that are in no cleared place into tombstones."""
    pages = {(row.site, row.content_id) for row in rows}
    named = [row for row in rows if not any(_lies_in(row, place) for place in cleared)]
    graves = [
        {
            "tenant": str(tenant),
            "document_id": row.document_id,
            "site": row.site,
            "content_id": row.content_id,
            "version": row.version,
            "deleted_at": times[0],
            "follows_page": row.kind == _ATTACHMENT and (row.site, row.page_id) in pages,
            "claimed_until": times[1],
        }
        for row in named
        if row.skip_reason != DELETED
    ]
    await upsert_rows(connection, tombstones, graves)
    for batch in split_batches([row.document_id for row in named]):
        gone = and_(documents.c.tenant == str(tenant), documents.c.document_id.in_(batch))
        await connection.execute(delete(documents).where(gone))


def _lies_in(row: AnyRow, place: Cleared) -> bool:
    return bool(row.site == place.site and place.space in {None, row.space})


async def _bury_place(
    connection: AsyncConnection, tenant: TenantId, place: Cleared, times: Times
) -> None:
    """Do the same for everything in a place, within the database: it may be a hundred thousand rows."""
    inside = and_(documents.c.tenant == str(tenant), is_in(place))
    fresh = select(
        *(documents.c[name] for name in ("tenant", "document_id", "site", "content_id", "version")),
        literal(times[0], tombstones.c.deleted_at.type),
        documents.c.kind == _ATTACHMENT,  # its page is in the same place
        literal(times[1], tombstones.c.claimed_until.type),
    ).where(inside, is_there())
    # One that is there still is of a document that has come in again since: it never outlives this.
    stale = select(documents.c.document_id).where(inside, is_there())
    await connection.execute(
        delete(tombstones).where(
            tombstones.c.tenant == str(tenant), tombstones.c.document_id.in_(stale)
        )
    )
    await connection.execute(insert(tombstones).from_select(_GRAVE, fresh))
    await connection.execute(delete(documents).where(inside))


def _count(rows: Sequence[AnyRow]) -> Removed:
    searchable = [row for row in rows if row.state in SEARCHABLE]
    fresh = (row for row in rows if row.skip_reason != DELETED)
    return Removed(
        document_ids=tuple(DocumentId(row.document_id) for row in fresh),
        documents=len(searchable),
        vectors=sum(row.chunks for row in searchable),
    )


async def _forget_spaces(
    connection: AsyncConnection, tenant: TenantId, cleared: Sequence[Cleared], now: datetime
) -> None:
    for place in cleared:
        gone = and_(spaces.c.tenant == str(tenant), spaces.c.site == place.site)
        if place.space is not None:
            gone = and_(gone, spaces.c.space == place.space)
        await connection.execute(delete(spaces).where(gone))
    rows = [
        {
            "tenant": str(tenant),
            "site": place.site,
            "space": place.space or "",
            "cleared_at": now,
        }
        for place in cleared
    ]
    await upsert_rows(connection, cleared_spaces, rows)


async def _prune(connection: AsyncConnection, tenant: TenantId, rows: Iterable[AnyRow]) -> None:
    """Remove scope rules that nothing uses, nor what a running job has listed is about to use."""
    query = select(work_items.c.scope).where(work_items.c.tenant == str(tenant)).distinct()
    scopes = (await connection.execute(query)).scalars().all()
    keep = frozenset(Scope(scope) for scope in scopes if scope is not None)
    for site, space in {(row.site, row.space) for row in rows}:
        await prune_rules(connection, tenant, SpaceKey(space), SiteId(site), keep)


def _tombstone_from_row(row: AnyRow) -> Tombstone:
    return Tombstone(
        content_id=ContentId(row.content_id),
        version=row.version,
        deleted_at=row.deleted_at,
        is_removed=row.claimed_until is None,
        follows_page=row.follows_page,
    )
