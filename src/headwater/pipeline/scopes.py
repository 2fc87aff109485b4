"""Which scope each document falls under: its nearest restricted ancestor or itself, else its space.

Restrictions are inherited and cumulative (Confluence: a reader must satisfy every one), so a
restricted page's scope goes on with its own parent's. Anything unknown on the way up closes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headwater.domain.access import (
    CLOSED,
    EVERYONE,
    Clause,
    Scope,
    ScopeRule,
    chain_clauses,
    frozen_scope,
    restricted_scope,
    restriction_clause,
)
from headwater.domain.content import Restriction
from headwater.domain.ids import ContentId, SiteId


@dataclass(frozen=True, slots=True)
class ScopePlan:
    """Every document's scope, and a rule for each scope but the space's."""

    scopes: Mapping[ContentId, Scope]
    rules: tuple[ScopeRule, ...]

    @property
    def closed(self) -> int:
        """How many scopes admit nobody because something could not be read."""
        return sum(CLOSED in rule.clauses for rule in self.rules)


@dataclass(frozen=True, slots=True)
class _Tree:
    site: SiteId
    root: Scope
    parents: Mapping[ContentId, ContentId | None]
    restrictions: Mapping[ContentId, Restriction]


def plan_scopes(
    site: SiteId,
    root: Scope,
    parents: Mapping[ContentId, ContentId | None],
    restrictions: Mapping[ContentId, Restriction],
) -> ScopePlan:
    """Return the scope of every key of ``parents`` (pages, posts and folders alike).

    ``root`` is the space's scope; ``restrictions`` holds the restricted and unreadable ones. A parent
    that is no key, or a chain that loops, is closed.
    """
    tree = _Tree(site, root, parents, restrictions)
    scopes: dict[ContentId, Scope] = {}
    rules: dict[Scope, ScopeRule] = {}
    for content_id in parents:
        _climb(tree, content_id, scopes, rules)
    for unlisted in [key for key in scopes if key not in parents]:
        del scopes[unlisted]
    return ScopePlan(scopes, tuple(rules.values()))


def _climb(
    tree: _Tree,
    start: ContentId,
    scopes: dict[ContentId, Scope],
    rules: dict[Scope, ScopeRule],
) -> None:
    path: dict[ContentId, None] = {}
    current: ContentId | None = start
    while current is not None and current not in scopes:
        if current in path or current not in tree.parents:
            scopes[current] = _close(tree, current, rules)
            break
        path[current] = None
        current = tree.parents[current]
    above = tree.root if current is None else scopes[current]
    for content_id in reversed(path):
        if content_id not in scopes:
            scopes[content_id] = _enter(tree, content_id, above, rules)
        above = scopes[content_id]


def _enter(
    tree: _Tree, content_id: ContentId, above: Scope, rules: dict[Scope, ScopeRule]
) -> Scope:
    restriction = tree.restrictions.get(content_id)
    if restriction is None or restriction.is_open:
        return above
    scope = restricted_scope(tree.site, content_id)
    rules[scope] = ScopeRule(scope, (restriction_clause(restriction),), parent=above)
    return scope


def _close(tree: _Tree, content_id: ContentId, rules: dict[Scope, ScopeRule]) -> Scope:
    scope = restricted_scope(tree.site, content_id)
    rules[scope] = ScopeRule(scope, (CLOSED,), parent=tree.root)
    return scope


def freeze_rules(
    before: Mapping[Scope, ScopeRule], changed: Sequence[ScopeRule]
) -> dict[Scope, ScopeRule]:
    """Return, for every scope that would admit more than before, a rule that does not.

    It is for documents under such a scope that a sync did not see: where they stand now is unknown,
    and what they stood under may admit others since. The frozen rule goes on with the scope that it
    froze, so what is tightened there later acts on it too. Frozen twice, they keep to both.
    """
    if all(before.get(rule.scope) == rule for rule in changed):
        return {}
    after = {**before, **{rule.scope: rule for rule in changed}}
    frozen: dict[Scope, ScopeRule] = {}
    for scope in before:
        clauses = chain_clauses(before, scope)
        if _admits_more(clauses, chain_clauses(after, scope)):
            frozen[scope] = _freeze(before, scope, clauses)
    return frozen


def follow_page(
    rules: Mapping[Scope, ScopeRule], present: Scope, page: Scope
) -> tuple[Scope, ScopeRule | None]:
    """Return the scope of an attachment that a sync did not see though it saw its page, and a rule for it.

    What tightens the page tightens its attachments. What opens the page opens them only once they are
    seen: they may be gone, and were never shown to whom the page is shown now.
    """
    clauses = chain_clauses(rules, present)
    if not _admits_more(clauses, chain_clauses(rules, page)):
        return page, None
    name = frozen_scope(page)
    earlier = rules[name].clauses if name in rules else ()
    return name, ScopeRule(name, tuple(dict.fromkeys((*earlier, *clauses))), page)


def _freeze(
    before: Mapping[Scope, ScopeRule], scope: Scope, clauses: Sequence[Clause]
) -> ScopeRule:
    name = frozen_scope(scope)
    earlier = before[name].clauses if name in before else ()
    parent = before[name].parent if scope == name else scope
    return ScopeRule(name, tuple(dict.fromkeys((*earlier, *clauses))), parent)


def _admits_more(before: Iterable[Clause], after: Iterable[Clause]) -> bool:
    """Whether some clause is neither kept nor replaced by one that admits fewer."""
    kept = tuple(after)
    return any(EVERYONE not in old and not any(clause <= old for clause in kept) for old in before)
