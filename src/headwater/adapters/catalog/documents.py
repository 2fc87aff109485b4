"""What is in the index, and who may read it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    false,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.claims import holds_items
from headwater.adapters.catalog.encoding import Json
from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.facts import choose_facts, read_listed
from headwater.adapters.catalog.holding import read_held
from headwater.adapters.catalog.jobs import change_job, lock_job
from headwater.adapters.catalog.lags import measure_lags, read_syncs
from headwater.adapters.catalog.moving import (
    follow_pages,
    freeze_unlisted,
    is_listed,
    move_listed,
)
from headwater.adapters.catalog.refusing import refuse_deleted
from headwater.adapters.catalog.remembering import SEARCHABLE, failure_row, remember_result
from headwater.adapters.catalog.rows import (
    entry_from_row,
    known_from_row,
    space_from_row,
    space_to_row,
)
from headwater.adapters.catalog.schema import documents, failures, spaces
from headwater.adapters.catalog.scopes import prune_rules, put_rules, read_rules
from headwater.adapters.catalog.statements import (
    sort_by_id,
    split_batches,
    take_turn,
    upsert_rows,
)
from headwater.adapters.catalog.work import settle_items
from headwater.adapters.metrics import observe_lag
from headwater.domain.access import Scope, ScopeRule
from headwater.domain.content import DocumentKind
from headwater.domain.errors import ClaimLostError
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey, TenantId
from headwater.domain.jobs import Job, JobChange, JobRef
from headwater.domain.sync import DocumentResult, DocumentState, KnownDocument, Outcome, Provenance
from headwater.ports import CatalogEntry, KnownSpace

KNOWN: Final = tuple(
    column
    for column in documents.c
    if column.name in {field.name for field in (*fields(KnownDocument), *fields(Provenance))}
)
"""The columns of what is remembered. Every sync reads them of every document: they are half of all."""


@dataclass(frozen=True, slots=True)
class SqlCatalog:
    """Implements :class:`headwater.ports.Catalog`. ``now`` gives the present time, with a zone."""

    database: Database
    now: Callable[[], datetime]

    async def find_space(
        self, tenant: TenantId, site: SiteId, space: SpaceKey
    ) -> KnownSpace | None:
        """Return what is known of the space; ``None`` before its first upload."""
        query = select(spaces).where(
            spaces.c.tenant == str(tenant), spaces.c.site == site, spaces.c.space == space
        )
        async with self.database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else space_from_row(row)

    async def put_space(self, tenant: TenantId, space: KnownSpace) -> None:
        """Add or replace the space."""
        async with self.database.write() as connection:
            await upsert_rows(connection, spaces, [space_to_row(tenant, space)])

    async def known(
        self, tenant: TenantId, site: SiteId, content_ids: Sequence[ContentId]
    ) -> Mapping[ContentId, KnownDocument]:
        """Return what is remembered of these documents, whichever space they were in."""
        of_site = and_(documents.c.tenant == str(tenant), documents.c.site == site)
        found: dict[ContentId, KnownDocument] = {}
        async with self.database.read() as connection:
            for batch in split_batches(content_ids):
                query = select(*KNOWN).where(of_site, documents.c.content_id.in_(batch))
                for row in await connection.execute(query):
                    found[row.content_id] = known_from_row(row)
        return found

    async def count_indexed(self, tenant: TenantId, site: SiteId, space: SpaceKey) -> int:
        """Count the space's searchable pages and posts, held ones included."""
        query = select(func.count()).select_from(documents)
        query = query.where(_in_space(tenant, site, space), documents.c.state.in_(SEARCHABLE))
        query = query.where(documents.c.kind != DocumentKind.ATTACHMENT.value)
        async with self.database.read() as connection:
            return (await connection.execute(query)).scalar_one()

    async def missing(self, ref: JobRef, site: SiteId, space: SpaceKey) -> Sequence[KnownDocument]:
        """Return the space's remembered documents, in any state, that the job did not list."""
        query = _select_missing(ref).where(_in_space(ref.tenant, site, space))
        async with self.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [known_from_row(row) for row in sort_by_id(rows)]

    async def record(
        self,
        ref: JobRef,
        results: Sequence[DocumentResult],
        change: JobChange,
        *,
        hand: str | None = None,
    ) -> Sequence[DocumentId]:
        """In one transaction: remember the documents, settle their work items, note the failures, count.

        Where any was deleted on request meanwhile, nothing is done, and those are returned.

        ``change.progress`` is the whole batch's. It counts once although a batch may be repeated
        after a crash: either the transaction was committed, then its items are settled and no
        longer pending; or it was not, then nothing of it was counted.
        """
        listed = [result.metadata.content_id for result in results]
        async with self.database.write() as connection:
            await take_turn(connection, ref.tenant)
            job = await lock_job(connection, ref)
            if hand is not None and not await holds_items(connection, ref, hand, listed):
                await _doubt(connection, ref.tenant, results)
                await connection.commit()
                raise ClaimLostError("another process has taken over what this one was at")
            refused = await refuse_deleted(connection, job, results, self.now())
            if refused:
                return refused
            await change_job(connection, ref, change)
            lags = await _remember_results(connection, ref, results, self.now())
            await settle_items(connection, ref, listed)
        observe_lag(lags)
        return []

    async def forget(
        self,
        ref: JobRef,
        space: SpaceKey,
        document_ids: Sequence[DocumentId],
        tally: Callable[[Sequence[KnownDocument]], JobChange],
    ) -> None:
        """In one transaction: remove those of the documents that are in the space, and count them."""
        async with self.database.write() as connection:
            await take_turn(connection, ref.tenant)
            gone: list[KnownDocument] = []
            for named in _name_documents(ref.tenant, document_ids):
                here = and_(named, documents.c.space == space)
                rows = await connection.execute(select(documents).where(here))
                gone += [known_from_row(row) for row in rows]
                await connection.execute(delete(documents).where(here))
            await change_job(connection, ref, tally(gone))

    async def hold(
        self, ref: JobRef, document_ids: Sequence[DocumentId], change: JobChange
    ) -> None:
        """In one transaction: mark the documents as held and count; only a searchable one can be held."""
        held = update(documents).values(state=DocumentState.HELD.value)
        async with self.database.write() as connection:
            await take_turn(connection, ref.tenant)
            await change_job(connection, ref, change)
            for named in _name_documents(ref.tenant, document_ids):
                await connection.execute(held.where(named, documents.c.state.in_(SEARCHABLE)))

    async def list_spaces(self, tenant: TenantId, space: SpaceKey) -> Sequence[KnownSpace]:
        """Return the spaces with this key, of whichever site."""
        query = select(spaces).where(spaces.c.tenant == str(tenant), spaces.c.space == space)
        async with self.database.read() as connection:
            return [space_from_row(row) for row in (await connection.execute(query)).all()]

    async def read_entries(
        self, tenant: TenantId, content_ids: Sequence[ContentId]
    ) -> Sequence[CatalogEntry]:
        """Return the documents with these ids, of whichever site."""
        named = documents.c.content_id.in_(content_ids)
        return await self._read_entries(and_(documents.c.tenant == str(tenant), named))

    async def read_titled(
        self, tenant: TenantId, space: SpaceKey, title: str
    ) -> Sequence[CatalogEntry]:
        """Return the pages and posts of this title in spaces with this key."""
        in_space = and_(documents.c.tenant == str(tenant), documents.c.space == space)
        is_page = documents.c.kind != DocumentKind.ATTACHMENT.value
        return await self._read_entries(and_(in_space, is_page, documents.c.title == title))

    async def read_files(
        self, tenant: TenantId, page_id: ContentId, names: Sequence[str]
    ) -> Sequence[CatalogEntry]:
        """Return the attachments of this page, of whichever site, that have one of these names."""
        on_page = and_(documents.c.tenant == str(tenant), documents.c.page_id == page_id)
        is_file = documents.c.kind == DocumentKind.ATTACHMENT.value
        return await self._read_entries(and_(on_page, is_file, documents.c.title.in_(names)))

    async def _read_entries(self, condition: ColumnElement[bool]) -> list[CatalogEntry]:
        query = select(documents).where(condition)
        async with self.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [entry_from_row(row) for row in sort_by_id(rows)]

    async def held(self, tenant: TenantId, space: SpaceKey) -> Sequence[KnownDocument]:
        """Return the held documents of a space, of whichever site, and all attachments of held pages."""
        async with self.database.read() as connection:
            return await read_held(connection, tenant, space)

    async def remove_held(
        self,
        ref: JobRef,
        document_ids: Sequence[DocumentId],
        tally: Callable[[Job, Sequence[KnownDocument]], JobChange],
    ) -> None:
        """In one transaction: remove those of the documents that are held still, and change the job."""
        async with self.database.write() as connection:
            await take_turn(connection, ref.tenant)
            job = await lock_job(connection, ref)
            wanted = set(document_ids)
            held = await read_held(connection, ref.tenant, job.request.space)
            gone = [item for item in held if item.document_id in wanted]
            for named in _name_documents(ref.tenant, [item.document_id for item in gone]):
                await connection.execute(delete(documents).where(named))
            await change_job(connection, ref, tally(job, gone))

    async def write_access(
        self,
        ref: JobRef,
        site: SiteId,
        rules: Sequence[ScopeRule],
        *,
        prune: bool,
    ) -> None:
        """In one transaction: replace the space's rules and move what was listed; open nothing else."""
        async with self.database.write() as connection:
            await take_turn(connection, ref.tenant)
            space = (await lock_job(connection, ref)).request.space
            frozen = await freeze_unlisted(connection, ref, site, rules)
            await put_rules(connection, ref.tenant, space, site, [*rules, *frozen])
            await move_listed(connection, ref, site)
            following = await follow_pages(connection, ref, site)
            await put_rules(connection, ref.tenant, space, site, following)
            if prune:
                keep = frozenset(rule.scope for rule in rules)
                await prune_rules(connection, ref.tenant, space, site, keep)

    async def put_scope_rules(
        self, tenant: TenantId, space: SpaceKey, site: SiteId, rules: Sequence[ScopeRule]
    ) -> None:
        """Add or replace these rules; the space's other rules stay."""
        async with self.database.write() as connection:
            await take_turn(connection, tenant)
            await put_rules(connection, tenant, space, site, rules)

    async def scope_rules(self, tenant: TenantId) -> Mapping[Scope, ScopeRule]:
        """Return all of the tenant's rules."""
        async with self.database.read() as connection:
            return await read_rules(connection, tenant)

    async def current_scopes(
        self, tenant: TenantId, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, Scope]:
        """Return the present scope of each document that is searchable; others are absent."""
        found: dict[DocumentId, Scope] = {}
        async with self.database.read() as connection:
            for named in _name_documents(tenant, document_ids):
                query = select(documents.c.document_id, documents.c.access_scope)
                query = query.where(named, documents.c.state.in_(SEARCHABLE))
                for row in await connection.execute(query):
                    found[row.document_id] = row.access_scope
        return found

    async def check(self) -> None:
        """Raise ``RetryableError`` unless the catalog can be read and written."""
        async with self.database.write() as connection:
            await connection.execute(delete(spaces).where(false()))


async def _remember_results(
    connection: AsyncConnection, ref: JobRef, results: Sequence[DocumentResult], now: datetime
) -> Sequence[float]:
    """Write the documents' rows and failures; return how long each edit among them took."""
    pasts = await _read_pasts(connection, ref.tenant, [r.metadata.document_id for r in results])
    listed = await read_listed(connection, ref, results)
    lags = measure_lags(results, pasts, await read_syncs(connection, ref.tenant, results), now)
    rows: list[Json] = []
    failed: list[Json] = []
    for result in results:
        document_id = result.metadata.document_id
        past = pasts.get(document_id)
        row = remember_result(ref.tenant, result, past, now)
        row |= choose_facts(result, listed, past)
        if document_id in lags:
            row["lag_seconds"] = lags[document_id]
        if row != past:  # most documents of most syncs are as they were
            rows.append(row)
        if result.outcome is Outcome.FAILED:
            failed.append(failure_row(ref, result, row["attempts"], now))
    await upsert_rows(connection, documents, rows)
    await upsert_rows(connection, failures, failed)
    return list(lags.values())


async def _doubt(
    connection: AsyncConnection, tenant: TenantId, results: Sequence[DocumentResult]
) -> None:
    """Name no recipe for what two have written at once: the next sync reads and writes it anew."""
    for named in _name_documents(tenant, [result.metadata.document_id for result in results]):
        await connection.execute(update(documents).where(named).values(recipe=""))


async def _read_pasts(
    connection: AsyncConnection, tenant: TenantId, document_ids: Sequence[DocumentId]
) -> dict[DocumentId, Mapping[str, Any]]:
    pasts: dict[DocumentId, Mapping[str, Any]] = {}
    for named in _name_documents(tenant, document_ids):
        rows = await connection.execute(select(documents).where(named))
        pasts.update((row["document_id"], dict(row)) for row in rows.mappings())
    return pasts


def _name_documents(
    tenant: TenantId, document_ids: Sequence[DocumentId]
) -> list[ColumnElement[bool]]:
    of_tenant = documents.c.tenant == str(tenant)
    return [
        and_(of_tenant, documents.c.document_id.in_(batch)) for batch in split_batches(document_ids)
    ]


def _in_space(tenant: TenantId, site: SiteId, space: SpaceKey) -> ColumnElement[bool]:
    return and_(
        documents.c.tenant == str(tenant), documents.c.site == site, documents.c.space == space
    )


def _select_missing(ref: JobRef) -> Select[Any]:
    return select(documents).where(~is_listed(ref, documents.c.content_id))
