"""What one HTTP answer means: JSON, a refusal, trouble that may pass, or nonsense.

    SourceRefusedError                    401, 403, a login page
    └── LoginFailedError                  a login that failed or is locked: each further try counts too
    SourceUnreachableError                no connection, throttled or closed beyond our patience
    ├── BrokenAnswerError                 this one request failed: 5xx, cut off, too slow, undecodable
    │   └── OversizedAnswerError            more bytes than asked for
    ├── AbsentError                       404: gone, or not visible; Confluence does not tell which
    └── RejectedRequestError              400, 410, no JSON and the like: asking again will not help

Never quotes an answer's body: it is another party's text.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from headwater.adapters.confluence.patience import TransientError, parse_date, parse_retry_after
from headwater.adapters.confluence.scopes import name_scope
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError

_TRACE = re.compile(r"[0-9a-f-]{1,64}")  # so narrow that no token passes for one
_ESCAPES_TO_CLEAN = re.compile(rb"\\u(0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_TOO_LARGE = 413
_THROTTLED = 429


class LoginFailedError(SourceRefusedError):
    """Data Center's login failed, or waits for a CAPTCHA.

    It locks accounts after a few failures, so this must end the work at once.
    """


class LoginPageError(SourceRefusedError):
    """A web page came in place of JSON: of a login, or of something in between that is out of order."""


class BrokenAnswerError(SourceUnreachableError):
    """Confluence was reached, but this one request failed."""


class OversizedAnswerError(BrokenAnswerError):
    """The answer holds more bytes than this request allows."""


class AbsentError(SourceUnreachableError):
    """Confluence answered 404: the thing is gone, or not visible to this account."""


class RejectedRequestError(SourceUnreachableError):
    """Confluence will not serve this request, however often it is asked."""


NOT_TOLD = (SourceRefusedError, BrokenAnswerError, AbsentError, RejectedRequestError)
"""Confluence answers, but keeps this one thing from us. Whether it still knows us is another question."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, body and all. ``path`` is the request's, without query."""

    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def read_json(answer: Answer, now: datetime) -> object:
    """Return the decoded body of a good answer; raises what the answer means otherwise.

    NUL and lone surrogates, which neither databases nor UTF-8 can hold, are cleaned out of all text.
    """
    judge_status(answer, now)
    _judge_content_type(answer)
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise TransientError(
            BrokenAnswerError(f"Confluence's answer to {answer.path} is not readable JSON")
        ) from error
    return _clean(value) if _ESCAPES_TO_CLEAN.search(answer.body) else value


def judge_status(answer: Answer, now: datetime) -> None:
    """Return if the status is 200; raise what any other means."""
    status = answer.status
    if status == 200:  # noqa: PLR2004  (OK)
        return
    if status in {401, 403}:
        raise _refusal(answer)
    if status == 404:  # noqa: PLR2004  (Not Found)
        raise AbsentError(_describe(answer, "has nothing that this account may see at"))
    if status == _TOO_LARGE:
        raise OversizedAnswerError(_describe(answer, "finds the request too large:"))
    if trouble := find_trouble(answer, now):
        raise trouble
    if 300 <= status < 400:  # noqa: PLR2004  (redirects)
        raise _redirection(answer)
    if status == 410:  # noqa: PLR2004  (Gone)
        raise RejectedRequestError(_describe(answer, "no longer has (410) on this site:"))
    raise RejectedRequestError(_describe(answer, f"rejected with status {status} the request"))


def find_trouble(answer: Answer, now: datetime) -> TransientError | None:
    """Return the trouble that the answer speaks of, if it is of a kind that may pass."""
    is_passing = answer.status in {408, 425, _THROTTLED} or answer.status >= 500  # noqa: PLR2004  (server errors)
    return _trouble(answer, now) if is_passing else None


def _refusal(answer: Answer) -> SourceRefusedError:
    reason = answer.headers.get("x-seraph-loginreason", "").upper()
    is_failed = "FAILED" in reason or "DENIED" in reason or _wants_captcha(answer)
    kind = LoginFailedError if is_failed else SourceRefusedError
    return kind(_describe(answer, _refusal_reason(answer)))


def _wants_captcha(answer: Answer) -> bool:
    return "CAPTCHA" in answer.headers.get("x-authentication-denied-reason", "").upper()


def _refusal_reason(answer: Answer) -> str:
    if "SCOPE" in answer.headers.get("x-failure-category", "").upper():
        scope = name_scope(answer.path)
        return (
            f"does not let a token with these scopes read (it needs {scope}; make one that has it)"
        )
    if _wants_captcha(answer):
        return "wants a person to solve a CAPTCHA (log in once in a browser, then try again) before"
    if b"Basic Authentication has been disabled" in answer.body:
        return "does not accept a user name (use a personal access token without one) for"
    return "refused the credentials (check user name, API token and its access) for"


def _trouble(answer: Answer, now: datetime) -> TransientError:
    sent_at = parse_date(answer.headers.get("date", "")) or now
    retry_after = parse_retry_after(answer.headers.get("retry-after"), sent_at)
    if answer.status == _THROTTLED:
        text = "throttles this account for longer than we wait; try again later:"
        final = SourceUnreachableError(_describe(answer, text))
        return TransientError(final, throttled=True, retry_after=retry_after)
    if retry_after is not None:
        text = "is away for longer than we wait (it says when it will be back); try again later:"
        final = SourceUnreachableError(_describe(answer, text))
        return TransientError(final, throttled=True, retry_after=retry_after)
    text = f"keeps failing with status {answer.status} at"
    return TransientError(BrokenAnswerError(_describe(answer, text)))


def _redirection(answer: Answer) -> SourceRefusedError | RejectedRequestError:
    target = answer.headers.get("location", "").partition("?")[0]
    if "login" in target.lower():
        text = "shows a login page (check user name and API token) instead of"
        return SourceRefusedError(_describe(answer, text))
    return RejectedRequestError(
        _describe(answer, "redirects elsewhere (give its final address as instance_url) from")
    )


def _judge_content_type(answer: Answer) -> None:
    content_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json" or content_type.endswith("+json"):
        return
    if content_type in {"text/html", "application/xhtml+xml"}:
        raise LoginPageError(
            _describe(answer, "shows a login page (check user name and API token) instead of")
        )
    raise RejectedRequestError(_describe(answer, "answers with something other than JSON at"))


def _describe(answer: Answer, what: str) -> str:
    trace = answer.headers.get("atl-traceid", "")
    suffix = f" (trace {trace})" if _TRACE.fullmatch(trace) else ""
    return f"Confluence {what} {answer.path}{suffix}"


def _clean(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def clean_text(text: str) -> str:
    """Return the text without NUL, and with U+FFFD for each lone surrogate."""
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\x00" else "\ufffd", text)
