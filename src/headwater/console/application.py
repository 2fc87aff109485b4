"""The console as one application, to be mounted beside the API.

A page is a module with a ``router``; :data:`PAGES` names them all. Its functions begin with
``admit`` (or ``admit_form`` for what a form sends), take ``ports_of(request)``, call a service, and
end with ``render``.
"""

from typing import Final

from fastapi import FastAPI

from headwater.adapters.quotas import OpenStreams, RateLimiter
from headwater.adapters.tokens.callers import Authenticator
from headwater.console import connect, documents, jobs, overview, search, sign_in, spaces, statics
from headwater.console.headers import SecurityHeaders
from headwater.console.refusals import install_handlers
from headwater.console.sessions import Sessions
from headwater.console.visits import Gate
from headwater.ports import Ports

PAGES: Final = (statics, sign_in, connect, spaces, jobs, documents, search, overview)


def create_console(
    ports: Ports, authenticator: Authenticator, limiter: RateLimiter, streams: OpenStreams
) -> FastAPI:
    """Return the console over open ports. What a tenant may take is counted with the API's."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    sessions = Sessions(ports.sessions, ports.secret_box, ports.now)
    app.state.gate = Gate(authenticator, sessions, limiter, streams)
    app.state.ports = ports
    app.state.stopping = False
    for page in PAGES:
        app.include_router(page.router)
    install_handlers(app)
    app.add_middleware(SecurityHeaders)
    return app


def close_console(app: FastAPI) -> None:
    """End open event streams, so that the server need not wait for them, and begin nothing new."""
    app.state.stopping = True
