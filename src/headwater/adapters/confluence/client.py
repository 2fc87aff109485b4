"""One authenticated JSON client: bounded answers, patient with trouble, paced by the site's governor."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from importlib.metadata import version
from typing import Final, TypeVar

import httpx2

from headwater.adapters.confluence.answers import (
    Answer,
    BrokenAnswerError,
    OversizedAnswerError,
    RejectedRequestError,
    find_trouble,
    read_json,
)
from headwater.adapters.confluence.governor import SiteGovernor, Turn, Visitor
from headwater.adapters.confluence.pace import CEILING
from headwater.adapters.confluence.patience import (
    PATIENT,
    Patience,
    Retries,
    Timing,
    TransientError,
)
from headwater.adapters.confluence.telltales import find_telltales, is_telltale
from headwater.adapters.metrics import NO_ANSWER, UPSTREAM_REQUESTS
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from headwater.domain.jobs import SiteCredential
from headwater.ports import Traffic

V2: Final = "/wiki/api/v2"
V1: Final = "/wiki/rest/api"
USER_AGENT: Final = f"headwater/{version('headwater')}"

Params = Mapping[str, str]
_ENCODINGS: Final = frozenset({"identity", "gzip", ""})
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be asked of Confluence and of our memory. Bytes and seconds."""

    in_flight: int = CEILING
    """The most requests of one client at a time; a site's governor goes from few towards this many."""
    answer_bytes: int = 64 * 1024 * 1024
    batch_bytes: int = 16 * 1024 * 1024
    """For an answer that can be asked for in smaller pieces."""
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    """Between two pieces of an answer."""
    answer_seconds: float = 300.0
    """For a whole answer, however steadily it drips."""

    def timeout(self) -> httpx2.Timeout:
        """Return the limits of single network operations; queueing for our own slots is unlimited."""
        return httpx2.Timeout(self.read_seconds, connect=self.connect_seconds, pool=None)


@dataclass(frozen=True, slots=True)
class Reply:
    """A decoded answer and the link to what comes after it, as its header gives it."""

    value: object
    link: str | None


@dataclass(frozen=True, slots=True)
class Ask:
    """What one request asks for, where it differs from the client's own patience and limits."""

    attempts: int | None = None
    max_bytes: int | None = None
    payload: bytes | None = None
    """JSON to POST, for what is read that way; such a request changes nothing and may be repeated."""


class JsonClient:
    """Reads JSON below ``root``. Raises what ``answers`` lists, and nothing else.

    ``visitor`` is what it is among all that ask the site; without one it has the site to itself.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        root: str,
        authorization: str | None,
        *,
        limits: Limits | None = None,
        patience: Patience = PATIENT,
        timing: Timing | None = None,
        visitor: Visitor | None = None,
    ) -> None:
        self.root = httpx2.URL(root)
        self.limits = limits or Limits()
        self._http = http
        self._authorization = authorization
        self._telltales = find_telltales(authorization)
        self._patience = patience
        self._timing = timing or Timing()
        self._visitor = visitor or SiteGovernor(self._timing, ceiling=self.limits.in_flight).join()
        self._slots = asyncio.Semaphore(self.limits.in_flight)
        self._requests = 0
        self._bytes = 0

    @property
    def traffic(self) -> Traffic:
        """What was asked so far, failed tries included."""
        return Traffic(requests=self._requests, bytes_fetched=self._bytes)

    def locate(self, path: str, params: Params | None = None) -> httpx2.URL:
        """Return the URL of a path below the root, such as ``/wiki/api/v2/spaces``."""
        raw_path = self.root.raw_path.rstrip(b"/").decode("ascii") + path
        url = self.root.copy_with(path=raw_path)
        return url.copy_with(params=dict(params)) if params else url

    async def get(self, path: str, params: Params | None = None) -> object:
        """Return the JSON at a path below the root."""
        return (await self.read(self.locate(path, params))).value

    async def read(self, url: httpx2.URL, ask: Ask | None = None) -> Reply:
        """Return the JSON at a URL made by :meth:`locate` or re-anchored by ``paging``."""
        ask = ask or Ask()
        attempt = partial(self._try, url, ask)
        return await self.persist(attempt, attempts=ask.attempts)

    async def persist(
        self, attempt: Callable[[], Awaitable[Result]], *, attempts: int | None = None
    ) -> Result:
        """Return what ``attempt`` returns, repeated on ``TransientError`` as long as patience lasts."""
        attempts = min(attempts or self._patience.attempts, self._patience.attempts)
        retries = Retries(replace(self._patience, attempts=attempts))
        while True:
            try:
                return await attempt()
            except TransientError as trouble:
                await self._wait(trouble, retries)

    async def _wait(self, trouble: TransientError, retries: Retries) -> None:
        pause = self._visitor.paused_seconds()
        if trouble.throttled and pause:
            retries.sit_out(trouble, pause)
        else:
            await self._timing.sleep(retries.next_wait(trouble, self._timing.dice()))

    async def _try(self, url: httpx2.URL, ask: Ask) -> Reply:
        max_bytes = ask.max_bytes or self.limits.answer_bytes
        may_shrink = ask.attempts is not None
        request = self._make_request(url, self._headers(), ask.payload)
        answer = await self._send(request, max_bytes, may_shrink=may_shrink)
        value = read_json(answer, self.now())
        return Reply(value, answer.headers.get("link"))

    def refuse_telltale(self, url: httpx2.URL) -> None:
        """Raise ``RejectedRequestError`` for a URL that holds the caller's credential."""
        if is_telltale(str(url), self._telltales):
            raise RejectedRequestError(
                "Confluence names a URL that holds the API token; nothing was sent there"
            )

    def now(self) -> datetime:
        """Return the present, as this client's clock has it."""
        return self._timing.now()

    async def download(self, url: httpx2.URL, *, max_bytes: int, with_credentials: bool) -> Answer:
        """Return one try's answer whatever its status; redirects are not followed.

        ``max_bytes`` holds for the body of a 200. Raises ``OversizedAnswerError``, ``TransientError``.
        """
        headers = {**self._headers(), "accept": "*/*", "accept-encoding": "identity"}
        if not with_credentials:
            headers.pop("authorization", None)
        return await self._send(self._make_request(url, headers), max_bytes)

    def _make_request(
        self, url: httpx2.URL, headers: Mapping[str, str], payload: bytes | None = None
    ) -> httpx2.Request:
        self.refuse_telltale(url)
        if payload is None:
            return self._http.build_request("GET", url, headers=headers)
        headers = {**headers, "content-type": "application/json"}
        return self._http.build_request("POST", url, headers=headers, content=payload)

    async def _send(
        self, request: httpx2.Request, max_bytes: int, *, may_shrink: bool = False
    ) -> Answer:
        """Return one try's answer, unjudged, once it is this request's turn.

        ``may_shrink``: if it takes too long, less will be asked for, which is remedy enough.
        """
        async with self._slots, self._visitor.turn(self._patience) as turn:
            self._requests += 1
            try:
                answer = await self._exchange(request, max_bytes)
            except TransientError as trouble:
                UPSTREAM_REQUESTS.labels(NO_ANSWER).inc()
                self._note_silence(turn, trouble, may_shrink=may_shrink)
                raise
            UPSTREAM_REQUESTS.labels(str(answer.status)).inc()
            self._note_answer(turn, answer)
            return answer

    def _note_silence(self, turn: Turn, trouble: TransientError, *, may_shrink: bool) -> None:
        if trouble.timed_out and not may_shrink:
            turn.note_timeout()
        else:
            turn.note_failure()

    def _note_answer(self, turn: Turn, answer: Answer) -> None:
        trouble = find_trouble(answer, self.now())
        if trouble is None:
            turn.note_answer(answer.headers)
        elif trouble.throttled:
            turn.note_throttling(answer.headers, trouble.retry_after, self._patience)
        else:
            turn.note_failure()

    async def _exchange(self, request: httpx2.Request, max_bytes: int) -> Answer:
        """Translate every way a connection can fail; one that never began may be the whole site's."""
        url = request.url
        try:
            async with asyncio.timeout(self.limits.answer_seconds):
                return await self._receive(request, max_bytes)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            text = f"Confluence does not take connections at {url.host}; check instance_url"
            is_slow = isinstance(error, httpx2.ConnectTimeout)
            raise TransientError(SourceUnreachableError(text), timed_out=is_slow) from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            text = f"Confluence takes too long to answer {url.path}"
            raise TransientError(BrokenAnswerError(text), timed_out=True) from error
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            text = f"Confluence breaks off its answer to {url.path}"
            raise TransientError(BrokenAnswerError(text)) from error

    async def _receive(self, request: httpx2.Request, max_bytes: int) -> Answer:
        url = request.url
        async with aclosing(await self._http.send(request, stream=True)) as response:
            cap = max_bytes if response.status_code == 200 else self.limits.answer_bytes  # noqa: PLR2004  (OK)
            body = bytearray()
            _refuse_encoding(url, response)
            _refuse_oversized(url, _declared_length(response), cap)
            async for part in response.aiter_bytes():
                self._bytes += len(part)
                body += part
                _refuse_oversized(url, len(body), cap)
            received = {name.lower(): value for name, value in response.headers.items()}
            return Answer(url.path, response.status_code, received, bytes(body))

    def _headers(self) -> dict[str, str]:
        # gzip alone: its worst expansion keeps one received piece within bounds
        headers = {
            "accept": "application/json",
            "accept-encoding": "gzip",
            "user-agent": USER_AGENT,
        }
        if self._authorization is not None:
            headers["authorization"] = self._authorization
        return headers


def _refuse_encoding(url: httpx2.URL, response: httpx2.Response) -> None:
    """Refuse what was not asked for: one piece of another encoding, or of two, can unpack to any size."""
    if response.headers.get("content-encoding", "identity").lower() not in _ENCODINGS:
        raise RejectedRequestError(
            f"Confluence encodes its answer to {url.path} in an unwanted way"
        )


def _declared_length(response: httpx2.Response) -> int:
    text = response.headers.get("content-length", "")
    return int(text[:20]) if text.isascii() and text.isdigit() else 0


def _refuse_oversized(url: httpx2.URL, length: int, max_bytes: int) -> None:
    if length > max_bytes:
        raise OversizedAnswerError(f"Confluence's answer to {url.path} exceeds {max_bytes} bytes")


def make_authorization(credential: SiteCredential, *, bearer_allowed: bool) -> str:
    """Return the header: Basic, or Bearer where that is allowed and there is no user name.

    Raises ``SourceRefusedError`` for a token that no header can carry.
    """
    token = credential.token.reveal()
    if credential.username or not bearer_allowed:
        pair = f"{credential.username}:{token}".encode("utf-8", "surrogatepass")
        return f"Basic {base64.b64encode(pair).decode('ascii')}"
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SourceRefusedError("The API token holds characters that no token has; copy it again")
    return f"Bearer {token}"
