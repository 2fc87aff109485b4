"""Own read restrictions as Confluence's v1 interface tells them. What is not understood closes.

A restriction is a set of users and groups of which a reader needs to be one. An empty set means that
nothing is restricted, so a list that is cut off, or an entry that is not understood, must never
shrink towards it: then the whole restriction counts as unreadable.
"""

from dataclasses import dataclass
from urllib.parse import quote

from headwater.adapters.confluence.client import V1, JsonClient
from headwater.domain.content import UNREADABLE, Restriction
from headwater.domain.ids import ContentId

_LIMIT = 100
_MOST_PAGES = 200


@dataclass(frozen=True, slots=True)
class RestrictionPart:
    """One page of a restriction's two lists, and whether there is more behind it."""

    restriction: Restriction
    is_cut_off: bool
    length: int
    """How many users or groups the page has, whichever are more: where the next page starts."""


def parse_restriction(value: object, *, requested: int | None = None) -> RestrictionPart:
    """Return the users and groups of one ``read`` operation.

    ``requested`` is the page size asked for, where the lists do not name theirs.
    """
    lists = _dig(value, "restrictions")
    users, groups = _dig(lists, "user"), _dig(lists, "group")
    if not _is_list(users) or not _is_list(groups):
        return RestrictionPart(UNREADABLE, is_cut_off=False, length=0)
    names = [_read_user(item) for item in _items(users)]
    teams = [_read_group(item) for item in _items(groups)]
    if None in names or None in teams:
        return RestrictionPart(UNREADABLE, is_cut_off=False, length=0)
    readers = [*filter(None, names), *filter(None, teams)]
    restriction = merge(readers) if readers else Restriction()
    cut_off = _is_cut_off(users, requested) or _is_cut_off(groups, requested)
    return RestrictionPart(restriction, cut_off, max(len(names), len(teams)))


async def read_restriction(
    client: JsonClient, content_id: ContentId, rest: str = V1
) -> Restriction:
    """Read one content's own read restriction, all pages of it; any content type.

    ``rest`` is the path below which v1 answers.

    Raises what the client raises; ``UNREADABLE`` where an answer is not understood.
    """
    path = f"{rest}/content/{quote(content_id, safe='')}/restriction/byOperation/read"
    whole, start = Restriction(), 0
    for _ in range(_MOST_PAGES):
        params = {
            "expand": "restrictions.user,restrictions.group",
            "limit": str(_LIMIT),
            "start": str(start),
        }
        part = parse_restriction(await client.get(path, params), requested=_LIMIT)
        merged = merge([whole, part.restriction])
        if not part.is_cut_off or not merged.readable:
            return merged
        if merged == whole:
            return UNREADABLE  # the same page again: the rest of the list stays unknown
        whole, start = merged, start + part.length
    return UNREADABLE


def merge(parts: list[Restriction]) -> Restriction:
    """Return all readers of all parts; unreadable if one part is."""
    if not all(part.readable for part in parts):
        return UNREADABLE
    return Restriction(
        account_ids=frozenset().union(*(part.account_ids for part in parts)),
        emails=frozenset().union(*(part.emails for part in parts)),
        groups=frozenset().union(*(part.groups for part in parts)),
    )


def is_cut_off(value: object, *, requested: int | None = None) -> bool:
    """Tell whether an expanded list may go on: it is full, or says that it is longer."""
    return not _is_list(value) or _is_cut_off(value, requested)


def _is_cut_off(value: object, requested: int | None) -> bool:
    if not isinstance(value, dict):
        return False
    length = len(_items(value))
    limit = _number(value.get("limit")) or requested
    size = max(_number(value.get("size")) or 0, _number(value.get("totalSize")) or 0)
    has_next = bool(_dig(value.get("_links"), "next"))
    return has_next or size > length or (limit is not None and 0 < limit <= length)


def _read_user(item: object) -> Restriction | None:
    account_id = _text(_dig(item, "accountId"))
    names = {account_id} if account_id else _read_names(item)
    if not names:
        return None
    address = _text(_dig(item, "email"))
    emails = frozenset({address}) if address else frozenset[str]()
    return Restriction(account_ids=frozenset(names), emails=emails)


def _read_names(item: object) -> set[str]:
    """Return Data Center's two ids of a user: tokens may carry either."""
    names = (_text(_dig(item, name)) for name in ("userKey", "username"))
    return {name for name in names if name}


def _read_group(item: object) -> Restriction | None:
    names = {_text(_dig(item, "id")), _text(_dig(item, "name"))} - {None}
    return Restriction(groups=frozenset(name for name in names if name)) if names else None


def _dig(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _is_list(value: object) -> bool:
    return isinstance(_dig(value, "results"), list)


def _items(value: object) -> list[object]:
    results = _dig(value, "results")
    return results if isinstance(results, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
