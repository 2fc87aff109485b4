"""Reading who may see a space's documents, and writing it where search looks.

Tightening acts when the job starts; widening only for what the job has listed.
"""

from collections.abc import Mapping, Sequence

from headwater.domain.access import (
    CLOSED,
    OPEN,
    Clause,
    Scope,
    ScopeRule,
    audience_clause,
    restriction_clause,
    space_scope,
)
from headwater.domain.content import UNREADABLE, Restriction, Space
from headwater.domain.ids import ContentId
from headwater.pipeline.scopes import plan_scopes
from headwater.ports import SpaceReaders
from headwater.services.sync.run import SyncRun


async def tighten_access(run: SyncRun, space: Space) -> None:
    """Let the new audience narrow what the space's rule admits already, before anything is read."""
    root = space_scope(run.site, space.id)
    rules = await run.ports.catalog.scope_rules(run.ref.tenant)
    if root not in rules:
        return
    clauses = dict.fromkeys((*rules[root].clauses, _audience(run)))
    await run.ports.catalog.put_scope_rules(
        run.ref.tenant, space.key, run.site, [ScopeRule(root, tuple(clauses))]
    )


async def write_access(run: SyncRun, space: Space, *, is_retry: bool = False) -> list[str]:
    """Work out every document's scope and write rules and scopes; return what is worth saying.

    A retry rewrites few records: the others may name scopes that nothing stands under any more, whose
    rules therefore stay.
    """
    root = space_scope(run.site, space.id)
    if not run.job.request.restriction.source_restriction:
        parents = await run.ports.work.parents(run.ref)
        rule = ScopeRule(root, (_audience(run),))
        await _write(run, dict.fromkeys(parents, root), [rule], is_retry=is_retry)
        return []
    readers = await run.source.read_space_readers(space)
    parents, restrictions = await _read_tree(run)
    plan = plan_scopes(run.site, root, parents, restrictions)
    rule = ScopeRule(root, (_audience(run), readers_clause(readers)))
    await _write(run, plan.scopes, [rule, *plan.rules], is_retry=is_retry)
    return _describe(readers, plan.closed)


def readers_clause(readers: SpaceReaders) -> Clause:
    """Return the clause of a space's view permission; no readable permission admits nobody."""
    if not readers.restriction.readable:
        return CLOSED
    if readers.everyone:
        return OPEN
    return CLOSED if readers.restriction.is_open else restriction_clause(readers.restriction)


def _audience(run: SyncRun) -> Clause:
    return audience_clause(run.job.request.restriction.audience)


async def _read_tree(
    run: SyncRun,
) -> tuple[dict[ContentId, ContentId | None], dict[ContentId, Restriction]]:
    parents = dict(await run.ports.work.parents(run.ref))
    restrictions = dict(await run.ports.work.restricted(run.ref))
    unseen = {parent for parent in parents.values() if parent and parent not in parents}
    while unseen:
        content_id = unseen.pop()
        ancestor = await run.source.read_ancestor(content_id)
        parents[content_id] = ancestor.parent_id if ancestor else None
        restrictions[content_id] = ancestor.restriction if ancestor else UNREADABLE
        if ancestor and ancestor.parent_id and ancestor.parent_id not in parents:
            unseen.add(ancestor.parent_id)
    return parents, restrictions


async def _write(
    run: SyncRun,
    scopes: Mapping[ContentId, Scope],
    rules: Sequence[ScopeRule],
    *,
    is_retry: bool,
) -> None:
    await run.ports.work.assign_scopes(run.ref, scopes)
    await run.ports.catalog.write_access(run.ref, run.site, rules, scopes, prune=not is_retry)


def _describe(readers: SpaceReaders, closed: int) -> list[str]:
    notes = []
    if not readers.restriction.readable:
        notes.append("the space's permissions could not be read: its documents are closed to all")
    if readers.unmapped:
        classes = ", ".join(sorted(readers.unmapped))
        notes.append(f"space permissions of these access classes admit nobody: {classes}")
    if closed:
        notes.append(f"{closed} restriction(s) could not be read: what they cover is closed to all")
    return notes
