"""The ports that this process's workflows use.

The engine finds workflows by name in the running process and calls them with stored arguments only,
so what they work with has to be found from here. Set once, while the engine runs.
"""

import asyncio
from dataclasses import dataclass, field

from headwater.domain.errors import ConfigError
from headwater.domain.jobs import JobRef
from headwater.ports import Ports
from headwater.services.sync.run import ALONE, Hand


@dataclass(slots=True)
class Runtime:
    """What a started engine lends to its workflows, and what is at work."""

    ports: Ports
    hand: Hand = ALONE
    """By which this process's part in any job goes; no two of its tasks are at one job."""
    running: "set[asyncio.Task[object]]" = field(default_factory=set)
    """Workflows and helping hands: what takes up the process's places."""
    at_work: "dict[JobRef, asyncio.Task[object]]" = field(default_factory=dict)
    """The workflows among them, by their job."""
    helping: "dict[JobRef, asyncio.Task[object]]" = field(default_factory=dict)
    """The helping hands among them, by the job of another process that they help with."""
    owned: set[JobRef] = field(default_factory=set)
    """The jobs that this process settles the documents of as its own."""
    is_crowded: bool = False
    """Whether a job waits for a place that a helping hand takes."""
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something has ended, and so left its place to another."""
    stopping: bool = False
    """Set before what is at work is parked: what the engine starts after that is parked too."""

    def check_in(self, task: "asyncio.Task[object]") -> None:
        """Note that something is at work."""
        self.running.add(task)
        task.add_done_callback(self.check_out)

    def check_out(self, task: "asyncio.Task[object]") -> None:
        """Note that something at work has ended."""
        self.running.discard(task)
        self.helping = _without(self.helping, task)
        self.at_work = _without(self.at_work, task)
        self.freed.set()

    async def check_in_workflow(self, ref: JobRef, task: "asyncio.Task[object]") -> None:
        """Note that a job is at work; an earlier run of it that is still at it lets go first."""
        if earlier := self.at_work.get(ref):
            earlier.cancel()
            await asyncio.wait({earlier})
        self.at_work[ref] = task
        self.check_in(task)

    async def own(self, ref: JobRef) -> None:
        """Make a job this process's own: a hand that helped with it until now lets go first."""
        self.owned.add(ref)
        if helper := self.helping.get(ref):
            helper.cancel()
            await asyncio.wait({helper})


def _without(
    tasks: "dict[JobRef, asyncio.Task[object]]", ended: "asyncio.Task[object]"
) -> "dict[JobRef, asyncio.Task[object]]":
    return {ref: task for ref, task in tasks.items() if task is not ended}


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
