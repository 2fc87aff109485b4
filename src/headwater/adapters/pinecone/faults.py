"""What the SDK raises, and what it means for the caller."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pinecone.errors import (
    ApiError,
    PineconeConnectionError,
    PineconeError,
    PineconeTimeoutError,
    ResponseParsingError,
)

from headwater.domain.errors import ConfigError, DocumentError, FailureType, RetryableError

BUSY: Final = frozenset({408, 429})
SERVER_ERROR: Final = 500

_HINTS: Final = {
    401: "does not accept the key: check HEADWATER_PINECONE_API_KEY",
    402: "wants the project's bill paid; see the Pinecone console",
    403: "does not allow this, or a quota of the project is used up; see the Pinecone console",
    404: "does not know the index or model any more: check HEADWATER_PINECONE_INDEX and"
    " HEADWATER_EMBEDDER_MODEL, and restart",
}


@contextmanager
def pinecone_faults(action: str, failure: FailureType = FailureType.STORE_ERROR) -> Iterator[None]:
    """Raise the SDK's errors as ours.

    ``RetryableError`` where the same call may succeed later, ``ConfigError`` for what an operator must
    mend, ``DocumentError`` for what Pinecone will not take, of this type of failure.
    """
    try:
        yield
    except (PineconeConnectionError, PineconeTimeoutError, ResponseParsingError) as error:
        raise RetryableError(
            f"Pinecone could not {action}: no usable answer; trying again later may do."
        ) from error
    except ApiError as error:
        raise _explain(error, action, failure) from error
    except PineconeError as error:
        raise DocumentError(
            failure, f"Pinecone's client refuses to {action}: {error.message}"
        ) from error


def _explain(
    error: ApiError, action: str, failure: FailureType
) -> RetryableError | ConfigError | DocumentError:
    status = error.status_code
    if status in BUSY or status >= SERVER_ERROR:
        return RetryableError(f"Pinecone could not {action} now (HTTP {status}).")
    if hint := _HINTS.get(status):
        return ConfigError(f"Pinecone {hint} (HTTP {status}).")
    return DocumentError(failure, f"Pinecone refuses to {action} (HTTP {status}): {error.message}")
