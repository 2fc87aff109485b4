"""One request to the sandbox, as a face's handlers see it, and the refusals they may raise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headwater.sandbox.dialect import Dialect
from headwater.sandbox.media import MediaGate
from headwater.sandbox.ordering import Orders
from headwater.sandbox.visibility import View
from headwater.sandbox.world import World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """Where the sandbox stands. ``root`` is the site's root URL without a slash at the end."""

    root: str
    media: MediaGate
    orders: Orders
    dialect: Dialect
    context: str = "/wiki"
    """The path under which everything stands; may be empty on Data Center."""

    @property
    def base(self) -> str:
        """The base of web links, which ends in the context."""
        return f"{self.root}{self.context}"

    @property
    def rest(self) -> str:
        """The base of v1's REST links."""
        return f"{self.base}/rest/api"

    @property
    def roots(self) -> dict[str, str]:
        """The two links from which a client finds all others."""
        return {"base": self.base, "context": self.context}


class RefusalError(Exception):
    """The request cannot be served; each face puts it into its own envelope."""

    def __init__(self, status: int, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


class TurnedAwayError(Exception):
    """The door does not let the caller in; ``answer`` is sent as it is."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def refuse_missing(what: str = "Not Found") -> RefusalError:
    """Return the refusal for what is absent or not visible: Confluence does not tell which."""
    return RefusalError(404, what, code="NOT_FOUND")


@dataclass(frozen=True, slots=True)
class Call:
    """A request by a known caller (or an anonymous one), with its parameters."""

    view: View
    site: Site
    request: Request
    body: bytes = b""

    @property
    def world(self) -> World:
        """The world the request is about."""
        return self.view.world

    def path(self, name: str) -> str:
        """Return a path parameter."""
        return str(self.request.path_params[name])

    def text(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return self.request.query_params.get(name, default)

    def texts(self, name: str) -> list[str]:
        """Return a list parameter: repeated, comma-separated or both."""
        values = self.request.query_params.getlist(name)
        return [item.strip() for value in values for item in value.split(",") if item.strip()]

    def flag(self, name: str) -> bool:
        """Return a boolean parameter, false by default."""
        return self.text(name).casefold() == "true"


Handler = Callable[[Call], Response]
Route = tuple[str, str, Handler]
"""Method, path template, handler."""
