"""What an embeddings endpoint's refusal means for the caller, with nothing secret in the words."""

import email.utils
import math
from datetime import UTC, datetime

from openai import APIConnectionError, APIStatusError, APITimeoutError

from headwater.domain.errors import ConfigError, HeadwaterError, RetryableError
from headwater.domain.secrets import MASK

_RETRYABLE = frozenset({408, 409, 425, 429})
_SERVER_ERROR = 500
_LONGEST_QUOTE = 200
_CONFIG_HINTS = {
    401: "does not accept the key: check HEADWATER_EMBEDDER_API_KEY",
    403: "does not allow this key to use the model: check HEADWATER_EMBEDDER_API_KEY",
    404: "does not know the address or the model: check HEADWATER_EMBEDDER_URL and HEADWATER_EMBEDDER_MODEL",
    405: "takes no embedding requests at this address: check HEADWATER_EMBEDDER_URL",
}


class BatchRefusedError(Exception):
    """The endpoint says that this request is wrong; a smaller one may be right."""


def explain_connection(error: APIConnectionError) -> RetryableError:
    """Return the error for an endpoint that did not answer."""
    what = "did not answer in time" if isinstance(error, APITimeoutError) else "cannot be reached"
    return RetryableError(
        f"The embeddings endpoint {what}; check HEADWATER_EMBEDDER_URL if this lasts."
    )


def explain_status(error: APIStatusError, *, secret: str) -> HeadwaterError | BatchRefusedError:
    """Return the error for an HTTP status of 300 or more."""
    status = error.status_code
    if status in _RETRYABLE or status >= _SERVER_ERROR:
        return RetryableError(
            f"The embeddings endpoint is busy or failing (HTTP {status}); try again later.",
            retry_after=_read_retry_after(error),
        )
    if hint := _CONFIG_HINTS.get(status):
        return ConfigError(f"The embeddings endpoint {hint} (HTTP {status}).")
    return BatchRefusedError(f"the endpoint refuses it (HTTP {status}){_quote(error, secret)}.")


def _read_retry_after(error: APIStatusError) -> float | None:
    """Return the seconds to wait (RFC 9110, section 10.2.3: a number or a date); ``None`` if unsaid."""
    value = error.response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str) -> float:
    try:
        moment = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def _quote(error: APIStatusError, secret: str) -> str:
    """Quote the endpoint's reason; only OpenAI's ``message`` field, since others repeat the whole input."""
    message = error.body.get("message") if isinstance(error.body, dict) else None
    if not isinstance(message, str):
        return ""
    return f": {message.replace(secret, MASK)[:_LONGEST_QUOTE]}"
