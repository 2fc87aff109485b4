"""Documents coming under other scopes, and what a listing left out being kept from opening."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.schema import documents, work_items
from headwater.adapters.catalog.scopes import read_rules
from headwater.adapters.catalog.statements import of_job, split_batches
from headwater.domain.access import FROZEN, Scope, ScopeRule
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, SiteId, TenantId
from headwater.domain.jobs import JobRef
from headwater.pipeline.scopes import follow_page, freeze_rules


async def move_listed(
    connection: AsyncConnection, tenant: TenantId, site: SiteId, scopes: Mapping[ContentId, Scope]
) -> None:
    """Set the present scope of these documents; nothing is written where none has changed."""
    of_site = _of_site(tenant, site)
    moved = await _choose_moved(connection, of_site, scopes)
    for scope, content_ids in _group_by_scope(moved).items():
        for batch in split_batches(content_ids):
            named = documents.c.content_id.in_(batch)
            await connection.execute(
                update(documents).where(of_site, named).values(access_scope=scope)
            )


async def _choose_moved(
    connection: AsyncConnection, of_site: ColumnElement[bool], scopes: Mapping[ContentId, Scope]
) -> dict[ContentId, Scope]:
    moved: dict[ContentId, Scope] = {}
    query = select(documents.c.content_id, documents.c.access_scope).where(of_site)
    for batch in split_batches(list(scopes)):
        for row in await connection.execute(query.where(documents.c.content_id.in_(batch))):
            if row.access_scope != scopes[row.content_id]:
                moved[row.content_id] = scopes[row.content_id]
    return moved


async def freeze_unlisted(
    connection: AsyncConnection, ref: JobRef, site: SiteId, rules: Sequence[ScopeRule]
) -> list[ScopeRule]:
    """Keep what the job did not list from these rules where they admit more; return its own rules."""
    frozen = freeze_rules(await read_rules(connection, ref.tenant), rules)
    unlisted = and_(_of_site(ref.tenant, site), ~is_listed(ref, documents.c.content_id))
    own: dict[Scope, ScopeRule] = {}
    for batch in split_batches(sorted(frozen)):
        under_these = and_(unlisted, documents.c.access_scope.in_(batch))
        query = select(documents.c.access_scope).where(under_these).distinct()
        named = (await connection.execute(query)).scalars()
        own |= {frozen[scope].scope: frozen[scope] for scope in named}
        await connection.execute(
            update(documents)
            .where(under_these, ~documents.c.access_scope.startswith(FROZEN, autoescape=True))
            .values(access_scope=literal(FROZEN) + documents.c.access_scope)
        )
    return list(own.values())


async def follow_pages(connection: AsyncConnection, ref: JobRef, site: SiteId) -> list[ScopeRule]:
    """Let attachments that the job did not list follow their page, if that was listed; return rules."""
    page_scope = _select_item(ref, documents.c.page_id).scalar_subquery()
    astray = and_(
        _of_site(ref.tenant, site),
        documents.c.kind == DocumentKind.ATTACHMENT.value,
        ~is_listed(ref, documents.c.content_id),
        page_scope.is_not(None),
        documents.c.access_scope != page_scope,
    )
    query = select(documents.c.access_scope, page_scope.label("page_scope")).where(astray)
    pairs = (await connection.execute(query.distinct())).all()
    rules = await read_rules(connection, ref.tenant) if pairs else {}
    own: dict[Scope, ScopeRule] = {}
    for present, page in pairs:
        scope, rule = follow_page({**rules, **own}, present, page)
        own |= {rule.scope: rule} if rule else {}
        of_pair = and_(astray, documents.c.access_scope == present, page_scope == page)
        await connection.execute(update(documents).where(of_pair).values(access_scope=scope))
    return list(own.values())


def _of_site(tenant: TenantId, site: SiteId) -> ColumnElement[bool]:
    return and_(documents.c.tenant == str(tenant), documents.c.site == site)


def is_listed(ref: JobRef, content_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that a document is in the job's work list.

    As a value, not as ``EXISTS``: Postgres would join the two tables for that, and as long as it has no
    statistics on a list that was written this minute, it compares each document with each item.
    """
    item = _select_item(ref, content_id).with_only_columns(literal(1))
    return item.scalar_subquery().is_not(None)


def _select_item(ref: JobRef, content_id: ColumnElement[str]) -> Select[Any]:
    return select(work_items.c.scope).where(
        of_job(work_items, ref),
        work_items.c.id_length == func.length(content_id),
        work_items.c.content_id == content_id,
    )


def _group_by_scope(scopes: Mapping[ContentId, Scope]) -> dict[Scope, list[ContentId]]:
    groups: dict[Scope, list[ContentId]] = {}
    for content_id, scope in scopes.items():
        groups.setdefault(scope, []).append(content_id)
    return groups
