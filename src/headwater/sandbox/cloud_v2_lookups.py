"""Cloud REST API v2: who may view a space, and looking up users and ids in bulk."""

import json

from starlette.responses import JSONResponse, Response

from headwater.sandbox import cloud_v2_payloads as payloads
from headwater.sandbox.calls import Call, Route
from headwater.sandbox.cloud_v2 import answer_list, find_space, refuse_parameter
from headwater.sandbox.paging import MAX_V2, read_v2_limit

_MAX_IDS = 100


def list_space_permissions(call: Call) -> Response:
    """``GET /spaces/{id}/permissions``: who may view the space."""
    viewers = find_space(call).viewers
    subjects = [("group", item) for item in sorted(viewers.groups)]
    subjects += [("user", item) for item in sorted(viewers.users)]
    limit, cursor = read_v2_limit(call), call.text("cursor", "0")
    if not cursor.isdecimal():
        raise refuse_parameter("cursor", cursor)
    start = int(cursor)
    results = [payloads.describe_permission(place + 1, *it) for place, it in enumerate(subjects)]
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
    ("POST", "/users-bulk", look_up_users),
    ("POST", "/content/convert-ids-to-types", convert_ids),
]
