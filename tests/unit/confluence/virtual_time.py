"""An event loop whose clock leaps to the next timer: hours pass in milliseconds, always the same way."""

import asyncio
from datetime import timedelta

from headwater.adapters.confluence.patience import Timing
from tests.unit.confluence.confluence_fakes import NOW


class DeadlockError(Exception):
    """Everybody waits, and nothing is ever going to happen."""


class _LeapingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._leapt = 0.0
        self._look = self._selector.select  # type: ignore[attr-defined]  # the only way to see idleness
        self._selector.select = self._leap  # type: ignore[attr-defined]

    def time(self):
        return self._leapt

    def _leap(self, timeout):
        if timeout is None:
            raise DeadlockError
        self._leapt += timeout
        return self._look(0)


def run_virtually(work):
    """Run a coroutine to its end; ``DeadlockError`` if it has none."""
    with asyncio.Runner(loop_factory=_LeapingLoop) as runner:
        return runner.run(work)


def elapsed():
    """Return the seconds since the loop began."""
    return asyncio.get_running_loop().time()


def virtual_timing(dice=lambda: 0.5):
    """Return the running loop's clock."""
    return Timing(
        now=lambda: NOW + timedelta(seconds=elapsed()),
        sleep=asyncio.sleep,
        dice=dice,
        watch=elapsed,
    )
