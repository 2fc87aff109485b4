"""Reading who may see a space's documents, and writing it where search looks.

Tightening acts when the job starts; widening only for what the job has listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

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
from headwater.domain.ids import ContentId, SiteId
from headwater.domain.jobs import Job
from headwater.pipeline.scopes import plan_scopes
from headwater.ports import Ports, SpaceReaders
from headwater.services.sync.ancestry import Ancestry
from headwater.services.sync.run import SyncRun


async def tighten_access(ports: Ports, job: Job, site: SiteId) -> None:
    """Let the job's audience narrow what the space's rule admits already, before anything is read.

    What was accepted last holds for every later retry, however this job ends.
    """
    catalog, tenant, request = ports.catalog, job.ref.tenant, job.request
    space = await catalog.find_space(tenant, site, request.space)
    if space is None:
        return
    await catalog.put_space(tenant, replace(space, restriction=request.restriction))
    root = space_scope(site, space.space_id)
    rules = await catalog.scope_rules(tenant)
    if root in rules:
        audience = audience_clause(request.restriction.audience)
        clauses = dict.fromkeys((*rules[root].clauses, audience))
        await catalog.put_scope_rules(tenant, space.space, site, [ScopeRule(root, tuple(clauses))])


async def write_access(
    run: SyncRun, space: Space, ancestry: Ancestry, *, is_retry: bool = False
) -> list[str]:
    """Work out every document's scope and write rules and scopes; return what is worth saying.

    A retry rewrites few records: the others may name scopes that nothing stands under any more, whose
    rules therefore stay.
    """
    root = space_scope(run.site, space.id)
    if not run.job.request.restriction.source_restriction:
        rule = ScopeRule(root, (_audience(run),))
        await _write(run, dict.fromkeys(ancestry.parents, root), [rule], is_retry=is_retry)
        return []
    readers = await run.source.read_space_readers(space)
    restrictions = await _read_restrictions(run, ancestry)
    plan = plan_scopes(run.site, root, ancestry.parents, restrictions)
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


async def _read_restrictions(run: SyncRun, ancestry: Ancestry) -> Mapping[ContentId, Restriction]:
    listed = await run.ports.work.restricted(run.ref)
    above = {
        key: ancestor.restriction if ancestor else UNREADABLE
        for key, ancestor in ancestry.above.items()
    }
    return {**listed, **above}


async def _write(
    run: SyncRun,
    scopes: Mapping[ContentId, Scope],
    rules: Sequence[ScopeRule],
    *,
    is_retry: bool,
) -> None:
    await run.ports.work.assign_scopes(run.ref, scopes)
    await run.ports.catalog.write_access(run.ref, run.site, rules, prune=not is_retry)


def _describe(readers: SpaceReaders, closed: int) -> list[str]:
    notes = []
    if not readers.restriction.readable:
        notes.append("the space's permissions could not be read: its documents are closed to all")
    if readers.unnamed:
        notes.append(
            f"the names of {readers.unnamed} group(s) that may view the space could not be read:"
            " only tokens that carry their ids pass (a scoped token needs read:confluence-groups)"
        )
    if readers.unmapped:
        classes = ", ".join(sorted(readers.unmapped))
        notes.append(f"space permissions of these access classes admit nobody: {classes}")
    if closed:
        notes.append(f"{closed} restriction(s) could not be read: what they cover is closed to all")
    return notes
