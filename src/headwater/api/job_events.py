"""Following a job as server-sent events.

``progress`` carries the job, ``failure`` one failed document, ``end`` the finished job. Each event's
id is ``{revision}.{failures}``: the last revision shown and how many failures were sent, which is
all that resuming needs. The id of ``end`` has the suffix ``.end``, so that a browser which comes
back after it can be told to stay away (204).
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Final, NamedTuple

from sse_starlette.event import ServerSentEvent

from headwater.api.views import FailureView, JobView
from headwater.domain.jobs import Failure, Job, JobRef
from headwater.services.failure_reports import FailureReports
from headwater.services.job_reports import describe_job, watch_job

PAGE: Final = 100

_ID: Final = re.compile(r"(-?\d{1,18})\.(\d{1,18})(\.end)?", re.ASCII)


class Position(NamedTuple):
    """How much of a job's story a client has seen."""

    revision: int = -1
    failures: int = 0
    ended: bool = False

    @property
    def id(self) -> str:
        """The event id that says so."""
        return f"{self.revision}.{self.failures}{'.end' if self.ended else ''}"


def parse_position(last_event_id: str) -> Position:
    """Return the position of a ``Last-Event-ID``; the beginning for what is none of ours."""
    match = _ID.fullmatch(last_event_id)
    if match is None:
        return Position()
    return Position(int(match[1]), int(match[2]), match[3] is not None)


def is_over(job: Job, seen: Position) -> bool:
    """Tell whether a client has seen the end already and nothing happened since."""
    return seen.ended and job.status.is_final and seen.revision == job.revision


async def show_job(failures: FailureReports, job: Job) -> JobView:
    """Return the job with its first failures."""
    page = await failures.read_page(job.ref)
    return JobView.of(job, page.failures, describe_job(job, failures.sight))


async def follow_job(
    failures: FailureReports, ref: JobRef, seen: Position, *, may_go_on: Callable[[], bool]
) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield what the client has not seen, until the job is final or the stream may not go on.

    A stream that ends without ``end`` is to be taken up again with the last event's id.
    """
    unread = _UnreadFailures(failures, ref, seen.failures)
    at = seen._replace(ended=False)
    following = watch_job(failures.ports.jobs, ref, seen=seen.revision, may_go_on=may_go_on)
    async with aclosing(following) as watched:
        async for job in watched:
            if job.revision != at.revision:
                async for failure in unread.read():
                    at = at._replace(failures=at.failures + 1)
                    yield _event("failure", at, FailureView.model_validate(failure))
                at = at._replace(revision=job.revision)
                yield _event("progress", at, await show_job(failures, job))
            if job.status.is_final:
                yield _event("end", at._replace(ended=True), await show_job(failures, job))


class _UnreadFailures:
    """Reads a job's failures in their order, each once, leaving out those already sent."""

    def __init__(self, failures: FailureReports, ref: JobRef, sent: int) -> None:
        self._failures = failures
        self._ref = ref
        self._cursor: str | None = None
        self._skip = sent

    async def read(self) -> AsyncIterator[Failure]:
        while True:
            page = await self._failures.read_page(self._ref, cursor=self._cursor, limit=PAGE)
            for failure in page.failures[self._skip :]:
                yield failure
            if page.next is None:
                self._skip = max(self._skip, len(page.failures))
                return
            self._skip = max(0, self._skip - len(page.failures))
            self._cursor = page.next


def _event(name: str, at: Position, view: JobView | FailureView) -> ServerSentEvent:
    return ServerSentEvent(data=view.model_dump_json(), event=name, id=at.id)
