"""A span for each request: the beginning of what it sets going, here or in another process."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headwater.ports import NO_TRACES, Tracer

UNTRACED: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines."""

SERVER_ERROR: Final = 500


class Tracing:
    """Wraps the application. The caller's own trace goes on where it sends a ``traceparent``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        tracer = _find_tracer(scope)
        if tracer is NO_TRACES or scope["type"] != "http" or scope["path"] in UNTRACED:
            await self._app(scope, receive, send)
            return
        parent = Headers(scope=scope).get("traceparent")
        with tracer.span("request", parent=parent, method=scope["method"]) as span:

            async def note_and_send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.note(status=message["status"])
                    if message["status"] >= SERVER_ERROR:
                        span.fail(str(message["status"]))
                await send(message)

            try:
                await self._app(scope, receive, note_and_send)
            finally:
                route = getattr(scope.get("route"), "path", "none")
                span.note(route=route)
                span.rename(f"{scope['method']} {route}")


def _find_tracer(scope: Scope) -> Tracer:
    """Return the tracer of the ports that are open, if any are."""
    ports = scope["app"].state.ports if scope["type"] == "http" else None
    return ports.tracer if ports else NO_TRACES
