"""The one table from our errors to HTTP statuses, and the handlers that use it."""

import math
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, TypeGuard, cast
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from headwater.api.errors import Location, Problem, RefusalError, render_problems
from headwater.api.validation import explain_error
from headwater.domain.errors import (
    AddressRefusedError,
    ConflictError,
    ContentNotFoundError,
    HeadwaterError,
    InvalidInputError,
    JobStateError,
    ListingIncompleteError,
    NotAllowedError,
    NoTenantError,
    NotFoundError,
    RetryableError,
    SourceRefusedError,
    SourceUnreachableError,
    SpaceNotFoundError,
    TooManyJobsError,
    TooManyRequestsError,
    TooManyStreamsError,
    UnauthenticatedError,
)

RETRY_AFTER: Final = 5
"""Seconds a client waits when the error itself does not know better."""

MAX_FRAMES: Final = 30
"""Innermost places that the log keeps of an error: a runaway recursion has thousands."""

_log = structlog.get_logger("headwater.api")


class _Answer(NamedTuple):
    status: int
    type: str
    loc: Location


_ANSWERS: Final[dict[type[HeadwaterError], _Answer]] = {
    SourceRefusedError: _Answer(403, "permission_error.confluence", ("confluence",)),
    NoTenantError: _Answer(403, "permission_error.tenant", ("header", "authorization")),
    NotAllowedError: _Answer(403, "permission_error", ("request",)),
    ContentNotFoundError: _Answer(404, "not_found_error.content", ("body", "source_url")),
    NotFoundError: _Answer(404, "not_found_error", ("path",)),
    JobStateError: _Answer(409, "conflict_error.job_state", ("path", "job_id")),
    TooManyJobsError: _Answer(429, "rate_limit_error.open_jobs", ("request",)),
    TooManyStreamsError: _Answer(429, "rate_limit_error.streams", ("request",)),
    TooManyRequestsError: _Answer(429, "rate_limit_error", ("request",)),
    ConflictError: _Answer(409, "conflict_error", ("body", "job_id")),
    SpaceNotFoundError: _Answer(422, "value_error.space", ("body", "space")),
    InvalidInputError: _Answer(422, "value_error", ("body",)),
    SourceUnreachableError: _Answer(502, "source_error.unreachable", ("confluence",)),
    ListingIncompleteError: _Answer(502, "source_error.incomplete", ("confluence",)),
    RetryableError: _Answer(503, "unavailable_error", ("service",)),
}
_HTTP_TYPES: Final = {404: "not_found_error", 405: "method_not_allowed_error"}


def install_handlers(app: FastAPI) -> None:
    """Make every error of the application answer in the one shape."""
    app.add_exception_handler(RefusalError, _answer_refusal)
    app.add_exception_handler(UnauthenticatedError, _answer_unauthenticated)
    app.add_exception_handler(HeadwaterError, _answer_our_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_parameters)


@contextmanager
def addresses_below(*place: str) -> Iterator[None]:
    """Say where in the body a refused address stood: adapters know the field, not the body."""
    try:
        yield
    except AddressRefusedError as error:
        loc: Location = (*place, *error.loc)
        raise AddressRefusedError(loc, str(error), error.kind) from error


def answer_unexpected(error: Exception, request_id: str) -> Response:
    """Log an error that nobody foresaw and return the 500 that names its log entry.

    The log gets the places the error went through but not its text, which may quote a secret; the
    text of our own errors is safe.
    """
    error_id = uuid4().hex
    _log.error(
        "unexpected error",
        error_id=error_id,
        request_id=request_id,
        error=type(error).__name__,
        message=str(error) if isinstance(error, HeadwaterError) else None,
        places=_places(error),
    )
    message = f"unexpected error {error_id}; the server's log tells more under this id"
    return render_problems(500, [Problem(("server",), message, "server_error")])


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__, limit=-MAX_FRAMES)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or error.__context__
    return [*places, type(cause).__name__, *_places(cause)] if cause else places


async def _answer_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusalError)  # noqa: S101  (registered for this class alone)
    return render_problems(error.status, error.problems, error.headers)


async def _answer_unauthenticated(_: Request, error: Exception) -> Response:
    assert isinstance(error, UnauthenticatedError)  # noqa: S101  (registered for this class alone)
    kind = f"authentication_error.{error.kind}"
    problem = Problem(("header", "authorization"), str(error), kind)
    return render_problems(401, [problem], {"WWW-Authenticate": "Bearer"})


async def _answer_our_error(request: Request, error: Exception) -> Response:
    answer = next((_ANSWERS[kind] for kind in type(error).__mro__ if kind in _ANSWERS), None)
    if answer is None:
        return answer_unexpected(error, request.state.request_id)
    headers = {"Retry-After": _wait(error)} if _says_when(error) else None
    return render_problems(answer.status, [_problem(error, answer)], headers)


def _problem(error: Exception, answer: _Answer) -> Problem:
    if isinstance(error, InvalidInputError):
        return Problem(error.loc, str(error), error.kind)
    return Problem(answer.loc, str(error), answer.type)


def _says_when(
    error: Exception,
) -> TypeGuard[RetryableError | SourceUnreachableError | TooManyRequestsError]:
    """Tell whether coming back makes sense: always where we are busy, else if it is known when."""
    if isinstance(error, SourceUnreachableError):
        return error.retry_after is not None
    return isinstance(error, RetryableError | TooManyRequestsError)


def _wait(error: RetryableError | SourceUnreachableError | TooManyRequestsError) -> str:
    return str(max(1, math.ceil(error.retry_after or RETRY_AFTER)))


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for this class alone)
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = _list_methods(request, headers["Allow"])
    kind = _HTTP_TYPES.get(error.status_code, "http_error")
    return render_problems(error.status_code, [_http_problem(request, error, kind)], headers)


def _list_methods(request: Request, named: str) -> str:
    """Return what the path allows: of all its routes, where the first one names its own method only."""
    routes = cast("Sequence[APIRoute]", request.app.state.routes)
    path = request.url.path
    found = {
        name for route in routes if route.path_regex.match(path) for name in route.methods or ()
    }
    methods = found or set(named.split(", "))
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _http_problem(request: Request, error: HTTPException, kind: str) -> Problem:
    if error.status_code == 405:  # noqa: PLR2004  (Method Not Allowed)
        return Problem(("method",), f"{request.method} is not allowed here", kind)
    return Problem(("path",), f"{error.detail}; /openapi.json lists what there is", kind)


async def _answer_invalid_parameters(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for this class alone)
    return render_problems(422, [explain_error(item, ()) for item in error.errors()])
