"""One authenticated JSON client: few requests in flight, bounded answers, patient with trouble."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Final

import httpx2

from headwater.adapters.confluence.answers import (
    Answer,
    BrokenAnswerError,
    OversizedAnswerError,
    read_json,
)
from headwater.adapters.confluence.patience import (
    PATIENT,
    Gate,
    Patience,
    Retries,
    Timing,
    TransientError,
    WaitListener,
)
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from headwater.domain.jobs import SiteCredential
from headwater.ports import Traffic

V2: Final = "/wiki/api/v2"
V1: Final = "/wiki/rest/api"
USER_AGENT: Final = f"headwater/{version('headwater')}"

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one source may ask of Confluence and of our memory. Bytes and seconds."""

    in_flight: int = 4
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


class JsonClient:
    """GETs JSON below ``root``. Raises what ``answers`` lists, and nothing else."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        root: str,
        authorization: str | None,
        *,
        limits: Limits | None = None,
        patience: Patience = PATIENT,
        timing: Timing | None = None,
        on_wait: WaitListener | None = None,
    ) -> None:
        self.root = httpx2.URL(root)
        self.limits = limits or Limits()
        self._http = http
        self._authorization = authorization
        self._patience = patience
        self._timing = timing or Timing()
        self._gate = Gate(self._timing, on_wait)
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
        attempts = min(ask.attempts or self._patience.attempts, self._patience.attempts)
        retries = Retries(replace(self._patience, attempts=attempts))
        while True:
            try:
                return await self._try(url, ask.max_bytes or self.limits.answer_bytes)
            except TransientError as trouble:
                await self._wait(trouble, retries)

    async def _wait(self, trouble: TransientError, retries: Retries) -> None:
        seconds = retries.next_wait(trouble, self._timing.dice())
        if trouble.throttled:
            self._gate.close(seconds)
        else:
            await self._timing.sleep(seconds)

    async def _try(self, url: httpx2.URL, max_bytes: int) -> Reply:
        async with self._slots:
            await self._gate.wait()
            self._requests += 1
            answer = await self._exchange(url, max_bytes)
        value = read_json(answer, self._timing.now())
        return Reply(value, answer.headers.get("link"))

    async def _exchange(self, url: httpx2.URL, max_bytes: int) -> Answer:
        """Translate every way a connection can fail; one that never began may be the whole site's."""
        try:
            async with asyncio.timeout(self.limits.answer_seconds):
                return await self._receive(url, max_bytes)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            text = f"Confluence does not take connections at {url.host}; check instance_url"
            raise TransientError(SourceUnreachableError(text)) from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            text = f"Confluence takes too long to answer {url.path}"
            raise TransientError(BrokenAnswerError(text)) from error
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            text = f"Confluence breaks off its answer to {url.path}"
            raise TransientError(BrokenAnswerError(text)) from error

    async def _receive(self, url: httpx2.URL, max_bytes: int) -> Answer:
        async with self._http.stream("GET", url, headers=self._headers()) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                self._bytes += len(part)
                body += part
                if len(body) > max_bytes:
                    raise OversizedAnswerError(
                        f"Confluence's answer to {url.path} exceeds {max_bytes} bytes"
                    )
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(url.path, response.status_code, headers, bytes(body))

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
