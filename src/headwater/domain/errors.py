"""Every error Headwater raises on purpose, sorted by the caller's next move.

    HeadwaterError
    ├── ConfigError             refuse to start, say which setting
    ├── RetryableError          wait (``retry_after`` seconds) and try again
    │   └── BackendAwayError      whatever is asked of that backend waits, a whole job too
    ├── ClaimLostError          let go: another process has taken this work over
    ├── DocumentError           record one failure, carry on with the rest
    ├── SyncAbortedError        stop the job, delete nothing
    │   ├── SourceRefusedError    Confluence does not accept the credentials
    │   ├── SourceUnreachableError  no usable answer from Confluence
    │   ├── SpaceNotFoundError    the space is absent or not visible
    │   ├── ListingIncompleteError  a listing did not reach its own last page
    │   └── JobCancelledError     somebody asked the job to stop
    └── RequestError            tell the client
        ├── NotFoundError
        │   └── ContentNotFoundError
        ├── UnauthenticatedError  who calls is not known
        ├── NotAllowedError
        │   └── NoTenantError       a valid token names no tenant
        ├── ConflictError
        ├── TooManyRequestsError  come again after ``retry_after`` seconds
        │   ├── TooManyJobsError
        │   └── TooManyStreamsError
        └── InvalidInputError     names the place of the bad value
            └── AddressRefusedError  a Confluence URL is malformed or not to be reached

An adapter catches its SDK's exceptions by name and raises one of these ``from`` them;
HTTP statuses sit in one table in ``api/``, exit codes in ``cli``.
"""

from enum import StrEnum


class HeadwaterError(Exception):
    """Base of all errors raised on purpose; ``str(error)`` is safe to show and to log."""


class ConfigError(HeadwaterError):
    """A setting makes it impossible to start."""


class RetryableError(HeadwaterError):
    """A backend is busy or away; the same call may succeed later."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ClaimLostError(HeadwaterError):
    """This process passed for dead, and what it was at is another's by now."""


class BackendAwayError(RetryableError):
    """A backend answers nobody, or refuses all until an operator mends it: no document is to blame."""


class FailureType(StrEnum):
    """Why one document failed: the contract's closed vocabulary (``error_type``)."""

    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    PARSE_ERROR = "PARSE_ERROR"
    ACCESS_DENIED = "ACCESS_DENIED"
    ENCODING_ERROR = "ENCODING_ERROR"
    TIMEOUT = "TIMEOUT"
    NETWORK_ERROR = "NETWORK_ERROR"
    OCR_FAILED = "OCR_FAILED"
    VECTOR_EMBEDDING_FAILED = "VECTOR_EMBEDDING_FAILED"
    STORE_ERROR = "STORE_ERROR"

    @property
    def may_pass(self) -> bool:
        """Whether the same document may go through a moment later, although nobody did anything."""
        return self in {
            FailureType.TIMEOUT,
            FailureType.NETWORK_ERROR,
            FailureType.VECTOR_EMBEDDING_FAILED,
            FailureType.STORE_ERROR,
        }


class DocumentError(HeadwaterError):
    """One document cannot be brought in; the others can."""

    def __init__(self, error_type: FailureType, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class SyncAbortedError(HeadwaterError):
    """The job cannot go on; nothing may be deleted because of what it saw."""


class SourceRefusedError(SyncAbortedError):
    """Confluence does not accept the credentials, or they may not use it."""


class SourceUnreachableError(SyncAbortedError):
    """Confluence did not answer, did not resolve, or answered nonsense.

    ``retry_after`` is in seconds, where it is known when to come back.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SpaceNotFoundError(SyncAbortedError):
    """The space does not exist or the account may not see it; Confluence does not tell which."""


class ListingIncompleteError(SyncAbortedError):
    """A listing broke off before its own last page."""


class JobCancelledError(SyncAbortedError):
    """Somebody asked the job to stop."""


class RequestError(HeadwaterError):
    """The request cannot be served as asked."""


class NotFoundError(RequestError):
    """There is no such thing for this tenant."""


class ContentNotFoundError(NotFoundError):
    """Nothing that the tenant holds is what a link names."""


class UnauthenticatedError(RequestError):
    """There is no valid token; ``kind`` is one word for why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class NotAllowedError(RequestError):
    """The caller may not do this."""


class NoTenantError(NotAllowedError):
    """The token is valid and names no tenant."""


class ConflictError(RequestError):
    """The request contradicts what is already stored."""


class JobStateError(ConflictError):
    """The job, or its space, is in no state for what is asked of it."""


class TooManyRequestsError(RequestError):
    """The tenant asks for more than its share; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyJobsError(TooManyRequestsError):
    """The tenant has as many open jobs as it may have."""


class TooManyStreamsError(TooManyRequestsError):
    """The tenant follows as many jobs at once as it may."""


class InvalidInputError(RequestError):
    """A value is well-formed JSON of the right type, but cannot be used.

    ``loc`` is the path of the value in the request, such as ``("body", "space")``;
    ``kind`` is the machine-readable type of the contract, such as ``value_error.url.host``.
    """

    def __init__(self, loc: tuple[str | int, ...], message: str, kind: str = "value_error") -> None:
        super().__init__(message)
        self.loc = loc
        self.kind = kind


class AddressRefusedError(InvalidInputError):
    """A Confluence URL cannot be used; ``loc`` is ``("instance_url",)`` or ``("web_url_instance",)``."""
