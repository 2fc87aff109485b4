"""What goes wrong, as a page that says what to do next."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from headwater.console.headers import HEADERS
from headwater.console.rendering import render
from headwater.console.visits import NotConnectedError, NotSignedInError, find_visit
from headwater.domain.errors import (
    ConflictError,
    HeadwaterError,
    InvalidInputError,
    ListingIncompleteError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    SourceRefusedError,
    SourceUnreachableError,
    SpaceNotFoundError,
    TooManyRequestsError,
    UnauthenticatedError,
)

_log = structlog.get_logger("headwater.console")


class Refusal(NamedTuple):
    """How an error looks on a page."""

    status: int
    title: str


_UNEXPECTED: Final = Refusal(500, "Something broke")
_REFUSALS: Final[Mapping[type[HeadwaterError], Refusal]] = {
    UnauthenticatedError: Refusal(401, "This token does not open the console"),
    SourceRefusedError: Refusal(403, "Confluence refuses"),
    NotAllowedError: Refusal(403, "Not allowed"),
    NotFoundError: Refusal(404, "Not found"),
    TooManyRequestsError: Refusal(429, "Too much at once"),
    ConflictError: Refusal(409, "Not now"),
    SpaceNotFoundError: Refusal(422, "No such space"),
    InvalidInputError: Refusal(422, "Something is not right in the form"),
    SourceUnreachableError: Refusal(502, "Confluence does not answer"),
    ListingIncompleteError: Refusal(502, "Confluence broke off"),
    RetryableError: Refusal(503, "Busy"),
}
_HTTP: Final[Mapping[int, str]] = {
    404: "There is no such page.",
    405: "This page is not called this way.",
}


def install_handlers(app: FastAPI) -> None:
    """Make every error of the console answer as a page."""
    app.add_exception_handler(NotSignedInError, _ask_to_sign_in)
    app.add_exception_handler(NotConnectedError, _ask_to_connect)
    app.add_exception_handler(HeadwaterError, _answer_our_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_parameters)
    app.add_exception_handler(Exception, _answer_unexpected)


def describe_refusal(error: HeadwaterError) -> Refusal:
    """Return how one of our errors looks on a page."""
    kinds = (kind for kind in type(error).__mro__ if kind in _REFUSALS)
    return next((_REFUSALS[kind] for kind in kinds), _UNEXPECTED)


async def _ask_to_sign_in(request: Request, _: Exception) -> Response:
    """Lead to the sign-in page, and from there back."""
    root = request.scope["root_path"]
    if "text/event-stream" in request.headers.get("accept", ""):
        return Response(status_code=401)  # whoever follows a job is no reader of pages
    if request.method != "GET":
        return RedirectResponse(f"{root}/sign-in", 303)
    below = request.url.path.removeprefix(root)
    place = quote(f"{below}?{request.url.query}" if request.url.query else below)
    url = f"{root}/sign-in?next={place}"
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": url})
    return RedirectResponse(url, 303)


async def _ask_to_connect(request: Request, _: Exception) -> Response:
    return RedirectResponse(f"{request.scope['root_path']}/connect", 303)


async def _answer_our_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HeadwaterError)  # noqa: S101  (registered for this class alone)
    refusal = describe_refusal(error)
    if refusal is _UNEXPECTED:
        raise error
    is_about_connection = isinstance(error, SourceRefusedError | SourceUnreachableError)
    return render_refusal(request, refusal, str(error), to_connect=is_about_connection)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for this class alone)
    request.state.visit = await find_visit(request)  # frames the page for somebody who is signed in
    title = "Not found" if error.status_code == 404 else "Not possible"  # noqa: PLR2004  (Not Found)
    text = _HTTP.get(error.status_code, error.detail)
    response = render_refusal(request, Refusal(error.status_code, title), text)
    response.headers.update(error.headers or {})
    return response


async def _answer_invalid_parameters(request: Request, _: Exception) -> Response:
    return render_refusal(request, Refusal(422, "Not found"), "This address is not quite right.")


async def _answer_unexpected(request: Request, _: Exception) -> Response:
    name = getattr(request.state, "request_id", "unknown")
    text = f"Nothing was lost. The server's log tells more under the request id {name}."
    response = render_refusal(request, _UNEXPECTED, text)
    response.headers.update(
        HEADERS
    )  # this page is sent from outside of what puts them on the others
    return response


def render_refusal(
    request: Request, refusal: Refusal, text: str, *, to_connect: bool = False
) -> Response:
    """Return the page that says what went wrong, and where to go on."""
    return render(
        request,
        "refusal.html",
        status_code=refusal.status,
        title=refusal.title,
        text=text,
        to_connect=to_connect,
    )
