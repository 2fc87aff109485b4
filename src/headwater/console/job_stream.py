"""A job's progress as server-sent events, each of which replaces one part of its page.

Every event carries the whole part, so that a stream that was taken up again needs no memory.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from fastapi import Request
from sse_starlette.event import ServerSentEvent

from headwater.console.job_story import JobStory, announce, tell_job
from headwater.console.rendering import render_text
from headwater.domain.jobs import Job
from headwater.services.failure_reports import FailureReports
from headwater.services.job_reports import watch_job


async def stream_job(
    request: Request, failures: FailureReports, job: Job, *, may_go_on: Callable[[], bool]
) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield the parts of the page that have changed, until the job is final or it may not go on."""
    before: JobStory | None = None
    watched = watch_job(failures.ports.jobs, job.ref, seen=-1, may_go_on=may_go_on)
    async with aclosing(watched):
        async for current in watched:
            after = tell_job(current, failures.ports.now())
            async for event in _show_changes(request, failures, before, after):
                yield event
            before = after


async def _show_changes(
    request: Request, failures: FailureReports, before: JobStory | None, after: JobStory
) -> AsyncGenerator[ServerSentEvent, None]:
    yield _event("progress", render_text(request, "job_progress.html", story=after))
    if before is None or before.failed != after.failed or after.job.status.is_final:
        page = await failures.read_page(after.job.ref)
        yield _event("failures", render_text(request, "job_failures.html", story=after, page=page))
    if before is None or _offers(before) != _offers(after):
        yield _event("actions", render_text(request, "job_actions.html", story=after))
    words = announce(before, after)
    if words:
        yield _event("say", words)
    if after.job.status.is_final:
        yield _event("end", "over")


def _offers(story: JobStory) -> tuple[bool, bool, bool]:
    return story.may_cancel, story.may_retry, story.may_approve


def _event(name: str, data: str) -> ServerSentEvent:
    return ServerSentEvent(data=data, event=name)
