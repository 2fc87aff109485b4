"""A wall clock that is wrong by as much as a test likes, for the processes that the test starts.

Built from ``false_clock.c`` when it is wanted. (libfaketime would change how long a process sleeps, too.)
"""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")
BYTES = 8


@dataclass(frozen=True)
class FalseClock:
    """Read from a file each time that somebody asks how late it is."""

    folder: Path

    def set(self, wrong: timedelta) -> None:
        """Be wrong by so much: fast if it is positive."""
        with self._file.open("r+b", buffering=0) as file:
            file.write(round(wrong.total_seconds()).to_bytes(BYTES, "little", signed=True))

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a process go by this clock."""
        return {"LD_PRELOAD": str(self._library), "FALSE_CLOCK": str(self._file)}

    @property
    def _file(self) -> Path:
        return self.folder / "clock"

    @property
    def _library(self) -> Path:
        return self.folder / "false_clock.so"

    def build(self, compiler: str) -> None:
        self._file.write_bytes(bytes(BYTES))
        options = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
        subprocess.run([compiler, *options, "-o", self._library, SOURCE], check=True)


def make_clock(folder: Path) -> FalseClock:
    """Return a clock that is right as yet; skip the test where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a clock that can be set needs a C compiler (Debian: gcc and libc6-dev)")
    clock = FalseClock(folder)
    clock.build(compiler)
    return clock
