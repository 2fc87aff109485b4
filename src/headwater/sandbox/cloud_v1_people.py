"""Cloud REST API v1: users and groups."""

from collections.abc import Iterable

from starlette.responses import JSONResponse, Response

from headwater.sandbox.calls import Call, RefusalError, Route, refuse_missing
from headwater.sandbox.cloud_v1_payloads import Describer, describe_picture
from headwater.sandbox.paging import cut_offset, read_v1_number

_MAX_USERS = 100
_MAX_MEMBERS = 200


def show_current_user(call: Call) -> Response:
    """``GET /user/current``: the caller; ``anonymous`` where the site lets him in unknown."""
    if call.view.caller is None:
        picture = describe_picture("/wiki/aa-avatar/default")
        anonymous = {"type": "anonymous", "displayName": "Anonymous", "profilePicture": picture}
        return JSONResponse({**anonymous, "_links": call.site.roots})
    return _answer_user(call, call.view.caller.account_id)


def show_user(call: Call) -> Response:
    """``GET /user?accountId=``."""
    if call.text("accountId") not in call.world.people.users:
        raise refuse_missing("No user found with the given account id")
    return _answer_user(call, call.text("accountId"))


def _answer_user(call: Call, account_id: str) -> Response:
    payload = Describer(call).describe_user(account_id)
    payload["_links"] |= call.site.roots
    return JSONResponse(payload)


def list_users(call: Call) -> Response:
    """``GET /user/bulk``: up to 100 users by ``accountId``."""
    wanted = call.request.query_params.getlist("accountId")[:_MAX_USERS]
    known = [item for item in wanted if item in call.world.people.users]
    page, envelope = cut_offset(call, known, default=_MAX_USERS, most=_MAX_USERS)
    return JSONResponse({"results": [Describer(call).describe_user(it) for it in page], **envelope})


def list_groups(call: Call) -> Response:
    """``GET /group``."""
    page, envelope = cut_offset(call, list(call.world.people.groups.values()), default=200)
    return JSONResponse(
        {"results": [Describer(call).describe_group(it) for it in page], **envelope}
    )


def show_group(call: Call) -> Response:
    """``GET /group/by-id``."""
    group = call.world.people.groups.get(call.text("id"))
    if group is None:
        raise refuse_missing("Group not found")
    return JSONResponse(Describer(call).describe_group(group))


def list_members(call: Call) -> Response:
    """``GET /group/{groupId}/membersByGroupId``."""
    group = call.world.people.groups.get(call.path("group_id"))
    if group is None:
        raise refuse_missing("Group not found")
    return _answer_members(call, group.members)


def list_members_by_name(call: Call) -> Response:
    """``GET /group/member?name=``."""
    try:
        group = call.world.people.find_group(call.text("name"))
    except KeyError as error:
        raise refuse_missing("Group not found") from error
    return _answer_members(call, group.members)


def _answer_members(call: Call, members: Iterable[str]) -> Response:
    if read_v1_number(call, "limit", 200) > _MAX_MEMBERS:
        raise RefusalError(400, "limit must not be greater than 200")
    page, envelope = cut_offset(call, sorted(members), default=200)
    return JSONResponse({"results": [Describer(call).describe_user(it) for it in page], **envelope})


ROUTES: list[Route] = [
    ("GET", "/user/current", show_current_user),
    ("GET", "/user/bulk", list_users),
    ("GET", "/user", show_user),
    ("GET", "/group", list_groups),
    ("GET", "/group/by-id", show_group),
    ("GET", "/group/member", list_members_by_name),
    ("GET", "/group/{group_id}/membersByGroupId", list_members),
]
