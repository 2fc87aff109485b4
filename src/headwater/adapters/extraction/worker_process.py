"""One worker as the service sees it: started at first use, asked one thing at a time, ended for certain."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from headwater.adapters.extraction.frames import Frame, FrameError, pack_frame, read_frame
from headwater.domain.errors import RetryableError

DEFAULT_COMMAND = (sys.executable, "-I", "-m", "headwater.adapters.extraction.worker")
PIPE_CHUNK = 1 << 20
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
}
"""All that a worker sees of ours: no token, no home, and one thread for each pool of its libraries."""


class WorkerCrashedError(Exception):
    """The worker ended, or sent what is no answer. It is gone."""


class WorkerTimedOutError(Exception):
    """The worker did not answer in time. It is gone."""


@dataclass(frozen=True, slots=True)
class WorkerStart:
    """How to start a worker; ``settings`` are the worker's, as JSON."""

    command: Sequence[str]
    settings: dict[str, object]
    start_seconds: float


class WorkerProcess:
    """A process with a pipe each way. One thread at a time, but for :meth:`interrupt`.

    The kernel ends a worker with the *thread* that started it: call from threads that stay.
    """

    def __init__(self, start: WorkerStart) -> None:
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process id, or ``None`` while no process is there."""
        return self._process.pid if self._process else None

    def ask(self, frame: Frame, seconds: float) -> Frame:
        """Return the answer; starts a process if there is none (its own time to start is not counted).

        ``WorkerTimedOutError`` or ``WorkerCrashedError`` leave no process behind; ``RetryableError``
        when none can be started.
        """
        process = self._process or self._spawn()
        return self._exchange(process, pack_frame(frame), seconds)

    def kill(self) -> None:
        """End the process and all it started, at once, and wait for its end."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def interrupt(self) -> None:
        """End the process for good while another thread waits for it: that thread sees it crash."""
        self._closed = True
        process = self._process
        if process is not None:
            _kill_group(process.pid)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = dict(self._start.settings, parent=os.getpid())
        process = subprocess.Popen(  # noqa: S603  (our own module, no shell)
            [*self._start.command, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,
        )
        self._process = process
        if self._closed:
            self.kill()
            raise WorkerCrashedError("closed")
        self._await_ready(process)
        return process

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self._exchange(process, [], self._start.start_seconds)
        except (WorkerCrashedError, WorkerTimedOutError) as error:
            if self._closed:
                raise
            raise RetryableError(
                "A process that reads attachments does not start; look for free memory, and whether"
                " headwater is installed whole (`headwater doctor`).",
                retry_after=30.0,
            ) from error

    def _exchange(
        self, process: subprocess.Popen[bytes], parts: Sequence[bytes], seconds: float
    ) -> Frame:
        pipe = _Pipe(process, time.monotonic() + seconds)
        try:
            for part in parts:
                pipe.write(part)
            return read_frame(pipe.read_exactly)
        except (FrameError, OSError) as error:
            self.kill()
            raise WorkerCrashedError("ended without an answer") from error
        except WorkerTimedOutError:
            self.kill()
            raise


class _Pipe:
    """The pipes of a process up to a deadline (``time.monotonic``)."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        assert process.stdin is not None  # noqa: S101  (both are pipes: see _spawn)
        assert process.stdout is not None  # noqa: S101
        self._stdin, self._stdout = process.stdin.fileno(), process.stdout.fileno()
        self._deadline = deadline
        os.set_blocking(self._stdin, False)

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._wait(self._stdin, select.POLLOUT)
            rest = rest[os.write(self._stdin, rest[:PIPE_CHUNK]) :]

    def read_exactly(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            self._wait(self._stdout, select.POLLIN)
            piece = os.read(self._stdout, min(size - len(found), PIPE_CHUNK))
            if not piece:
                raise FrameError("the worker ended")
            found += piece
        return bytes(found)

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, self._deadline - time.monotonic()) * 1000):
            raise WorkerTimedOutError


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:  # not reaped: the number is still its own, and its children's
        _kill_group(process.pid)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it ended by itself a moment ago
        return
