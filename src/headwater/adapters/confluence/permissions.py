"""Who may view a space: by permissions, or by roles where the tenant has moved to them.

``SpaceReaders`` reads an empty restriction as open, so whenever no reader is found the answer is
unreadable instead.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from headwater.adapters.confluence.answers import NOT_TOLD
from headwater.adapters.confluence.client import V1, V2, JsonClient
from headwater.adapters.confluence.paging import Item, read_all
from headwater.adapters.confluence.spaces import check_caller
from headwater.domain.content import UNREADABLE, Restriction, Space
from headwater.ports import SpaceReaders


@dataclass(frozen=True, slots=True, order=True)
class Principal:
    """Somebody whom a permission names; kinds other than users and groups are classes of people."""

    kind: str
    id: str


ANONYMOUS: Final = Principal("access_class", "anonymous-users")
UNKNOWN: Final = Principal("unknown", "unknown")
"""Stands for what is not understood: denied, and counted."""


async def read_space_readers(client: JsonClient, space: Space) -> SpaceReaders:
    """Read who may view the space; what Confluence keeps from us closes."""
    try:
        principals = await _read_principals(client, space)
    except NOT_TOLD:
        await check_caller(client)
        return SpaceReaders(UNREADABLE)
    groups = {item.id for item in principals if item.kind == "group"}
    names = await _read_group_names(client, groups)
    return replace(make_readers(principals, names), unnamed=len(groups - names.keys()))


def make_readers(principals: Iterable[Principal], group_names: Mapping[str, str]) -> SpaceReaders:
    """Return the readers; access classes other than the anonymous one admit nobody and are counted."""
    by_kind: dict[str, set[str]] = {}
    for principal in principals:
        by_kind.setdefault(principal.kind, set()).add(principal.id)
    users = frozenset(by_kind.pop("user", ()))
    groups = frozenset(by_kind.pop("group", ()))
    classes = Counter(name for names in by_kind.values() for name in names)
    everyone = classes.pop(ANONYMOUS.id, 0) > 0
    names = frozenset(group_names[group] for group in groups if group in group_names)
    restriction = Restriction(account_ids=users, groups=groups | names)
    return SpaceReaders(
        restriction=UNREADABLE if restriction.is_open and not everyone else restriction,
        everyone=everyone,
        unmapped=dict(classes) or None,
    )


async def _read_principals(client: JsonClient, space: Space) -> list[Principal]:
    if await _uses_roles(client):
        path = f"{V2}/spaces/{space.id}/role-assignments"
        assignments = await read_all(client, path, {"limit": "250"})
        # every role includes viewing the space, so whoever has one is a reader
        return [_parse_assignment(item) for item in assignments]
    permissions = await read_all(client, f"{V2}/spaces/{space.id}/permissions", {"limit": "250"})
    return [_parse_permission(item) for item in permissions if _is_view(item)]


async def _uses_roles(client: JsonClient) -> bool:
    try:
        mode = await client.get(f"{V2}/space-role-mode")
    except NOT_TOLD:
        return False  # tenants without roles have no such endpoint
    return _field(mode, "mode") == "ROLES"


def _is_view(item: Item) -> bool:
    operation = item.get("operation")
    return _field(operation, "key") == "read" and _field(operation, "targetType") == "space"


def _parse_permission(item: Item) -> Principal:
    principal = item.get("principal")
    return _make_principal(_field(principal, "type"), _field(principal, "id"))


def _parse_assignment(item: Item) -> Principal:
    principal = item.get("principal")
    return _make_principal(_field(principal, "principalType"), _field(principal, "principalId"))


def _make_principal(kind: str, identifier: str) -> Principal:
    if not kind or not identifier:
        return UNKNOWN
    return Principal(kind.lower(), identifier)


async def _read_group_names(client: JsonClient, group_ids: set[str]) -> dict[str, str]:
    """Return the names that Confluence tells; tokens may carry a group's name or its id."""
    names: dict[str, str] = {}
    for group_id in sorted(group_ids):
        try:
            answer = await client.get(f"{V1}/group/by-id", {"id": group_id})
        except NOT_TOLD:
            continue  # the id alone still admits tokens that carry ids
        name = _field(answer, "name")
        if name:
            names[group_id] = name
    return names


def _field(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
