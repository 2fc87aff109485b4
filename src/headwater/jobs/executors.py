"""Which process runs which jobs: a numbered seat per process, held by a file lock.

The operating system frees the lock of a process that dies, however it dies. So a seat that can be
taken has no owner, and the jobs that were running on it may be taken over.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

_SEAT = re.compile(r"seat-\d+")


@dataclass(frozen=True, slots=True)
class Seat:
    """A process's own executor name, held until it is released."""

    name: str
    lock: FileLock

    def release(self) -> None:
        """Give the seat back."""
        self.lock.release()


def take_seat(folder: Path, kind: str = "seat") -> Seat:
    """Take the first free seat, so that a restarted process goes on with its own jobs.

    Whoever executes none takes one of another ``kind``, to be seen by the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in count():
        name = f"{kind}-{number}"
        lock = _try_lock(folder, name)
        if lock:
            return Seat(name, lock)
    raise AssertionError("counting does not end")


def list_seats(folder: Path) -> list[str]:
    """Return the names of all seats that were ever taken."""
    return sorted(path.stem for path in folder.glob("seat-*.lock") if _SEAT.fullmatch(path.stem))


def has_company(own: Seat, kept_free: Collection[str] = ()) -> bool:
    """Tell whether another process has a seat; nobody has those that this one keeps free."""
    folder = Path(own.lock.lock_file).parent
    names = {path.stem for path in folder.glob("*.lock")} - {own.name, *kept_free}
    return not all(_is_free(folder, name) for name in names)


def _is_free(folder: Path, name: str) -> bool:
    lock = _try_lock(folder, name)
    if lock:
        lock.release()
    return lock is not None


@contextmanager
def hold_abandoned_seats(folder: Path, own: Seat) -> Iterator[list[str]]:
    """Hold every seat whose owner is gone, and give their names."""
    held: dict[str, FileLock] = {}
    for name in list_seats(folder):
        lock = None if name == own.name else _try_lock(folder, name)
        if lock:
            held[name] = lock
    try:
        yield list(held)
    finally:
        for lock in held.values():
            lock.release()


def _try_lock(folder: Path, name: str) -> FileLock | None:
    lock = FileLock(folder / f"{name}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock
