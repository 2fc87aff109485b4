"""What both faces do with a CQL query before they page through what it finds."""

import json
from collections.abc import Callable
from typing import Any

from headwater.sandbox.calls import Call, RefusalError
from headwater.sandbox.cql import CqlError, Query, parse_cql
from headwater.sandbox.ordering import (
    Ordered,
    SortKey,
    by_created,
    by_id,
    by_modified,
    by_title,
    order,
)
from headwater.sandbox.search import Judge, Test, find_demand

_SORTS: dict[str, Callable[[Any], SortKey]] = {
    "id": by_id,
    "title": by_title,
    "created": by_created,
    "lastmodified": by_modified,
}
_BAD_REQUEST = "com.atlassian.confluence.api.service.exceptions.api.BadRequestException: "


def read_query(call: Call) -> Query:
    """Return the parsed ``cql``."""
    if not call.text("cql"):
        raise RefusalError(400, f"{_BAD_REQUEST}cql query parameter is required")
    try:
        return parse_cql(call.text("cql"))
    except CqlError as error:
        raise _refuse_cql(call, error) from error


def _refuse_cql(call: Call, error: CqlError) -> RefusalError:
    return RefusalError(400, f"{_BAD_REQUEST}Could not parse cql : {call.text('cql')} ({error})")


def make_test(call: Call, query: Query) -> Test:
    """Return the test of what the query finds, as the caller sees it."""
    try:
        context = json.loads(call.text("cqlcontext", "{}"))
        statuses = frozenset(context.get("contentStatuses", ("current",)))
        return Judge(call.view, call.world.clock, statuses).make_test(query)
    except CqlError as error:
        raise _refuse_cql(call, error) from error
    except (ValueError, AttributeError) as error:
        raise RefusalError(400, f"{_BAD_REQUEST}cqlcontext is not valid") from error


def read_order(call: Call, query: Query) -> tuple[Callable[[Any], SortKey], bool]:
    """Return the key that the query orders by, and whether it is turned round."""
    name, descending = query.order[0] if query.order else ("id", False)
    if name not in _SORTS:
        raise _refuse_cql(call, CqlError(f"cannot order by {name!r}"))
    return _SORTS[name], descending


def gather(call: Call, query: Query, key: Callable[[Any], SortKey]) -> Ordered[Any]:
    """Return what a query may find, in order: as little as its demands allow."""
    world, types = call.world, find_demand(query, "type")
    ids = find_demand(query, "id", "content")
    if ids is not None:
        stores = (world.tree.contents, world.attachments, world.comments)
        return order([store[item] for store in stores for item in ids if item in store], key)
    if types is not None and types <= {"page", "blogpost", "folder"}:
        return call.site.orders.list_contents(world, _name_space(call, query), key)
    remarks = [*world.attachments.values(), *world.comments.values()]
    if types is not None and types <= {"attachment", "comment"}:
        return order(remarks, key)
    return order([*world.tree.contents.values(), *remarks], key)


def _name_space(call: Call, query: Query) -> str | None:
    keys = find_demand(query, "space") or frozenset()
    ids = [space.id for space in call.world.spaces.values() if space.key in keys]
    return ids[0] if len(keys) == 1 and ids else None
