"""The gateway ``/ex/confluence/{cloudId}``: the same site, entered with scoped tokens.

A request is served under the path behind the cloud id, so every answer names the site and never the
gateway, as the real one's do. Scopes: Atlassian's OpenAPI documents, each operation's classic scope
or the granular one.
"""

from fnmatch import fnmatchcase

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.sandbox.access import UnreadableHeaderError, read_bearer, read_login
from headwater.sandbox.calls import RefusalError, TurnedAwayError
from headwater.sandbox.desk import VISITED
from headwater.sandbox.entities import User
from headwater.sandbox.people import ScopedToken
from headwater.sandbox.world import World

V1 = "/wiki/rest/api"
V2 = "/wiki/api/v2"

_ENTRY = "/ex/confluence/"
_GONE = (
    "com.atlassian.confluence.api.service.exceptions.GoneException: "
    "This deprecated endpoint has been removed."
)
_REMOVED = frozenset(
    f"{V1}{template}"
    for template in (
        "/space",
        "/space/{key}",
        "/space/{key}/content",
        "/space/{key}/content/{type}",
        "/content",
        "/content/{id}",
        "/content/{id}/child/{type}",
    )
)
"""What v1 no longer serves by the gateway, whatever the scopes."""
_DETAILS = frozenset({"read:content-details:confluence"})
_SCOPES = (
    (f"{V1}/*search", _DETAILS | {"search:confluence"}),
    (f"{V1}/content/*/download", {"readonly:content.attachment:confluence", "read:attachment:confluence"}),
    (f"{V1}/content/*", _DETAILS | {"read:confluence-content.all"}),
    (f"{V1}/user*", _DETAILS | {"read:confluence-user"}),
    (f"{V1}/group*", {"read:confluence-groups", "read:group:confluence"}),
    (f"{V1}/settings/*", {"manage:confluence-configuration", "read:configuration:confluence"}),
    (f"{V2}/space-role-mode", {"read:configuration:confluence"}),
    (f"{V2}/spaces/*/role-assignments", {"read:space.permission:confluence"}),
    (f"{V2}/spaces/*/pages", {"read:page:confluence"}),
    (f"{V2}/spaces/*/blogposts", {"read:page:confluence"}),
    (f"{V2}/spaces*", {"read:space:confluence"}),
    (f"{V2}/*attachments*", {"read:attachment:confluence"}),
    (f"{V2}/*comments*", {"read:comment:confluence"}),
    (f"{V2}/folders/*", {"read:folder:confluence"}),
    (f"{V2}/users-bulk", {"read:user:confluence"}),
    (f"{V2}/*", {"read:page:confluence"}),
)  # fmt: skip
"""The first pattern that fits a route's template has the scopes of which a token needs one."""


def serve_gateway(world: World, site: ASGIApp, scoped: ASGIApp) -> ASGIApp:
    """Return an application that hands ``/ex/confluence/{cloudId}/…`` to ``scoped``, all else to ``site``."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if not path.startswith(_ENTRY):
            await site(scope, receive, send)
            return
        cloud_id, _, rest = path.removeprefix(_ENTRY).partition("/")
        if cloud_id.lower() != world.cloud_id.lower():
            answer = JSONResponse({"code": 404, "message": "Not Found"}, 404)
            await answer(scope, receive, send)
            return
        inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), VISITED: path}
        await scoped(inner, receive, send)

    return serve


def open_gateway_door(world: World, request: Request, template: str) -> User | None:
    """Return the owner of the scoped token; a missing scope or an unknown token is turned away."""
    token = _find_token(world, request.headers.get("authorization", ""))
    if token is None:
        raise TurnedAwayError(JSONResponse({"code": 401, "message": "Unauthorized"}, 401))
    if template in _REMOVED:
        raise RefusalError(410, _GONE)
    if token.scopes is not None and token.scopes.isdisjoint(_name_scopes(template)):
        body = {"code": 401, "message": "Unauthorized; scope does not match"}
        mark = {"x-failure-category": "FAILURE_CLIENT_SCOPE_CHECK"}
        raise TurnedAwayError(JSONResponse(body, 401, headers=mark))
    return world.people.users[token.account_id]


def _find_token(world: World, header: str) -> ScopedToken | None:
    """Return the token of a Bearer header, or of a Basic one with its owner's e-mail address."""
    try:
        login = read_login(header)
    except UnreadableHeaderError:
        return None
    token = world.people.scoped.get(login.token if login else read_bearer(header) or "")
    if token is None or login is None:
        return token
    owner = world.people.users[token.account_id]
    return token if owner.email.casefold() == login.name.casefold() else None


def _name_scopes(template: str) -> frozenset[str]:
    fitting = (scopes for pattern, scopes in _SCOPES if fnmatchcase(template, pattern))
    return frozenset(next(fitting, ()))
