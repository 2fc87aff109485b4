"""What all faces share around an answer: finding the caller, refusals, faults, the record.

An answer is made in this order: wait the latency, find the caller, call the handler, wrap a
refusal in the face's envelope, add the server's headers, let the faults replace it, record it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Mount

from headwater.sandbox.calls import Call, Handler, RefusalError, Route, Site, TurnedAwayError
from headwater.sandbox.entities import User
from headwater.sandbox.visibility import View
from headwater.sandbox.world import World

UNROUTED = "(no such route)"
"""The template under which requests to unknown paths are recorded."""
VISITED = "headwater.visited"
"""Where a request's scope holds the path it came by, if that differs from the one it is served under."""

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

Door = Callable[[World, Request, str], User | None]
"""Says who sends a request to a route's template; ``None`` is anonymous. Refuses, or turns away."""
Refuser = Callable[[RefusalError, Request], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def leave_open(_world: World, _request: Request, _template: str) -> User | None:
    """Let anybody in, unknown."""
    return None


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
    sign: Callable[[Response, int], None] = field(repr=False)
    """Adds the server's headers to its answer number so and so."""
    latency: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    visits: Visits = field(default_factory=Visits, repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def serve(
        self, request: Request, template: str, handler: Handler, door: Door, refuse: Refuser
    ) -> Response:
        """Answer one request."""
        if self.latency:
            await asyncio.sleep(self.latency)
        body = await request.body()
        try:
            caller = door(self.world, request, template)
            answer = handler(Call(View(self.world, caller), self.site, request, body))
        except RefusalError as refusal:
            answer = refuse(refusal, request)
        except TurnedAwayError as turned_away:
            answer = turned_away.answer
        self.sign(answer, next(self._numbers))
        for fault in tuple(self.faults):
            replaced = fault(request, template, answer)
            answer = await replaced if isinstance(replaced, Awaitable) else replaced
        path = request.scope.get(VISITED, request.url.path)
        self.visits.all.append(
            Visit(request.method, template, path, request.url.query, answer.status_code)
        )
        return answer


def mount(desk: Desk, prefix: str, routes: list[Route], door: Door, refuse: Refuser) -> list[Mount]:
    """Return the routes below a prefix."""
    return [
        Mount(
            prefix + template,
            _bind(desk, prefix + template, handler, door, refuse),
            methods=[method],
        )
        for method, template, handler in routes
    ]


def mount_rest(desk: Desk, prefix: str, handler: Handler, door: Door, refuse: Refuser) -> Mount:
    """Return the route of everything else below a prefix."""
    endpoint = _bind(desk, UNROUTED, handler, door, refuse)
    return Mount(f"{prefix}/{{rest:path}}", endpoint, methods=_METHODS)


def _bind(desk: Desk, template: str, handler: Handler, door: Door, refuse: Refuser) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await desk.serve(request, template, handler, door, refuse)

    return endpoint


def refuse_writing(call: Call) -> None:
    """Refuse what is no reading."""
    if call.request.method not in {"GET", "HEAD"}:
        message = f"Request method '{call.request.method}' not supported"
        raise RefusalError(405, message, code="METHOD_NOT_ALLOWED")
