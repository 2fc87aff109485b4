"""The site's web application: every face under its path, and around each answer what all share.

An answer is made in this order: wait the latency, find the caller, call the handler, wrap a
refusal in the face's envelope, add the edge's headers, let the faults replace it, record it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route as Mount

from headwater.sandbox import (
    cloud_v1,
    cloud_v1_people,
    cloud_v1_search,
    cloud_v2,
    cloud_v2_lookups,
    cloud_v2_remarks,
    web,
)
from headwater.sandbox.access import UnreadableHeaderError, identify
from headwater.sandbox.calls import Call, Handler, RefusalError, Route, Site, refuse_missing
from headwater.sandbox.entities import User
from headwater.sandbox.visibility import View
from headwater.sandbox.world import World

V1 = "/wiki/rest/api"
V2 = "/wiki/api/v2"
UNROUTED = "(no such route)"
"""The template under which requests to unknown paths are recorded."""

_V1_ROUTES = [*cloud_v1_search.ROUTES, *cloud_v1_people.ROUTES, *cloud_v1.ROUTES]
_V2_ROUTES = [*cloud_v2.ROUTES, *cloud_v2_remarks.ROUTES, *cloud_v2_lookups.ROUTES]
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_TOMCAT = "<html><head><title>HTTP Status 401 - Unauthorized</title></head><body></body></html>"

Refuser = Callable[[RefusalError, Request], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request and the status of its answer. ``template`` is the route's path."""

    method: str
    template: str
    path: str
    query: str
    status: int


Fault = Callable[[Request, str, Response], Response | Awaitable[Response]]
"""Called with a request, its route's template and the true answer; returns what is sent instead,
or an awaitable of it, so that an answer can be held back.

It may also change the world, so that something happens in the middle of a listing.
"""


@dataclass(slots=True)
class Visits:
    """What has been asked of the sandbox, in order."""

    all: list[Visit] = field(default_factory=list)

    def count(self, method: str | None = None, template: str | None = None) -> int:
        """Return how many requests had this method and route template."""
        return len(self.select(method, template))

    def select(self, method: str | None = None, template: str | None = None) -> list[Visit]:
        """Return the requests with this method and route template."""
        return [
            visit
            for visit in self.all
            if method in {None, visit.method} and template in {None, visit.template}
        ]

    def clear(self) -> None:
        """Start counting again."""
        self.all.clear()


@dataclass(slots=True)
class Desk:
    """What all routes share: the world, the faults, the record. ``latency`` is in seconds."""

    world: World
    site: Site = field(repr=False)
    latency: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    visits: Visits = field(default_factory=Visits, repr=False)
    _traces: Iterator[int] = field(default_factory=lambda: count(1))

    async def serve(
        self, request: Request, template: str, handler: Handler, refuse: Refuser, *, open_: bool
    ) -> Response:
        """Answer one request."""
        if self.latency:
            await asyncio.sleep(self.latency)
        body = await request.body()
        answer = self._answer(request, handler, refuse, body, open_=open_)
        self._add_headers(answer)
        for fault in tuple(self.faults):
            replaced = fault(request, template, answer)
            answer = await replaced if isinstance(replaced, Awaitable) else replaced
        url = request.url
        self.visits.all.append(
            Visit(request.method, template, url.path, url.query, answer.status_code)
        )
        return answer

    def _answer(
        self, request: Request, handler: Handler, refuse: Refuser, body: bytes, *, open_: bool
    ) -> Response:
        try:
            caller = None if open_ else self._identify(request)
            return handler(Call(View(self.world, caller), self.site, request, body))
        except RefusalError as refusal:
            return refuse(refusal, request)
        except UnreadableHeaderError:
            realm = f'OAuth realm="{quote(self.site.base, safe="")}"'
            return HTMLResponse(_TOMCAT, 401, headers={"www-authenticate": realm})

    def _identify(self, request: Request) -> User | None:
        return identify(self.world, request.headers.get("authorization", ""))

    def _add_headers(self, answer: Response) -> None:
        trace = f"{next(self._traces):032x}"
        answer.headers["server"] = "AtlassianEdge"
        answer.headers["atl-traceid"] = trace
        answer.headers["atl-request-id"] = f"{trace[:8]}-{trace[8:12]}-4000-8000-{trace[-12:]}"


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
    _refuse_writing(call)
    message = f"null for uri: {call.site.root}{call.request.url.path}"
    return JSONResponse({"message": message, "status-code": 404}, 404)


def _miss(call: Call) -> Response:
    _refuse_writing(call)
    raise refuse_missing()


def _refuse_writing(call: Call) -> None:
    if call.request.method not in {"GET", "HEAD"}:
        message = f"Request method '{call.request.method}' not supported"
        raise RefusalError(405, message, code="METHOD_NOT_ALLOWED")


def make_site_app(desk: Desk) -> Starlette:
    """Return the site's application: v1, v2 and the web pages, and refusals for the rest."""
    mounts = [
        *_mount(desk, V1, _V1_ROUTES, refuse_v1),
        *_mount(desk, V2, _V2_ROUTES, refuse_v2),
        *_mount(desk, "", web.ROUTES, refuse_v1, open_=True),
        _mount_rest(V1, _bind(desk, UNROUTED, _miss_v1, refuse_v1)),
        _mount_rest(V2, _bind(desk, UNROUTED, _miss, refuse_v2)),
        _mount_rest("", _bind(desk, UNROUTED, _miss, refuse_v1, open_=True)),
    ]
    return Starlette(routes=mounts)


def _mount_rest(prefix: str, endpoint: Endpoint) -> Mount:
    return Mount(f"{prefix}/{{rest:path}}", endpoint, methods=_METHODS)


def _mount(
    desk: Desk, prefix: str, routes: list[Route], refuse: Refuser, *, open_: bool = False
) -> list[Mount]:
    return [
        Mount(
            prefix + template,
            _bind(desk, prefix + template, handler, refuse, open_=open_),
            methods=[method],
        )
        for method, template, handler in routes
    ]


def _bind(
    desk: Desk, template: str, handler: Handler, refuse: Refuser, *, open_: bool = False
) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await desk.serve(request, template, handler, refuse, open_=open_)

    return endpoint
