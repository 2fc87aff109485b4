"""Who may read what: an AND of ORs, kept as a chain of scopes.

A *clause* is a set of principals of which a reader needs one. A *scope* is the short string every
stored chunk carries: its space, or its nearest restricted page. A scope has its own clauses and a
parent scope; a reader passes it when every clause of the whole chain admits one of his principals.
Sources: Confluence's view restrictions are inherited and cumulative; the encoding is ADR 0007.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NewType

from headwater.domain.content import Restriction
from headwater.domain.ids import ContentId, SiteId, SpaceId

Scope = NewType("Scope", str)
Principal = NewType("Principal", str)
"""``group:NAME-OR-ID``, ``account:ID`` or ``email:lower@case``; ``everyone`` is any token of the tenant."""

Clause = frozenset[Principal]

EVERYONE = Principal("everyone")
OPEN: Clause = frozenset({EVERYONE})
CLOSED: Clause = frozenset()
"""Admits nobody: what could not be read closes."""


def group(name_or_id: str) -> Principal:
    """Return the principal of a group, compared exactly."""
    return Principal(f"group:{name_or_id}")


def account(account_id: str) -> Principal:
    """Return the principal of a Confluence account id (on Data Center userKey or username)."""
    return Principal(f"account:{account_id}")


def email(address: str) -> Principal:
    """Return the principal of an e-mail address, compared without case."""
    return Principal(f"email:{address.casefold()}")


@dataclass(frozen=True, slots=True)
class Reader:
    """The caller's principals. Has no default anywhere: searching without a reader is a type error."""

    principals: frozenset[Principal]


def make_reader(
    *, groups: Iterable[str] = (), account_id: str | None = None, email_address: str | None = None
) -> Reader:
    """Return the reader with these identities; he is always also *everyone*."""
    principals = {EVERYONE, *(group(name) for name in groups)}
    if account_id:
        principals.add(account(account_id))
    if email_address:
        principals.add(email(email_address))
    return Reader(frozenset(principals))


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """One scope's own clauses and where its chain goes on (``None`` at the space)."""

    scope: Scope
    clauses: tuple[Clause, ...]
    parent: Scope | None = None


def space_scope(site: SiteId, space_id: SpaceId) -> Scope:
    """Return the scope of everything in a space that no restriction covers."""
    return Scope(f"s:{site}:{space_id}")


def restricted_scope(site: SiteId, content_id: ContentId) -> Scope:
    """Return the scope of a restricted page and of what it alone covers."""
    return Scope(f"r:{site}:{content_id}")


FROZEN: Final = "f:"
"""Begins the name of a frozen scope; the scope that it was follows."""


def frozen_scope(scope: Scope) -> Scope:
    """Return the scope of what stays as readable as it was when this scope admits more."""
    return scope if scope.startswith(FROZEN) else Scope(f"{FROZEN}{scope}")


def audience_clause(audience: Iterable[str]) -> Clause:
    """Return the clause of an upload's ``audience``; empty or naming ``all`` admits everyone."""
    names = frozenset(audience)
    return OPEN if not names or "all" in names else frozenset(group(name) for name in names)


def restriction_clause(restriction: Restriction) -> Clause:
    """Return the clause of one page's own restriction; unreadable admits nobody."""
    if not restriction.readable:
        return CLOSED
    if restriction.is_open:
        return OPEN
    return frozenset(
        {
            *(account(value) for value in restriction.account_ids),
            *(email(value) for value in restriction.emails),
            *(group(value) for value in restriction.groups),
        }
    )


def admits(clauses: Iterable[Clause], reader: Reader) -> bool:
    """Tell whether every clause shares a principal with the reader."""
    return all(not clause.isdisjoint(reader.principals) for clause in clauses)


def chain_clauses(rules: Mapping[Scope, ScopeRule], scope: Scope) -> tuple[Clause, ...]:
    """Return the clauses of a scope's whole chain; those of a broken or looping chain are closed."""
    clauses: dict[Clause, None] = {}
    seen: set[Scope] = set()
    current: Scope | None = scope
    while current is not None:
        if current in seen or current not in rules:
            return (CLOSED,)
        seen.add(current)
        clauses |= dict.fromkeys(rules[current].clauses)
        current = rules[current].parent
    return tuple(clauses)


def readable_scopes(rules: Mapping[Scope, ScopeRule], reader: Reader) -> frozenset[Scope]:
    """Return the scopes whose whole chain admits the reader; a broken or looping chain is closed."""
    verdicts: dict[Scope, bool] = {}
    for scope in rules:
        _judge(scope, rules, reader, verdicts)
    return frozenset(scope for scope, readable in verdicts.items() if readable)


def scope_chain(scope: Scope, rules: Mapping[Scope, ScopeRule]) -> tuple[ScopeRule, ...]:
    """Return the rules a reader must pass, nearest first; a broken or looping chain ends in a closed one."""
    chain: dict[Scope, ScopeRule] = {}
    current: Scope | None = scope
    while current is not None:
        if current not in rules or current in chain:
            return (*chain.values(), ScopeRule(current, (CLOSED,)))
        chain[current] = rules[current]
        current = rules[current].parent
    return tuple(chain.values())


def parse_principal(text: str) -> Principal:
    """Return the principal that somebody wrote: prefixed as stored, an e-mail address, or a group's name."""
    kind, _, name = text.partition(":")
    if kind == "email":
        return email(name)
    if kind == "user":
        return account(name)
    if text == EVERYONE or kind in {"group", "account"}:
        return Principal(text)
    return email(text) if "@" in text else group(text)


def _judge(
    scope: Scope, rules: Mapping[Scope, ScopeRule], reader: Reader, verdicts: dict[Scope, bool]
) -> None:
    chain: list[Scope] = []
    current: Scope | None = scope
    while current is not None and current not in verdicts:
        if current not in rules or current in chain:
            break
        chain.append(current)
        current = rules[current].parent
    readable = current is None or verdicts.get(current, False)
    for link in reversed(chain):
        readable = readable and admits(rules[link].clauses, reader)
        verdicts[link] = readable
