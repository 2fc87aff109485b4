"""Data Center's REST API: users, groups, who may view a space, and what version answers."""

from collections.abc import Iterable

from starlette.responses import JSONResponse, Response

from headwater.sandbox.calls import Call, RefusalError, Route, refuse_missing
from headwater.sandbox.cloud_v1_payloads import Describer, describe_picture
from headwater.sandbox.data_center import find_space
from headwater.sandbox.data_center_payloads import describe_permission
from headwater.sandbox.entities import Group, Space, User
from headwater.sandbox.paging import cut_offset


def show_current_user(call: Call) -> Response:
    """``GET /user/current``: the caller; ``anonymous`` where the site lets him in unknown."""
    if call.view.caller is None:
        picture = describe_picture("/images/icons/profilepics/anonymous.svg")
        return JSONResponse(
            {"type": "anonymous", "profilePicture": picture, "displayName": "Anonymous"}
        )
    return JSONResponse(Describer(call).describe_user(call.view.caller.account_id))


def show_user(call: Call) -> Response:
    """``GET /user?key=`` or ``?username=``."""
    key, name = call.text("key"), call.text("username")
    for user in call.world.people.users.values():
        if (key and user.user_key == key) or (name and user.username == name.casefold()):
            return JSONResponse(Describer(call).describe_user(user.account_id))
    raise refuse_missing("No user found with the given key or username")


def list_groups(call: Call) -> Response:
    """``GET /group``."""
    groups = list(call.world.people.groups.values())
    page, envelope = cut_offset(call, groups, default=200)
    describer = Describer(call)
    return JSONResponse({"results": [describer.describe_group(it) for it in page], **envelope})


def _find_group(call: Call) -> Group:
    found = [it for it in call.world.people.groups.values() if it.name == call.path("name")]
    if not found:
        raise refuse_missing("Group not found")
    return found[0]


def show_group(call: Call) -> Response:
    """``GET /group/{name}``."""
    return JSONResponse(Describer(call).describe_group(_find_group(call)))


def list_members(call: Call) -> Response:
    """``GET /group/{name}/member``."""
    members = sorted(_find_group(call).members)
    page, envelope = cut_offset(call, members, default=200)
    describer = Describer(call)
    return JSONResponse({"results": [describer.describe_user(it) for it in page], **envelope})


def list_space_permissions(call: Call) -> Response:
    """``GET /space/{key}/permissions``: a bare list; users by their key only."""
    space = _find_administered_space(call)
    users = _pick_users(call, sorted(space.viewers.users))
    groups = call.world.people.groups
    subjects = [
        *({"type": "group", "name": groups[item].name} for item in sorted(space.viewers.groups)),
        *({"type": "user", "userKey": user.user_key} for user in users),
    ]
    return JSONResponse([describe_permission(space, subject) for subject in subjects])


def list_anonymous_permissions(call: Call) -> Response:
    """``GET /space/{key}/permissions/anonymous``: a bare list, empty where the anonymous may nothing."""
    space = _find_administered_space(call)
    subjects = [{"type": "anonymous"}] if space.anonymous else []
    return JSONResponse([describe_permission(space, subject) for subject in subjects])


def _find_administered_space(call: Call) -> Space:
    space = find_space(call, call.path("key"))
    if call.view.caller is None or not call.view.caller.is_admin:
        raise RefusalError(500, "Internal server error")  # CONFSERVER-99908: meant to be 403
    return space


def _pick_users(call: Call, accounts: Iterable[str]) -> list[User]:
    users = call.world.people.users
    return [users[account] for account in accounts if account in users]


def show_server(call: Call) -> Response:
    """``GET /server-information``, as 10.0.3 answers it."""
    return JSONResponse(
        {
            "baseUrl": call.site.base,
            "version": "10.0.3",
            "buildNumber": 10003,
            "marketplaceBuildNumber": 10003,
            "buildDate": "2025-08-01T00:00:00.000Z",
        }
    )


ROUTES: list[Route] = [
    ("GET", "/user/current", show_current_user),
    ("GET", "/user", show_user),
    ("GET", "/group", list_groups),
    ("GET", "/group/{name}", show_group),
    ("GET", "/group/{name}/member", list_members),
    ("GET", "/server-information", show_server),
]
PERMISSION_ROUTES: list[Route] = [
    ("GET", "/space/{key}/permissions", list_space_permissions),
    ("GET", "/space/{key}/permissions/anonymous", list_anonymous_permissions),
]
"""What versions before 9.1 do not have."""
