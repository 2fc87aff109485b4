"""The Data Center face: one context, one REST interface, the pages behind its links."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from headwater.sandbox import data_center, data_center_people, web
from headwater.sandbox.calls import Call, RefusalError, refuse_missing
from headwater.sandbox.data_center_door import DataCenterDoor
from headwater.sandbox.desk import Desk, leave_open, mount, mount_rest, refuse_writing
from headwater.sandbox.faces import DataCenter


def refuse(refusal: RefusalError, _: Request) -> Response:
    """Put a refusal into Data Center's envelope."""
    status = HTTPStatus(refusal.status)
    found = status is not HTTPStatus.NOT_FOUND
    data = {"authorized": found, "valid": True, "allowedInReadOnlyMode": True, "errors": []}
    payload = {
        "statusCode": refusal.status,
        "data": {**data, "successful": found},
        "message": refusal.message,
        "reason": status.phrase,
    }
    return JSONResponse(payload, refusal.status)


def sign_data_center(answer: Response, number: int) -> None:
    """Add what Data Center's server adds to every answer."""
    answer.headers["x-arequestid"] = f"{number:08x}"
    answer.headers["x-confluence-request-time"] = "0"


def make_data_center_app(desk: Desk, face: DataCenter) -> ASGIApp:
    """Return the application of one Data Center."""
    door = DataCenterDoor(basic_allowed=face.basic_allowed)
    rest = f"{face.context}/rest/api"
    routes = [
        *(data_center.SCAN_ROUTES if face.has_scan else []),
        *(data_center_people.PERMISSION_ROUTES if face.has_permissions else []),
        *data_center_people.ROUTES,
        *data_center.ROUTES,
    ]
    return Starlette(
        routes=[
            *mount(desk, rest, routes, door, refuse),
            *mount(desk, face.context, data_center.FILES, door, refuse),
            *mount(desk, face.context, web.PAGES, leave_open, refuse),
            mount_rest(desk, rest, _miss, door, refuse),
            mount_rest(desk, "", _miss, leave_open, refuse),
        ]
    )


def _miss(call: Call) -> Response:
    refuse_writing(call)
    raise refuse_missing(f"null for uri: {call.site.root}{call.request.url.path}")
