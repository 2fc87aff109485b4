"""Who may read what: each tenant's scopes and their clauses."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, delete, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.encoding import clauses_from_json, clauses_to_json
from headwater.adapters.catalog.schema import documents, scope_rules
from headwater.adapters.catalog.statements import split_batches, upsert_rows
from headwater.domain.access import Scope, ScopeRule
from headwater.domain.ids import SiteId, SpaceKey, TenantId


async def put_rules(
    connection: AsyncConnection,
    tenant: TenantId,
    space: SpaceKey,
    site: SiteId,
    rules: Sequence[ScopeRule],
) -> None:
    """Add or replace these rules; a scope that another space had becomes this space's."""
    rows = [
        {
            "tenant": str(tenant),
            "scope": rule.scope,
            "site": site,
            "space": space,
            "clauses": clauses_to_json(rule.clauses),
            "parent": rule.parent,
        }
        for rule in rules
    ]
    await upsert_rows(connection, scope_rules, rows)


async def read_rules(connection: AsyncConnection, tenant: TenantId) -> dict[Scope, ScopeRule]:
    """Return all of the tenant's rules."""
    query = select(scope_rules).where(scope_rules.c.tenant == str(tenant))
    rows = (await connection.execute(query)).all()
    return {
        row.scope: ScopeRule(row.scope, clauses_from_json(row.clauses), row.parent) for row in rows
    }


async def prune_rules(
    connection: AsyncConnection,
    tenant: TenantId,
    space: SpaceKey,
    site: SiteId,
    keep: frozenset[Scope],
) -> None:
    """Remove the space's rules that are neither kept, nor named by a document, nor above one that is.

    A rule above another is part of its chain: without it the chain is broken, hence closed. Named are
    a document's present scope and the one its records carry: a search finds records by theirs.
    """
    in_space = and_(
        scope_rules.c.tenant == str(tenant),
        scope_rules.c.site == site,
        scope_rules.c.space == space,
    )
    candidates = set(
        (await connection.execute(select(scope_rules.c.scope).where(in_space))).scalars()
    )
    parents = await _read_parents(connection, tenant)
    doubtful = candidates - _with_parents(keep, parents)
    if not doubtful:
        return
    needed = _with_parents(await _read_named(connection, tenant), parents)
    gone = sorted(doubtful - needed)
    for batch in split_batches(gone):
        await connection.execute(
            delete(scope_rules).where(in_space, scope_rules.c.scope.in_(batch))
        )


async def _read_named(connection: AsyncConnection, tenant: TenantId) -> set[Any]:
    of_tenant = documents.c.tenant == str(tenant)
    present = select(documents.c.access_scope).where(of_tenant)
    stored = select(documents.c.stored_scope).where(of_tenant)
    return set((await connection.execute(union(present, stored))).scalars())


async def _read_parents(connection: AsyncConnection, tenant: TenantId) -> Mapping[Any, Any]:
    query = select(scope_rules.c.scope, scope_rules.c.parent)
    rows = await connection.execute(query.where(scope_rules.c.tenant == str(tenant)))
    return {row.scope: row.parent for row in rows}


def _with_parents(scopes: Iterable[Any], parents: Mapping[Any, Any]) -> set[Any]:
    reached: set[Any] = set()
    for scope in scopes:
        current = scope
        while current is not None and current not in reached:
            reached.add(current)
            current = parents.get(current)
    return reached
