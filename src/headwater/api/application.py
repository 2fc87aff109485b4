"""The application: routes behind one edge, one gate and one table of errors."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, FastAPI

from headwater.adapters.quotas import OpenStreams, RateLimiter
from headwater.api import (
    content_routes,
    ingestion_routes,
    insight_routes,
    job_routes,
    operation_routes,
    platform_routes,
    reading_routes,
    search_routes,
    settings_routes,
)
from headwater.api.admission import Gate
from headwater.api.answers import install_handlers
from headwater.api.capacity import Capacity
from headwater.api.edge import Edge
from headwater.api.openapi import install_document
from headwater.api.operation_routes import HealthWatch
from headwater.api.tracing import Tracing
from headwater.bootstrap import make_authenticator
from headwater.config import Settings
from headwater.ports import Ports

_ROUTES: Final = (
    ingestion_routes,
    content_routes,
    platform_routes,
    job_routes,
    search_routes,
    reading_routes,
    insight_routes,
    settings_routes,
    operation_routes,
)

OpenPorts = Callable[[], AbstractAsyncContextManager[Ports]]


def create_app(settings: Settings, open_ports: OpenPorts) -> FastAPI:
    """Return the application. Ports are open while its lifespan runs; nothing is opened before.

    ``ConfigError`` unless the settings name exactly one key for tokens.
    """
    app = FastAPI(
        title="Headwater",
        version=version("headwater"),
        lifespan=_keep_open(open_ports),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.gate = Gate(make_authenticator(settings), RateLimiter(settings.rate_limit_per_minute))
    app.state.health = HealthWatch()
    app.state.streams = OpenStreams()
    app.state.ports = None
    app.state.stopping = False
    app.state.routes = [route for routes in _ROUTES for route in routes.router.routes]
    app.router.routes.extend(_join_routes().routes)
    install_handlers(app)
    install_document(app)
    app.add_middleware(Capacity)
    app.add_middleware(Tracing)
    app.add_middleware(Edge)
    return app


@cache
def _join_routes() -> APIRouter:
    """Return every route; FastAPI prepares them at the first request, once for all applications."""
    joined = APIRouter(generate_unique_id_function=lambda route: route.name)
    for routes in _ROUTES:
        joined.include_router(routes.router)
    return joined


def begin_shutdown(app: FastAPI) -> None:
    """Answer 503 from now on and end open event streams, so that the server need not wait for them."""
    app.state.stopping = True


def _keep_open(
    open_ports: OpenPorts,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_ports() as ports:
            app.state.ports = ports
            try:
                yield
            finally:
                app.state.ports = None

    return lifespan
