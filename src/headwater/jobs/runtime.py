"""The ports that this process's workflows use.

The engine finds workflows by name in the running process and calls them with stored arguments only,
so what they work with has to be found from here. Set once, while the engine runs.
"""

import asyncio
from dataclasses import dataclass, field

from headwater.domain.errors import ConfigError
from headwater.ports import Ports


@dataclass(slots=True)
class Runtime:
    """What a started engine lends to its workflows, and the workflows at work."""

    ports: Ports
    running: "set[asyncio.Task[object]]" = field(default_factory=set)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a workflow has ended, and so left its place to another."""
    stopping: bool = False
    """Set before the workflows at work are parked: what the engine starts after that is parked too."""

    def check_out(self, task: "asyncio.Task[object]") -> None:
        """Note that a workflow at work has ended."""
        self.running.discard(task)
        self.freed.set()


_runtimes: list[Runtime] = []


def set_runtime(runtime: Runtime) -> None:
    """Lend these ports to the workflows of this process."""
    if _runtimes:
        raise ConfigError("one process runs one job engine; start another process for another one")
    _runtimes.append(runtime)


def clear_runtime() -> None:
    """Take the ports back."""
    _runtimes.clear()


def current_runtime() -> Runtime:
    """Return what was set; ``ConfigError`` outside a started engine."""
    if not _runtimes:
        raise ConfigError("the job engine is not started")
    return _runtimes[0]
