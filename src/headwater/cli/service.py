"""The whole web service as one application: the API, and the console mounted in it."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse

from headwater.api.admission import Gate
from headwater.api.application import begin_shutdown, create_app
from headwater.config import Settings
from headwater.console.application import close_console, create_console
from headwater.ports import Ports

CONSOLE: Final = "/console"


@dataclass(frozen=True, slots=True)
class Service:
    """An application, and what is to be called before its server stops."""

    app: FastAPI
    begin_shutdown: Callable[[], None]


def make_service(settings: Settings, ports: Ports) -> Service:
    """Return the service over open ports; ``ConfigError`` as ``create_app``."""
    app = create_app(settings, lambda: nullcontext(ports))
    gate: Gate = app.state.gate
    pages = create_console(ports, gate.authenticator, gate.limiter, app.state.streams)
    app.mount(CONSOLE, pages)
    app.add_route(CONSOLE, _enter, include_in_schema=False)

    def shut_down() -> None:
        close_console(pages)
        begin_shutdown(app)

    return Service(app, shut_down)


async def _enter(_: Request) -> RedirectResponse:
    return RedirectResponse(f"{CONSOLE}/", 308)
