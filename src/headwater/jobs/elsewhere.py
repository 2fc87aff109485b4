"""The queue of a process that executes nothing itself."""

from headwater.domain.jobs import JobRef


class JobsElsewhere:
    """Implements :class:`headwater.ports.JobQueue` by leaving stored jobs to be found by others."""

    async def enqueue(self, ref: JobRef) -> None:
        """Do nothing: every process that executes jobs looks for stored ones each second."""

    async def check(self) -> None:
        """Do nothing: jobs are stored in the catalog, which is checked by itself."""
