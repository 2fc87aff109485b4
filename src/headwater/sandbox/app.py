"""The Cloud face: v1, v2 and the web pages of a site, and the same by the gateway."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from headwater.sandbox import (
    cloud_v1,
    cloud_v1_people,
    cloud_v1_search,
    cloud_v2,
    cloud_v2_lookups,
    cloud_v2_remarks,
    web,
)
from headwater.sandbox.access import open_site_door
from headwater.sandbox.calls import Call, RefusalError, refuse_missing
from headwater.sandbox.desk import Desk, Door, leave_open, mount, mount_rest, refuse_writing
from headwater.sandbox.gateway import V1, V2, open_gateway_door, serve_gateway

_V1_ROUTES = [*cloud_v1_search.ROUTES, *cloud_v1_people.ROUTES, *cloud_v1.ROUTES]
_V2_ROUTES = [*cloud_v2.ROUTES, *cloud_v2_remarks.ROUTES, *cloud_v2_lookups.ROUTES]


def refuse_v1(refusal: RefusalError, request: Request) -> Response:
    """Put a refusal into v1's envelope."""
    payload: dict[str, object] = {"statusCode": refusal.status, "message": refusal.message}
    if refusal.status == HTTPStatus.NOT_FOUND and request.method == "GET":
        data = {"authorized": False, "valid": True, "errors": [], "successful": False}
        payload = {**payload, "data": data}
    return JSONResponse(payload, refusal.status)


def refuse_v2(refusal: RefusalError, _: Request) -> Response:
    """Put a refusal into v2's envelope; a rejected caller finds nothing there."""
    if refusal.status == HTTPStatus.FORBIDDEN:
        refusal = refuse_missing()
    error = {"status": refusal.status, "code": refusal.code, "title": refusal.message}
    return JSONResponse({"errors": [{**error, "detail": None}]}, refusal.status)


def _miss_v1(call: Call) -> Response:
    refuse_writing(call)
    message = f"null for uri: {call.site.root}{call.request.url.path}"
    return JSONResponse({"message": message, "status-code": 404}, 404)


def _miss(call: Call) -> Response:
    refuse_writing(call)
    raise refuse_missing()


def sign_cloud(answer: Response, number: int) -> None:
    """Add what Cloud's edge adds to every answer."""
    trace = f"{number:032x}"
    answer.headers["server"] = "AtlassianEdge"
    answer.headers["atl-traceid"] = trace
    answer.headers["atl-request-id"] = f"{trace[:8]}-{trace[8:12]}-4000-8000-{trace[-12:]}"


def make_cloud_app(desk: Desk) -> ASGIApp:
    """Return the application: the site, and the gateway to it."""
    return serve_gateway(
        desk.world, _make_app(desk, open_site_door), _make_app(desk, open_gateway_door)
    )


def _make_app(desk: Desk, door: Door) -> Starlette:
    mounts = [
        *mount(desk, V1, _V1_ROUTES, door, refuse_v1),
        *mount(desk, V2, _V2_ROUTES, door, refuse_v2),
        *mount(desk, "", web.ROUTES, leave_open, refuse_v1),
        *mount(desk, "/wiki", web.PAGES, leave_open, refuse_v1),
        mount_rest(desk, V1, _miss_v1, door, refuse_v1),
        mount_rest(desk, V2, _miss, door, refuse_v2),
        mount_rest(desk, "", _miss, leave_open, refuse_v1),
    ]
    return Starlette(routes=mounts)
