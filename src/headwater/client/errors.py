"""Everything that can go wrong with a call, sorted by what the caller can do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from headwater.client.answers import Job


class ClientError(Exception):
    """A call failed; ``next_step`` says what to do about it."""

    def __init__(self, message: str, *, next_step: str) -> None:
        super().__init__(message)
        self.next_step = next_step


class NoAnswerError(ClientError):
    """Nobody answered, or somebody who is no Headwater."""


class UnfinishedJobError(ClientError):
    """The time for waiting is over, and the job goes on; ``job`` is as it was last seen, if it was."""

    def __init__(self, job_id: str, job: "Job | None") -> None:
        super().__init__(
            f"job {job_id} has not ended yet",
            next_step="wait again, or cancel the job: it goes on by itself",
        )
        self.job = job


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request, as the API says it."""

    loc: tuple[str, ...]
    msg: str
    type: str

    def __str__(self) -> str:
        return f"{'.'.join(self.loc)}: {self.msg}"


class RefusalError(ClientError):
    """The API refused the call.

    ``code`` is the first problem's type (docs/reference/errors.md lists them), ``retry_after`` the
    seconds after which to come again, ``request_id`` what the server's log knows the call by.
    """

    def __init__(
        self,
        status: int,
        problems: Sequence[Problem],
        *,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        self.status = status
        self.problems = tuple(problems)
        self.code = problems[0].type
        self.retry_after = retry_after
        self.request_id = request_id
        super().__init__(
            f"{status}: {'; '.join(map(str, problems))}", next_step=find_next_step(self.code)
        )


class UnauthenticatedError(RefusalError):
    """401: the token is missing, expired or invalid."""


class NotAllowedError(RefusalError):
    """403: another tenant, a missing scope, or Confluence refuses the credentials."""


class NotFoundError(RefusalError):
    """404: the tenant has no such thing."""


class ConflictError(RefusalError):
    """409: the job id names another request, or the job is in no state for this."""


class InvalidRequestError(RefusalError):
    """400, 405 or 422: the request is not as the API wants it; ``problems`` says where."""


class TooManyRequestsError(RefusalError):
    """429: come again after ``retry_after`` seconds."""


class UnavailableError(RefusalError):
    """500, 502 or 503: the server or its Confluence is in trouble."""


REFUSALS: Final[dict[int, type[RefusalError]]] = {
    400: InvalidRequestError,
    401: UnauthenticatedError,
    403: NotAllowedError,
    404: NotFoundError,
    405: InvalidRequestError,
    409: ConflictError,
    422: InvalidRequestError,
    429: TooManyRequestsError,
    500: UnavailableError,
    502: UnavailableError,
    503: UnavailableError,
}

NEXT_STEPS: Final = {
    "authentication_error": "get a token that this server accepts and that has not expired",
    "permission_error.confluence": "check the account and its API token, and what it may see",
    "permission_error": "use a token of this tenant whose scope allows the call",
    "not_found_error.content": "copy the link from a search result or from Confluence",
    "not_found_error": "list what there is, and take an id from there",
    "conflict_error.job_state": "look at the job: it may be at work, or have nothing left to do",
    "conflict_error": "choose another job_id, or leave it out",
    "rate_limit_error.open_jobs": "wait until some of the tenant's jobs have ended",
    "rate_limit_error": "come again after retry_after seconds",
    "value_error.space": "list_spaces names the spaces that the account may see",
    "value_error.url.host": "the operator allows private hosts in HEADWATER_ALLOWED_PRIVATE_HOSTS",
    "source_error": "check the Confluence's address, and whether the server can reach it",
    "server_error": "the server's log has the details under the id in the message",
    "unavailable_error": "come again; headwater doctor checks every part of the server",
}
"""What to do about a refusal, by the beginning of its code; the first that fits counts."""

CORRECT_IT: Final = "correct what the message names; the server's /docs describes every field"


def find_next_step(code: str) -> str:
    """Return what to do about a refusal with this code."""
    return next((step for start, step in NEXT_STEPS.items() if code.startswith(start)), CORRECT_IT)
