"""Who uses a data dir: any number of processes side by side, or one alone that replaces it.

A lock of the operating system: it goes with its process, however that ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from headwater.domain.errors import ConfigError

LOCK_NAME: Final = "in-use.lock"


@contextmanager
def occupy(data_dir: Path) -> Iterator[None]:
    """Use the data dir beside others while the block runs; ``ConfigError`` while it is being replaced."""
    refusal = f"{data_dir} is being restored from a backup; start again when that is done"
    with _locked(data_dir, fcntl.LOCK_SH, refusal):
        yield


@contextmanager
def occupy_alone(data_dir: Path) -> Iterator[None]:
    """Have the data dir to oneself while the block runs; ``ConfigError`` while anybody uses it."""
    refusal = f"a Headwater process uses {data_dir}; stop every serve and worker on it first"
    with _locked(data_dir, fcntl.LOCK_EX, refusal):
        yield


@contextmanager
def _locked(data_dir: Path, kind: int, refusal: str) -> Iterator[None]:
    try:
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"HEADWATER_DATA_DIR: cannot write in {data_dir}: {error.strerror}; give this process access"
        ) from error
    try:
        _lock(descriptor, kind, refusal)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int, refusal: str) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(refusal) from error
