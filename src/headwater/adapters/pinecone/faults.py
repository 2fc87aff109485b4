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

from headwater.domain.errors import BackendAwayError, ConfigError, DocumentError, FailureType

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

    ``BackendAwayError`` where the same call may succeed later, be it that an operator has to mend
    something first; ``DocumentError`` for what Pinecone will not take, of this type of failure.
    """
    try:
        yield
    except (PineconeConnectionError, PineconeTimeoutError, ResponseParsingError) as error:
        raise BackendAwayError(
            f"Pinecone could not {action}: no usable answer; trying again later may do."
        ) from error
    except ApiError as error:
        raise _explain(error, action, failure) from error
    except PineconeError as error:
        raise DocumentError(
            failure, f"Pinecone's client refuses to {action}: {error.message}"
        ) from error


@contextmanager
def opening_faults(action: str) -> Iterator[None]:
    """Raise what keeps a process from starting: ``ConfigError`` for what an operator has to mend.

    ``BackendAwayError`` when Pinecone is away.
    """
    try:
        with pinecone_faults(action):
            yield
    except BackendAwayError as error:
        status = getattr(error.__cause__, "status_code", None)
        if status in _HINTS:
            raise ConfigError(str(error)) from error
        raise


def _explain(
    error: ApiError, action: str, failure: FailureType
) -> BackendAwayError | DocumentError:
    status = error.status_code
    if status in BUSY or status >= SERVER_ERROR:
        return BackendAwayError(f"Pinecone could not {action} now (HTTP {status}).")
    if hint := _HINTS.get(status):
        return BackendAwayError(f"Pinecone {hint} (HTTP {status}).")
    return DocumentError(failure, f"Pinecone refuses to {action} (HTTP {status}): {error.message}")
