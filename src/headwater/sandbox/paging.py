"""The three ways in which Cloud pages: v2 cursors, search cursors, v1 offsets."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from headwater.sandbox.calls import Call, RefusalError
from headwater.sandbox.ordering import Item, Ordered, SortKey

Value = TypeVar("Value")

MAX_V2 = 250
MAX_START = 100_000


@dataclass(frozen=True, slots=True)
class Slice(Generic[Value]):
    """One page of a listing, and where the next one starts (``None`` at the end)."""

    items: list[Value]
    cursor: str | None = None


def encode_cursor(key: SortKey) -> str:
    """Return an opaque cursor for the place behind a key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def decode_cursor(cursor: str) -> SortKey:
    """Return the key behind which a cursor stands; ``ValueError`` if it is none of ours."""
    try:
        value, number = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, TypeError) as error:
        raise ValueError("not a cursor") from error
    if not (isinstance(value, str | int) and isinstance(number, int)):
        raise ValueError("not a cursor")  # noqa: TRY004  (a bad value of a parameter, not a bug)
    return (value, number)


def cut_slice(
    ordered: Ordered[Item],
    accept: Callable[[Item], bool],
    *,
    cursor: str,
    limit: int,
    descending: bool = False,
) -> Slice[Item]:
    """Return up to ``limit`` accepted items behind the cursor."""
    taken: list[Item] = []
    last: SortKey | None = None
    after = decode_cursor(cursor) if cursor else None
    if after and ordered.keys and type(after[0]) is not type(ordered.keys[0][0]):
        raise ValueError("a cursor of another order")
    for key, item in ordered.walk(after, descending=descending):
        if not accept(item):
            continue
        if len(taken) == limit:
            return Slice(taken, encode_cursor(last) if last else None)
        taken.append(item)
        last = key
    return Slice(taken)


def read_v2_limit(call: Call, default: int = 25) -> int:
    """Return ``limit``, 1 to 250; v2 refuses everything else."""
    text = call.text("limit", str(default))
    if not text.isdigit() or not 1 <= int(text) <= MAX_V2:
        raise RefusalError(
            400,
            f"Provided value {{{text}}} for 'limit' is not correct. Expected a number from 1 to {MAX_V2}",
            code="INVALID_REQUEST_PARAMETER",
        )
    return int(text)


def read_v1_number(call: Call, name: str, default: int) -> int:
    """Return ``limit`` or ``start``; v1 refuses negative numbers and words."""
    text = call.text(name, str(default))
    try:
        number = int(text)
    except ValueError as error:
        raise RefusalError(
            400, f"Failed to convert value of {name} to required type 'int': \"{text}\""
        ) from error
    if number < 0:
        raise RefusalError(
            400, f"java.lang.IllegalArgumentException: {name} cannot be less than zero"
        )
    return number


def link_next(call: Call, path: str, **changes: str | int) -> str:
    """Return ``path`` with the request's query and these parameters changed or added."""
    kept = [item for item in call.request.query_params.multi_items() if item[0] not in changes]
    return f"{path}?{urlencode([*kept, *changes.items()])}"


def cut_offset(
    call: Call, items: Sequence[Value], *, default: int = 25, most: int = 200
) -> tuple[list[Value], dict[str, object]]:
    """Return the items at ``start`` and v1's envelope around them, without ``results``.

    ``next`` is relative to the base, which already holds the context.
    """
    limit = min(read_v1_number(call, "limit", default), most)
    start = read_v1_number(call, "start", 0)
    if start > MAX_START:
        raise RefusalError(400, "Start of this size is no longer supported.")
    page = list(items[start : start + limit])
    path = call.request.url.path.removeprefix(call.site.context)
    links = {**call.site.roots, "self": f"{call.site.base}{path}"}
    if limit and start + limit < len(items):
        links["next"] = link_next(call, path, limit=limit, start=start + limit)
    return page, {"start": start, "limit": limit, "size": len(page), "_links": links}
