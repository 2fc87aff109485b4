"""Trouble that a Confluence makes, to be put among a sandbox's faults.

sandbox.faults.append(only(throttle("1"), "/wiki/api/v2/spaces", times=3))

Each function returns a fault: called with a request, its route's template and the true answer, it
returns what is sent instead. Chance is seeded, so that a run can be repeated.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Container
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from headwater.sandbox.desk import Fault
from headwater.sandbox.world import World

ABSURD: Final = "9223372036854775807"
"""The ``Retry-After`` that Data Center sends to a blocked user."""
_LOGIN: Final = (
    "<!doctype html><html><head><title>Log In - Confluence</title></head>"
    '<body><form action="/dologin.action"><input name="os_username"/></form></body></html>'
)
_GONE: Final = (
    "com.atlassian.confluence.api.service.exceptions.GoneException: "
    "This deprecated endpoint has been removed."
)

Rows = list[Any]


def only(fault: Fault, *templates: str, times: int | None = None) -> Fault:
    """Narrow a fault to these route templates (all if none is named), and to so many requests."""
    left = [times]

    def narrowed(
        request: Request, template: str, answer: Response
    ) -> Response | Awaitable[Response]:
        if (templates and template not in templates) or left[0] == 0:
            return answer
        if left[0] is not None:
            left[0] -= 1
        return fault(request, template, answer)

    return narrowed


def at_rate(fault: Fault, rate: float, *, seed: int = 0) -> Fault:
    """Let a fault strike a part of the requests, 0 to 1."""
    dice = random.Random(seed)  # noqa: S311  (chance for tests)

    def sometimes(
        request: Request, template: str, answer: Response
    ) -> Response | Awaitable[Response]:
        return fault(request, template, answer) if dice.random() < rate else answer

    return sometimes


def throttle(retry_after: str | None = None, *, status: int = 429) -> Fault:
    """Answer that it is too much: ``retry_after`` is seconds, an HTTP date, ``ABSURD`` or nothing."""
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return _replace(lambda: JSONResponse({"message": "Rate limit exceeded"}, status, headers))


def fail(status: int = 503) -> Fault:
    """Answer with a server error in HTML, as proxies write it."""
    return _replace(lambda: HTMLResponse(f"<html><h1>{status}</h1></html>", status))


def remove() -> Fault:
    """Answer that the endpoint is gone for good (410)."""
    data = {"authorized": True, "valid": True, "errors": [], "successful": True}
    return _replace(lambda: JSONResponse({"statusCode": 410, "data": data, "message": _GONE}, 410))


def show_login_page() -> Fault:
    """Answer 200 with a page to log in with."""
    return _replace(lambda: HTMLResponse(_LOGIN))


def mislabel(media_type: str = "application/octet-stream") -> Fault:
    """Send the true answer under a wrong content type."""

    def fault(_request: Request, _template: str, answer: Response) -> Response:
        return Response(bytes(answer.body), answer.status_code, media_type=media_type)

    return fault


def truncate() -> Fault:
    """Send the first half of the JSON, as if that were all."""

    def fault(_request: Request, _template: str, answer: Response) -> Response:
        body = bytes(answer.body)
        return Response(body[: len(body) // 2], answer.status_code, media_type=answer.media_type)

    return fault


def reset() -> Fault:
    """Close the connection in the middle of the answer."""

    def fault(_request: Request, _template: str, answer: Response) -> Response:
        return _BrokenOff(bytes(answer.body), answer.status_code, media_type="application/json")

    return fault


class _BrokenOff(Response):
    """Announces its whole length and sends half of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (the interface)
        headers = [*self.raw_headers]
        start = {"type": "http.response.start", "status": self.status_code, "headers": headers}
        half = bytes(self.body)[: len(self.body) // 2]
        await send(start)
        await send({"type": "http.response.body", "body": half, "more_body": True})


def stall(until: asyncio.Event) -> Fault:
    """Hold answers back until the event is set."""

    async def hold(answer: Response) -> Response:
        await until.wait()
        return answer

    def fault(_request: Request, _template: str, answer: Response) -> Awaitable[Response]:
        return hold(answer)

    return fault


def lose_rows(rate: float, *, seed: int = 0) -> Fault:
    """Leave a part of the rows out of every page of a list."""
    dice = random.Random(seed)  # noqa: S311  (chance for tests)
    return change_rows(lambda rows: [row for row in rows if dice.random() >= rate])


def repeat_rows(rate: float, *, seed: int = 0) -> Fault:
    """Bring a part of the rows of every page of a list twice, the second time with the next page."""
    dice = random.Random(seed)  # noqa: S311  (chance for tests)
    kept: dict[str, Rows] = {}

    def fault(request: Request, template: str, answer: Response) -> Response | Awaitable[Response]:
        def repeat(rows: Rows) -> Rows:
            again = kept.get(template, [])
            kept[template] = [row for row in rows if dice.random() < rate]
            return [*again, *rows]

        return change_rows(repeat)(request, template, answer)

    return fault


def lag_index(world: World, seen_until: datetime) -> Fault:
    """Let the search know nothing that is newer: what was made or changed later is not found."""

    def is_indexed(row: dict[str, Any]) -> bool:
        content = row.get("content", row)
        stores: tuple[dict[str, Any], ...] = (
            world.tree.contents,
            world.comments,
            world.attachments,
        )
        found = [store[content["id"]] for store in stores if content["id"] in store]
        return all(item.version.created_at <= seen_until for item in found)

    fault = change_rows(lambda rows: [row for row in rows if is_indexed(row)])

    def lag(request: Request, template: str, answer: Response) -> Response | Awaitable[Response]:
        return fault(request, template, answer) if template.endswith("/search") else answer

    return lag


def change_rows(change: Callable[[Rows], Rows]) -> Fault:
    """Change the ``results`` of every list, and leave everything else about it as it is."""

    def fault(_request: Request, _template: str, answer: Response) -> Response:
        payload = _read_list(answer)
        if payload is None:
            return answer
        rows = change(payload["results"])
        changed = {**payload, "results": rows}
        headers = {name: value for name, value in answer.headers.items() if name in _KEPT}
        return JSONResponse(changed, answer.status_code, headers)

    return fault


_KEPT: Container[str] = frozenset({"link", "server", "atl-traceid", "x-arequestid"})


def _read_list(answer: Response) -> dict[str, Any] | None:
    if answer.status_code != 200 or answer.media_type != "application/json":  # noqa: PLR2004  (OK)
        return None
    payload = json.loads(bytes(answer.body))
    is_list = isinstance(payload, dict) and isinstance(payload.get("results"), list)
    return payload if is_list else None


def _replace(make: Callable[[], Response]) -> Fault:
    def fault(_request: Request, _template: str, _answer: Response) -> Response:
        return make()

    return fault
