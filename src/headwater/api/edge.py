"""The edge of the application: request ids, security headers, HEAD, one log line per request.

Plain ASGI: a middleware that wraps the response as an object would hold back server-sent events.
"""

import asyncio
import re
import time
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headwater.adapters.metrics import observe_request
from headwater.api.answers import answer_unexpected

REQUEST_ID: Final = "x-request-id"
CLIENT_GONE: Final = 499
"""Logged when a client left before its answer; it never goes over the wire."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_log = structlog.get_logger("headwater.api")


class Edge:
    """Wraps the application; the last resort for errors nobody foresaw."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        try:
            await self._run(exchange)
        finally:
            exchange.log()

    async def _run(self, exchange: "_Exchange") -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = CLIENT_GONE
        except Exception as error:  # noqa: BLE001  (the last resort: whatever it is, it answers 500)
            response = answer_unexpected(error, exchange.request_id)
            if not exchange.started.is_set():  # else the server breaks off what was begun
                await response(exchange.scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer. HEAD is served as GET whose body is left out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._began = time.perf_counter()
        self._method: str = scope["method"]
        self._is_head = self._method == "HEAD"
        self.request_id = _choose_request_id(Headers(scope=scope))
        self.scope = {**scope, "method": "GET" if self._is_head else self._method}
        self.started = asyncio.Event()
        self.status = 0
        Request(self.scope).state.request_id = self.request_id

    async def receive(self) -> Message:
        if not self._is_head:
            return await self._receive()
        await self.started.wait()
        return {"type": "http.disconnect"}  # ends an endless stream after its headers

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start(message)
            await self._send(message)
            if self._is_head:
                await self._send({"type": "http.response.body", "body": b""})
        elif not self._is_head:
            await self._send(message)

    def _start(self, message: Message) -> None:
        self.started.set()
        self.status = message["status"]
        headers = MutableHeaders(scope=message)
        headers[REQUEST_ID] = self.request_id
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)

    def log(self) -> None:
        route = _name_route(self.scope)
        seconds = time.perf_counter() - self._began
        observe_request(self._method, route, self.status, seconds)
        _log.info(
            "request",
            method=self._method,
            route=route,
            status=self.status,
            duration_ms=round(seconds * 1000, 1),
            request_id=self.request_id,
        )


def _name_route(scope: Scope) -> str | None:
    """Return the path of the route that was taken, below what it is mounted at; ``None`` for none."""
    path = getattr(scope.get("route"), "path", None)
    outside = scope.get("app_root_path", scope.get("root_path", ""))
    mounted_at = scope.get("root_path", "").removeprefix(outside)
    return None if path is None else f"{mounted_at}{path}"


def _choose_request_id(headers: Headers) -> str:
    given = headers.get(REQUEST_ID, "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex
