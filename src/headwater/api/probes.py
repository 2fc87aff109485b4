"""What a worker answers, which serves nothing else: whether it lives, whether it is ready, its metrics."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI

from headwater.api.answers import install_handlers
from headwater.api.edge import Edge
from headwater.api.operation_routes import HealthWatch, show_metrics, tell_alive, tell_ready
from headwater.ports import Ports

_PROBES: Final[Mapping[str, Callable[..., Any]]] = {
    "/healthz": tell_alive,
    "/readyz": tell_ready,
    "/metrics": show_metrics,
}


def create_probes(ports: Ports) -> FastAPI:
    """Return the application over ports that are open while it is served."""
    app = FastAPI(
        title="Headwater worker",
        version=version("headwater"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.ports = ports
    app.state.stopping = False
    app.state.health = HealthWatch()
    app.state.routes = []
    for path, answer in _PROBES.items():
        app.add_api_route(path, answer, methods=["GET"], response_model=None)
    install_handlers(app)
    app.add_middleware(Edge)
    return app
