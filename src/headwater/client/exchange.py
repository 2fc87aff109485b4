"""From a call to what goes over the wire, and back; whether a failed one is sent again. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final, TypeVar

import httpx2
from pydantic import TypeAdapter, ValidationError

from headwater.client.answers import Answer
from headwater.client.calls import Call, Tenancy
from headwater.client.errors import (
    REFUSALS,
    NoAnswerError,
    Problem,
    RefusalError,
    UnavailableError,
)

T = TypeVar("T")

OTHER_VERSION: Final = "is this a Headwater server? look at the URL, and at both versions"

ATTEMPTS: Final = 4
FIRST_PAUSE: Final = timedelta(milliseconds=250)
LONGEST_PAUSE: Final = timedelta(seconds=30)
"""A server that wants more patience than this gets its refusal handed on to the caller."""

WAITING_HELPS: Final = frozenset({429, 503, 504})
NOT_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""What fails before a request has left."""

BROKEN_OFF: Final = (httpx2.NetworkError, httpx2.RemoteProtocolError)


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom calls are made; ``domain`` is the platform's ``rezolve_domain``, which is recorded."""

    tenant: str
    domain: str = "headwater.local"


def make_body(call: Call[Any], identity: Identity) -> dict[str, Any] | None:
    """Return the JSON body of a call, the tenant where the route wants it."""
    if call.body is None:
        return None
    tenant = {"rezolve_domain": identity.domain, "tenant_id": identity.tenant}
    if call.tenancy is Tenancy.PINECONE_CONFIG:
        return {**call.body, "pinecone_config": tenant}
    return {**call.body, **(tenant if call.tenancy is Tenancy.BODY else {})}


def make_headers(token: str, identity: Identity) -> dict[str, str]:
    """Return the headers of every call; ``ValueError`` for a token that no header can hold.

    The token is not shown then. An empty one is left out, for the API to ask for it.
    """
    if not (token.isascii() and token.isprintable()):
        raise ValueError("the token holds line breaks or other characters that no token has")
    bearer = {"authorization": f"Bearer {token}"} if token else {}
    return {**bearer, "x-tenantid": identity.tenant}


def read_answer(call: Call[T], response: httpx2.Response) -> T:
    """Return the value of a fine answer; ``NoAnswerError`` for what is none of this API."""
    try:
        sent = response.json() if response.content else None
        return _read(call.answer, sent, inside=call.inside)
    except (ValueError, LookupError, TypeError) as error:
        raise _misunderstand(response, error) from error


def read_event(answer: type[T], data: str) -> T:
    """Return the value that an event of a stream carries."""
    try:
        return _read(answer, json.loads(data))
    except ValueError as error:
        raise NoAnswerError(
            "an event of the stream is not what this client knows", next_step=OTHER_VERSION
        ) from error


def _read(answer: type[T], sent: Any, *, inside: str | None = None) -> T:
    kind: Any = answer  # mypy takes a type[T] for something that cannot be hashed
    value: T = _reader(kind).validate_python(sent if inside is None else sent[inside])
    if isinstance(value, Answer):
        value.remember(sent)
    return value


@cache
def _reader(answer: Any) -> TypeAdapter[Any]:
    return TypeAdapter(answer)


def _misunderstand(response: httpx2.Response, error: Exception) -> NoAnswerError:
    where = error.title if isinstance(error, ValidationError) else "no such answer"
    message = f"{response.status_code} of {response.request.url.path} is not understood: {where}"
    return NoAnswerError(message, next_step=OTHER_VERSION)


def read_refusal(response: httpx2.Response) -> RefusalError | NoAnswerError:
    """Return the error of a refused call, whose body has been read."""
    try:
        problems = [_read_problem(item) for item in response.json()["detail"]]
    except (ValueError, LookupError, TypeError):
        problems = []
    if not problems:
        text = f"{response.status_code} of {response.request.url.path}: {response.text[:200]}"
        return NoAnswerError(text, next_step=OTHER_VERSION)
    kind = REFUSALS.get(response.status_code, UnavailableError)
    return kind(
        response.status_code,
        problems,
        retry_after=_read_seconds(response.headers),
        request_id=response.headers.get("x-request-id"),
    )


def _read_problem(item: Mapping[str, Any]) -> Problem:
    return Problem(tuple(map(str, item["loc"])), str(item["msg"]), str(item["type"]))


def _read_seconds(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None


def explain_silence(error: httpx2.TransportError, url: str) -> NoAnswerError:
    """Return the error of a call that nobody answered."""
    reason = str(error) or type(error).__name__
    return NoAnswerError(
        f"no answer from {url}: {reason}", next_step="is the server running? headwater serve"
    )


def plan_repeat(
    call: Call[Any], attempt: int, trouble: httpx2.TransportError | httpx2.Response
) -> float | None:
    """Return after how many seconds to send a call again; ``None``: not at all.

    ``attempt`` counts from 1. What was never sent or was refused for being too much is sent again in
    any case, what broke off only where a second time does no harm. An answer that is too slow is not
    asked for twice.
    """
    if attempt >= ATTEMPTS or not _may_repeat(call, trouble):
        return None
    wanted = _wanted_pause(trouble)
    pause = FIRST_PAUSE.total_seconds() * 2 ** (attempt - 1) if wanted is None else wanted
    return pause if pause <= LONGEST_PAUSE.total_seconds() else None


def _may_repeat(call: Call[Any], trouble: httpx2.TransportError | httpx2.Response) -> bool:
    if isinstance(trouble, httpx2.Response):
        refused = trouble.status_code == httpx2.codes.TOO_MANY_REQUESTS
        return refused or (call.repeatable and trouble.status_code in WAITING_HELPS)
    return isinstance(trouble, NOT_SENT) or (call.repeatable and isinstance(trouble, BROKEN_OFF))


def _wanted_pause(trouble: httpx2.TransportError | httpx2.Response) -> float | None:
    return _read_seconds(trouble.headers) if isinstance(trouble, httpx2.Response) else None
