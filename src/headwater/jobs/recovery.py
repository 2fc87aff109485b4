"""Going on with jobs of this process that the engine could not note down, and so let go of.

The engine repeats what it cannot write while a server is away; what a file does not take, as on a full
disk, breaks the workflow off. By the engine's word the job is at work then, and nobody is at it.
"""

import asyncio
from dataclasses import dataclass

from headwater.jobs.database import JobDatabase
from headwater.jobs.runtime import Runtime
from headwater.jobs.workbench import list_at_work, name_workflow, requeue


@dataclass(slots=True)
class Recovery:
    """Looks for workflows that broke off."""

    runtime: Runtime
    database: JobDatabase
    _missed: frozenset[str] = frozenset()
    """What nobody was at when it was last looked for: it may just have been handed out."""

    async def pick_up(self) -> int:
        """Queue again what nobody has been at for two looks; return how many jobs that were.

        ``RetryableError`` while the engine's database has no room for what they would note.
        """
        here = {name for name, seat in (await list_at_work()).items() if seat == self._seat}
        missed = here - {name_workflow(ref) for ref in self.runtime.at_work}
        broken, self._missed = missed & self._missed, frozenset(missed)
        if broken:
            await asyncio.to_thread(self.database.check_room)
            await requeue(broken)
        return len(broken)

    @property
    def _seat(self) -> str:
        return self.runtime.hand.name
