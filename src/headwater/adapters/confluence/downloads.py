"""Downloading one file from Confluence, which mostly sends us to another host to get it.

Redirects are followed by hand: the credentials go to Confluence's own origin and nowhere else, and every
address on the way passes the guard of ``egress``. The signed URL that a redirect names opens the file
to anybody, so it is neither kept nor quoted in any message.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import httpx2

from headwater.adapters.confluence.answers import (
    AbsentError,
    Answer,
    BrokenAnswerError,
    OversizedAnswerError,
    RejectedRequestError,
    judge_status,
)
from headwater.adapters.confluence.client import JsonClient
from headwater.adapters.confluence.patience import TransientError
from headwater.domain.content import ListedAttachment
from headwater.domain.errors import (
    AddressRefusedError,
    DocumentError,
    FailureType,
    SourceRefusedError,
    SourceUnreachableError,
)

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_STALE = frozenset({400, 401, 403, 404, 410})
_ELSEWHERE = "the host that Confluence keeps its files on"
_LOGIN_PATH = re.compile(r"/(login|signin)(\.\w+)?/?\Z", re.IGNORECASE)
_LOGIN_MARK = re.compile(rb"log[ -]?in|sign[ -]?in|os_username|password", re.IGNORECASE)
_MARKED_BYTES = 65_536
_HTML = frozenset({"text/html", "application/xhtml+xml"})


class _StaleUrlError(AbsentError):
    """The host of the files does not take the signed URL, or takes it no longer."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """Where a download has got to."""

    url: httpx2.URL
    is_home: bool
    """Still at Confluence itself, so that it gets the credentials."""


async def download_file(
    client: JsonClient,
    url: httpx2.URL,
    attachment: ListedAttachment,
    *,
    max_bytes: int,
    check: Callable[[], Awaitable[None]],
) -> bytes:
    """Return the file's bytes; ``url`` is Confluence's own. Costs two requests, redirect included.

    Before one file is blamed, ``check`` proves that Confluence still knows the caller, or raises.
    Raises ``DocumentError``: ``FILE_TOO_LARGE``, ``ACCESS_DENIED``, ``NETWORK_ERROR``.
    """
    try:
        return await client.persist(lambda: _fetch_afresh(client, url, attachment, max_bytes))
    except OversizedAnswerError as error:
        text = f"The file is larger than {max_bytes} bytes, the most that is taken in"
        raise DocumentError(FailureType.FILE_TOO_LARGE, text) from error
    except (SourceRefusedError, AbsentError) as error:
        await check()
        text = f"Confluence does not give this account the file; check its access ({error})"
        raise DocumentError(FailureType.ACCESS_DENIED, text) from error
    except SourceUnreachableError as error:
        await check()
        text = f"The file cannot be downloaded: {error}"
        raise DocumentError(FailureType.NETWORK_ERROR, text) from error


async def _fetch_afresh(
    client: JsonClient, url: httpx2.URL, attachment: ListedAttachment, max_bytes: int
) -> bytes:
    """Fetch the file, with a second signed URL if the first is refused: they do not live long."""
    try:
        answer = await _follow(client, url, max_bytes)
    except _StaleUrlError:
        answer = await _follow(client, url, max_bytes)
    if _is_login_page(answer, attachment):
        raise SourceRefusedError("it shows a login page instead")
    return answer.body


async def _follow(client: JsonClient, url: httpx2.URL, max_bytes: int) -> Answer:
    stop = _Stop(url, is_home=True)
    for _ in range(_MOST_REDIRECTS + 1):
        answer = await _ask(client, stop, max_bytes)
        if answer.status not in _REDIRECTS:
            judge_status(answer, client.now())
            return answer
        stop = _read_next(stop, answer)
        client.refuse_telltale(stop.url)
    raise RejectedRequestError("Confluence redirects the download round and round")


async def _ask(client: JsonClient, stop: _Stop, max_bytes: int) -> Answer:
    if stop.is_home:
        return await client.download(stop.url, max_bytes=max_bytes, with_credentials=True)
    answer = replace(await _ask_elsewhere(client, stop.url, max_bytes), path=_ELSEWHERE)
    if answer.status in _STALE:
        raise _StaleUrlError(f"status {answer.status} from {_ELSEWHERE}")
    return answer


async def _ask_elsewhere(client: JsonClient, url: httpx2.URL, max_bytes: int) -> Answer:
    """Ask without credentials, and without quoting the signed URL when it goes wrong."""
    try:
        return await client.download(url, max_bytes=max_bytes, with_credentials=False)
    except AddressRefusedError as error:
        raise RejectedRequestError(
            f"Confluence redirects to {url.host}, which is not to be reached; if it should be, "
            "the operator can list it in HEADWATER_ALLOWED_PRIVATE_HOSTS"
        ) from error
    except SourceUnreachableError as error:
        if isinstance(error, OversizedAnswerError):
            raise
        text = f"{url.host}, where the file is kept, is not there or gives nothing of use"
        raise BrokenAnswerError(text) from error
    except TransientError as error:
        text = f"{url.host}, where the file is kept, does not answer properly; try again later"
        raise TransientError(BrokenAnswerError(text)) from error


def _read_next(stop: _Stop, answer: Answer) -> _Stop:
    """Return where a redirect leads; what has left Confluence once is never trusted again."""
    try:
        target = stop.url.join(answer.headers.get("location", ""))
    except (httpx2.InvalidURL, ValueError) as error:
        raise _stray_redirect() from error
    if target.scheme not in {"https", "http"} or not target.host or target.userinfo:
        raise _stray_redirect()
    if _LOGIN_PATH.search(target.path):
        raise SourceRefusedError("it redirects to a login page")
    return _Stop(target, is_home=stop.is_home and _origin(target) == _origin(stop.url))


def _stray_redirect() -> RejectedRequestError:
    return RejectedRequestError("Confluence redirects the download to something that is no web URL")


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _is_login_page(answer: Answer, attachment: ListedAttachment) -> bool:
    """Tell whether we got a page to log in with; an HTML file looks the same, so only for others."""
    content_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_html_file = attachment.media_type.lower() in _HTML or attachment.title.lower().endswith(
        (".html", ".htm", ".xhtml")
    )
    if content_type not in _HTML or is_html_file:
        return False
    return _LOGIN_MARK.search(answer.body[:_MARKED_BYTES]) is not None
