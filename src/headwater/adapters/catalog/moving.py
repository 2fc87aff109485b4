"""Documents coming under other scopes, and what a listing left out being kept from opening."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.schema import documents, work_items
from headwater.adapters.catalog.scopes import read_rules
from headwater.adapters.catalog.statements import of_job, split_batches
from headwater.domain.access import FROZEN, Scope, ScopeRule
from headwater.domain.content import DocumentKind
from headwater.domain.ids import SiteId, TenantId
from headwater.domain.jobs import JobRef
from headwater.pipeline.scopes import follow_page, freeze_rules


async def move_listed(connection: AsyncConnection, ref: JobRef, site: SiteId) -> None:
    """Give the job's listed documents the scopes of its list; nothing is written where none has changed."""
    await connection.execute(
        update(documents)
        .where(
            _of_site(ref.tenant, site),
            of_job(work_items, ref),
            documents.c.content_id == work_items.c.content_id,
            documents.c.access_scope != work_items.c.scope,
        )
        .values(access_scope=work_items.c.scope)
    )


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
    page = work_items.alias("page")
    astray = and_(
        of_job(page, ref),
        _of_site(ref.tenant, site),
        documents.c.page_id == page.c.content_id,
        documents.c.kind == DocumentKind.ATTACHMENT.value,
        documents.c.access_scope != page.c.scope,
        ~is_listed(ref, documents.c.content_id),
    )
    query = select(documents.c.access_scope, page.c.scope).where(astray)
    pairs = (await connection.execute(query.distinct())).all()
    rules = await read_rules(connection, ref.tenant) if pairs else {}
    own: dict[Scope, ScopeRule] = {}
    for present, scope_above in pairs:
        scope, rule = follow_page({**rules, **own}, present, scope_above)
        own |= {rule.scope: rule} if rule else {}
        of_pair = and_(astray, documents.c.access_scope == present, page.c.scope == scope_above)
        await connection.execute(update(documents).where(of_pair).values(access_scope=scope))
    return list(own.values())


def _of_site(tenant: TenantId, site: SiteId) -> ColumnElement[bool]:
    return and_(documents.c.tenant == str(tenant), documents.c.site == site)


def is_listed(ref: JobRef, content_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that a document is in the job's work list.

    As a value, not as ``EXISTS``: Postgres would join the two tables for that, and as long as it has no
    statistics on a list that was written this minute, it compares each document with each item.
    """
    item = select(literal(1)).where(
        of_job(work_items, ref),
        work_items.c.id_length == func.length(content_id),
        work_items.c.content_id == content_id,
    )
    return item.scalar_subquery().is_not(None)
