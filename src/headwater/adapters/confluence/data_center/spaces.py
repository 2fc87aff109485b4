"""The spaces that the caller sees, and who may view one."""

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from urllib.parse import quote

from headwater.adapters.confluence.answers import (
    NOT_TOLD,
    AbsentError,
    LoginFailedError,
    RejectedRequestError,
)
from headwater.adapters.confluence.client import Ask
from headwater.adapters.confluence.concurrency import map_unordered
from headwater.adapters.confluence.data_center.listing import Query, read_rows
from headwater.adapters.confluence.data_center.payloads import Person
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.payloads import SpacePayload, make_space, parse
from headwater.adapters.confluence.permissions import ANONYMOUS, UNKNOWN, Principal, make_readers
from headwater.adapters.confluence.spaces import refusal_of_listing
from headwater.domain.content import UNREADABLE, Space
from headwater.domain.errors import SpaceNotFoundError
from headwater.domain.ids import SpaceKey
from headwater.ports import SpaceReaders

_STATUSES = ("current", "archived")
_DOTS = frozenset({".", ".."})
"""Keys that no space has, and that would lead a path elsewhere."""
_BRIEF = Ask(attempts=2)
"""Without the right to read permissions the answer is 500, not 403 (CONFSERVER-99908)."""


async def list_spaces(rest: Rest) -> Sequence[Space]:
    """Return every visible space once, current ones first."""
    found: dict[str, Space] = {}
    for status in _STATUSES:
        query = Query("/space", {"status": status})
        try:
            spaces = [
                make_space(parse(SpacePayload, row))
                async for rows in read_rows(rest, query)
                for row in rows
            ]
        except AbsentError as error:
            raise refusal_of_listing(error, "spaces") from error
        for space in spaces:
            found.setdefault(space.id, space)
    return tuple(found.values())


async def find_space(rest: Rest, key: SpaceKey) -> Space:
    """Return the space with this key; ``SpaceNotFoundError`` if absent or invisible."""
    if key in _DOTS:
        raise _missing(key)
    try:
        space = make_space(parse(SpacePayload, await rest.get(f"/space/{quote(key, safe='~')}")))
    except (AbsentError, RejectedRequestError) as error:
        await rest.check_caller()
        raise _missing(key) from error
    if space.key != key:
        raise _missing(key)
    return space


def _missing(key: SpaceKey) -> SpaceNotFoundError:
    return SpaceNotFoundError(
        f"The space {key} does not exist, or the account behind the token may not view it"
    )


async def read_space_readers(rest: Rest, space: Space) -> SpaceReaders:
    """Read who may view the space; what Confluence keeps from us closes.

    Needs Confluence 9.1 and the administration of the space.
    """
    path = f"/space/{quote(space.key, safe='~')}/permissions"
    try:
        principals = _read_principals(await rest.get(path, ask=_BRIEF))
    except LoginFailedError:
        raise
    except NOT_TOLD:
        await rest.check_caller()
        return SpaceReaders(UNREADABLE)
    if principals is None:
        return SpaceReaders(UNREADABLE)
    principals |= await _read_anonymous(rest, path)
    return make_readers(principals | await _name_users(rest, principals), {})


async def _read_anonymous(rest: Rest, path: str) -> set[Principal]:
    try:
        return _read_principals(await rest.get(f"{path}/anonymous", ask=_BRIEF)) or set()
    except LoginFailedError:
        raise
    except NOT_TOLD:
        return set()  # not told that the anonymous may: they may not


async def _name_users(rest: Rest, principals: Iterable[Principal]) -> set[Principal]:
    """Return the users once more by name: permissions hold keys only (CONFSERVER-100505)."""

    async def name(principal: Principal) -> str | None:
        return await _read_username(rest, principal.id)

    users = sorted(principal for principal in principals if principal.kind == "user")
    limit = rest.client.limits.in_flight
    async with aclosing(map_unordered(name, users, limit=limit)) as names:
        return {Principal("user", username) async for username in names if username}


async def _read_username(rest: Rest, user_key: str) -> str | None:
    try:
        return parse(Person, await rest.get("/user", {"key": user_key})).username
    except LoginFailedError:
        raise
    except NOT_TOLD:
        return None  # the key alone still admits tokens that carry keys


def _read_principals(value: object) -> set[Principal] | None:
    """Return who may view; ``None`` if this is no list of permissions."""
    entries = value.get("results") if isinstance(value, dict) else value
    if not isinstance(entries, list):
        return None
    return {_read_subject(entry.get("subject")) for entry in entries if _is_view(entry)}


def _is_view(entry: object) -> bool:
    operation = entry.get("operation") if isinstance(entry, dict) else None
    return (
        isinstance(operation, dict)
        and operation.get("operationKey") == "read"
        and operation.get("targetType") == "space"
    )


def _read_subject(subject: object) -> Principal:
    fields = subject if isinstance(subject, dict) else {}
    kind = str(fields.get("type", "")).lower()
    if kind == "anonymous":
        return ANONYMOUS
    identifier = fields.get("userKey" if kind == "user" else "name")
    if kind in {"user", "group"} and isinstance(identifier, str) and identifier:
        return Principal(kind, identifier)
    return UNKNOWN
