"""The client for programs that wait; made from ``asynchronous`` (tools/blocking_client.py)."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from functools import update_wrapper
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx2

from headwater.client import calls
from headwater.client.answers import Job
from headwater.client.calls import Call
from headwater.client.errors import UnfinishedJobError
from headwater.client.exchange import (
    Identity,
    explain_silence,
    make_body,
    make_headers,
    plan_repeat,
    read_answer,
    read_refusal,
)
from headwater.client.following import LOOK_SECONDS, STREAM_TIMEOUT, Following

P = ParamSpec("P")
T = TypeVar("T")


def _send(
    make_call: Callable[P, Call[T]],
) -> Callable[Concatenate["Client", P], T]:
    """Return the method that sends what a function of ``calls`` makes of its arguments."""

    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(make_call(*args, **kwargs))

    update_wrapper(method, make_call)
    return method


class Client:
    """Headwater's API at ``url``, called in the name of ``token`` for ``tenant``.

    ``token`` may be a function that gives the token of the moment, for programs that outlive one.
    ``timeout`` is in seconds, per call. ``streams=False`` follows jobs by looking at them only.
    ``transport`` replaces the network. Use it as a context manager, or ``close`` it.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | Callable[[], str],
        tenant: str,
        domain: str = "headwater.local",
        timeout: float = 120.0,
        streams: bool = True,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = url
        self._token = token
        self._identity = Identity(tenant, domain)
        self._streams = streams
        self._http = httpx2.Client(base_url=url, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    list_spaces = _send(calls.list_spaces)
    count_spaces = _send(calls.count_spaces)
    list_content = _send(calls.list_content)
    upload = _send(calls.upload)
    plan = _send(calls.plan)
    list_jobs = _send(calls.list_jobs)
    read_job = _send(calls.read_job)
    list_failures = _send(calls.list_failures)
    cancel_job = _send(calls.cancel_job)
    retry_job = _send(calls.retry_job)
    approve_job = _send(calls.approve_job)
    search = _send(calls.search)
    list_known_spaces = _send(calls.list_known_spaces)
    read_document = _send(calls.read_document)
    explain_presence = _send(calls.explain_presence)
    explain_access = _send(calls.explain_access)
    delete = _send(calls.delete)
    list_configurations = _send(calls.list_configurations)
    read_configuration = _send(calls.read_configuration)
    put_configuration = _send(calls.put_configuration)
    delete_configuration = _send(calls.delete_configuration)
    list_blacklist = _send(calls.list_blacklist)
    add_blacklist_entry = _send(calls.add_blacklist_entry)
    delete_blacklist_entry = _send(calls.delete_blacklist_entry)

    def send(self, call: Call[T]) -> T:
        """Send a call and return its answer; what may be sent again is, a few times.

        ``RefusalError`` where the API refuses it, ``NoAnswerError`` where nobody answers.
        """
        attempt = 1
        while True:
            trouble = self._try(call)
            if isinstance(trouble, httpx2.Response) and trouble.is_success:
                return read_answer(call, trouble)
            pause = plan_repeat(call, attempt, trouble)
            if pause is None:
                break
            time.sleep(pause)
            attempt += 1
        if isinstance(trouble, httpx2.Response):
            raise read_refusal(trouble)
        raise explain_silence(trouble, self.url) from trouble

    def _try(self, call: Call[Any]) -> httpx2.Response | httpx2.TransportError:
        try:
            return self._http.request(
                call.method,
                call.path,
                params=call.query,
                json=make_body(call, self._identity),
                headers=self._headers(),
            )
        except httpx2.TransportError as error:
            return error

    def _headers(self) -> Mapping[str, str]:
        token = self._token if isinstance(self._token, str) else self._token()
        return make_headers(token, self._identity)

    def follow_job(self, job_id: str) -> Generator[Job, None, None]:
        """Yield a job each time it has changed, until it has ended.

        A stream that breaks is taken up again; where none works the job is looked at twice a second.
        """
        following = Following(streams=self._streams)
        while not following.is_over():
            with closing(self._read_stream(job_id, following)) as jobs:
                yield from jobs
            if following.is_over():
                return
            if seen := following.take_job(self.read_job(job_id)):
                yield seen
            if not following.is_over():
                time.sleep(LOOK_SECONDS)

    def _read_stream(self, job_id: str, following: Following) -> Generator[Job, None, None]:
        headers = following.open_stream()
        if headers is None:
            return
        try:
            with self._http.stream(
                "GET",
                calls.locate_events(job_id),
                headers={**self._headers(), **headers},
                timeout=STREAM_TIMEOUT,
            ) as response:
                if response.status_code != httpx2.codes.OK:
                    # Refused for now, or told to its end: the look at the job that follows says which.
                    return
                for event in httpx2.EventSource(response):
                    if job := following.take_event(event):
                        yield job
        except httpx2.TransportError:
            # The stream broke off, which says nothing of the job: it is looked at, and taken up again.
            return

    def wait_for_job(
        self,
        job_id: str,
        *,
        on_progress: Callable[[Job], object] = lambda _: None,
        at_most: float | None = None,
    ) -> Job:
        """Return the job as it ended; ``on_progress`` gets it each time it has changed.

        ``UnfinishedJobError`` after ``at_most`` seconds; the job goes on then. With such a bound the
        job is looked at twice a second, since nothing wakes who waits for a silent stream.
        """
        jobs = self.follow_job(job_id) if at_most is None else self._look_for(job_id, at_most)
        last: Job | None = None
        with closing(jobs):
            for job in jobs:
                on_progress(job)
                last = job
        if last is None or not last.is_final:
            raise UnfinishedJobError(job_id, last)
        return last

    def _look_for(self, job_id: str, seconds: float) -> Generator[Job, None, None]:
        deadline = time.monotonic() + seconds
        following = Following()
        while True:
            if job := following.take_job(self.read_job(job_id)):
                yield job
            left = deadline - time.monotonic()
            if following.is_over() or left <= 0:
                return
            time.sleep(min(left, LOOK_SECONDS))
