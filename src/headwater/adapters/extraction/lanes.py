"""Workers of one kind, one thread each: asked in turn, replaced when they are worn or gone."""

import asyncio
import hashlib
import queue
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

from headwater.adapters.extraction.frames import Frame
from headwater.adapters.extraction.worker_process import (
    WorkerCrashedError,
    WorkerProcess,
    WorkerStart,
    WorkerTimedOutError,
)
from headwater.adapters.metrics import LOST_WORKERS
from headwater.domain.errors import DocumentError, FailureType

REMEMBERED_KILLS = 10_000
LONGEST_MESSAGE = 300


class Quarantine:
    """Counts the workers that each content has ended, and refuses a content that ended too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kills: OrderedDict[bytes, int] = OrderedDict()
        self._lock = Lock()

    def admit(self, digest: bytes) -> None:
        """Raise ``DocumentError`` for a content that is not tried again."""
        with self._lock:
            if self._kills.get(digest, 0) >= self._most:
                raise DocumentError(
                    FailureType.PARSE_ERROR,
                    "The file ended its reader every time it was tried, and is not tried again"
                    " before a restart; save it in another format and upload it.",
                )

    def blame(self, digest: bytes) -> None:
        """Count a worker that this content ended."""
        with self._lock:
            self._kills[digest] = self._kills.pop(digest, 0) + 1
            if len(self._kills) > REMEMBERED_KILLS:
                self._kills.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Wear:
    """When a worker is replaced: after so many files, or above so many bytes of memory."""

    files: int
    resident: int


class Lane:
    """Workers of one kind. Any event loop may ask; a thread waits for each worker, no loop does."""

    def __init__(
        self, start: WorkerStart, wear: Wear, quarantine: Quarantine, *, workers: int
    ) -> None:
        self._wear = wear
        self._quarantine = quarantine
        self._closed = False
        self._seats = [_Seat(WorkerProcess(start)) for _ in range(workers)]
        self._free: queue.SimpleQueue[_Seat] = queue.SimpleQueue()
        for seat in self._seats:
            self._free.put(seat)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="extract")

    @property
    def pids(self) -> Sequence[int]:
        """The worker processes that are there now."""
        return [seat.worker.pid for seat in self._seats if seat.worker.pid is not None]

    async def ask(self, frame: Frame, seconds: float) -> Frame:
        """Return a worker's answer to a request about ``frame.blobs[0]``.

        ``WorkerCrashedError`` and ``WorkerTimedOutError`` when the worker did not survive it;
        ``DocumentError`` for a content in quarantine, or a worker's own verdict on the file;
        ``RetryableError`` when no worker can be started.
        """
        if self._closed:
            raise WorkerCrashedError("closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask, frame, seconds)

    async def close(self) -> None:
        """End every worker, busy or not; what waits for one sees it crash."""
        self._closed = True
        for seat in self._seats:
            seat.worker.interrupt()
        await asyncio.to_thread(self._threads.shutdown)
        for seat in self._seats:
            seat.worker.kill()

    def _ask(self, frame: Frame, seconds: float) -> Frame:
        digest = hashlib.sha256(frame.blobs[0]).digest()
        self._quarantine.admit(digest)
        seat = self._free.get()  # as many threads as seats: never empty
        try:
            return self._ask_seat(seat, frame, seconds)
        except (WorkerCrashedError, WorkerTimedOutError):
            self._quarantine.blame(digest)
            LOST_WORKERS.inc()
            raise
        finally:
            self._free.put(seat)

    def _ask_seat(self, seat: "_Seat", frame: Frame, seconds: float) -> Frame:
        answer = seat.worker.ask(frame, seconds)
        seat.files += 1
        if self._is_worn(seat, answer):
            seat.worker.kill()
            seat.files = 0
        return _accept(answer)

    def _is_worn(self, seat: "_Seat", answer: Frame) -> bool:
        resident = answer.header.get("resident")
        held = resident if isinstance(resident, int) else 0
        return (
            seat.files >= self._wear.files
            or held > self._wear.resident
            or answer.header.get("spent") is True
        )


@dataclass(slots=True)
class _Seat:
    worker: WorkerProcess
    files: int = 0


def _accept(answer: Frame) -> Frame:
    error = answer.header.get("error")
    if error is None:
        return answer
    try:
        error_type = FailureType(str(error))
    except ValueError as unknown:
        raise WorkerCrashedError("answered with an error that does not exist") from unknown
    raise DocumentError(error_type, str(answer.header.get("message"))[:LONGEST_MESSAGE])
