"""A file system of its own, as small as a test likes, which fills up at the test's word."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOMY = 1 << 30
"""Bytes; none of them is taken before something is written."""


@dataclass(frozen=True)
class SmallDisk:
    """A file system in memory. What is on it never takes more than it did when it was filled."""

    folder: Path

    def fill(self, *, leave: int = 0) -> None:
        """Leave so many bytes free, and no more."""
        seen = os.statvfs(self.folder)
        self._resize((seen.f_blocks - seen.f_bfree) * seen.f_frsize + leave)

    def free(self) -> None:
        """Make room again."""
        self._resize(ROOMY)

    def _resize(self, size: int) -> None:
        _run("mount", "-o", f"remount,size={size}", self.folder).check_returncode()


@contextmanager
def mount_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount one on a folder while the block runs; skip the test where that is not allowed."""
    folder.mkdir(exist_ok=True)
    made = _run("mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "headwater-tests", folder)
    if made.returncode:
        pytest.skip(f"a disk that can be filled needs the right to mount: {made.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", folder).check_returncode()


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
