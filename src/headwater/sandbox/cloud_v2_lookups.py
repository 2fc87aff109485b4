"""Cloud REST API v2: who may view a space, and looking up users and ids in bulk."""

import json

from starlette.responses import JSONResponse, Response

from headwater.sandbox import cloud_v2_payloads as payloads
from headwater.sandbox.calls import Call, Json, Route
from headwater.sandbox.cloud_v2 import answer_list, find_space, refuse_parameter
from headwater.sandbox.entities import Space
from headwater.sandbox.paging import MAX_V2, read_v2_limit

_MAX_IDS = 100


def list_space_permissions(call: Call) -> Response:
    """``GET /spaces/{id}/permissions``: who may view the space."""
    subjects = _list_viewers(find_space(call))
    results = [payloads.describe_permission(place + 1, *it) for place, it in enumerate(subjects)]
    return _answer_numbered(call, results)


def _list_viewers(space: Space) -> list[tuple[str, str]]:
    groups = [("group", item) for item in sorted(space.viewers.groups)]
    return [*groups, *(("user", item) for item in sorted(space.viewers.users))]


def show_role_mode(call: Call) -> Response:
    """``GET /space-role-mode``: whether roles or permissions say who may view a space."""
    return JSONResponse({"mode": "ROLES" if call.world.uses_roles else "PRE_ROLES"})


def list_role_assignments(call: Call) -> Response:
    """``GET /spaces/{id}/role-assignments``: users, groups and access classes, each as a viewer."""
    space = find_space(call)
    classes = space.access_classes | ({"anonymous-users"} if space.anonymous else set())
    viewers = [*_list_viewers(space), *(("access_class", item) for item in sorted(classes))]
    return _answer_numbered(call, [payloads.describe_assignment(*it) for it in viewers])


def _answer_numbered(call: Call, results: list[Json]) -> Response:
    limit, cursor = read_v2_limit(call), call.text("cursor", "0")
    if not cursor.isdecimal():
        raise refuse_parameter("cursor", cursor)
    start = int(cursor)
    following = str(start + limit) if start + limit < len(results) else None
    return answer_list(call, results[start : start + limit], following)


def look_up_users(call: Call) -> Response:
    """``POST /users-bulk``: the users that exist among ``accountIds``."""
    wanted = _read_body(call, "accountIds", MAX_V2)
    users = call.world.people.users
    return answer_list(call, [payloads.describe_user(users[it]) for it in wanted if it in users])


def convert_ids(call: Call) -> Response:
    """``POST /content/convert-ids-to-types``: absent and invisible ids become null."""
    wanted = _read_body(call, "contentIds", _MAX_IDS)
    return JSONResponse({"results": {item: _name_type(call, item) for item in wanted}})


def _name_type(call: Call, item: str) -> str | None:
    content = call.view.find(item)
    if content is not None:
        return content.kind.value
    if call.view.find_attachment(item) is not None:
        return "attachment"
    comment = call.view.find_comment(item)
    return None if comment is None else f"{'inline' if comment.inline else 'footer'}-comment"


def _read_body(call: Call, name: str, most: int) -> list[str]:
    try:
        values = json.loads(call.body)[name]
    except (ValueError, KeyError, TypeError) as error:
        raise refuse_parameter(name, "an unreadable body") from error
    if not isinstance(values, list) or not 0 < len(values) <= most:
        raise refuse_parameter(name, f"a list of more than {most} or no entries")
    return [str(value) for value in values]


ROUTES: list[Route] = [
    ("GET", "/spaces/{id}/permissions", list_space_permissions),
    ("GET", "/spaces/{id}/role-assignments", list_role_assignments),
    ("GET", "/space-role-mode", show_role_mode),
    ("POST", "/users-bulk", look_up_users),
    ("POST", "/content/convert-ids-to-types", convert_ids),
]
