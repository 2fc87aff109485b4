"""The engine's own table of workflows, read and changed in our words. One workflow is one job."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from headwater.domain.jobs import JobRef
from headwater.jobs.workflows import upload_workflow
from headwater.ports import OpenJob

QUEUE: Final = "uploads"
JOBS_AT_ONCE: Final = 4
"""Jobs one process runs side by side; each is mostly waiting for Confluence or the embedder."""

POLL_SECONDS: Final = 0.2

_WAITING: Final = "ENQUEUED"
_AT_WORK: Final = "PENDING"


@dataclass(frozen=True, slots=True)
class Load:
    """The workflows that are not over: their names, and how many places they leave to a process."""

    names: frozenset[str]
    room: int

    def engages(self, ref: JobRef) -> bool:
        """Tell whether the job is at work, or about to be."""
        return name_workflow(ref) in self.names


async def open_queue() -> None:
    """Tell the engine how jobs are queued."""
    await DBOS.register_queue_async(
        QUEUE,
        partition_concurrency=1,
        worker_concurrency=JOBS_AT_ONCE,
        polling_interval_sec=POLL_SECONDS,
    )


async def read_load(seat: str) -> Load:
    """Return what is at work, and how many more jobs the process on this seat may start."""
    found = await DBOS.list_workflows_async(
        status=[_WAITING, _AT_WORK], load_input=False, load_output=False
    )
    taken = sum(item.status == _WAITING or item.executor_id == seat for item in found)
    return Load(frozenset(item.workflow_id for item in found), max(0, JOBS_AT_ONCE - taken))


async def read_ends(refs: Collection[JobRef]) -> Mapping[JobRef, str]:
    """Return how the engine is done with each of these jobs; absent are those it is not done with."""
    by_name = {name_workflow(ref): ref for ref in refs}
    if not by_name:
        return {}
    found = await DBOS.list_workflows_async(
        workflow_ids=list(by_name), load_input=False, load_output=False
    )
    return {
        by_name[item.workflow_id]: item.status
        for item in found
        if item.status not in {_WAITING, _AT_WORK}
    }


async def start_job(job: OpenJob) -> None:
    """Queue the job; one that is known to the engine is left as it is."""
    with SetWorkflowID(name_workflow(job.ref)), SetEnqueueOptions(queue_partition_key=job.lane):
        await DBOS.enqueue_workflow_async(
            QUEUE, upload_workflow, job.ref.tenant.value, job.ref.job_id
        )


async def take_over(seats: Sequence[str]) -> int:
    """Queue again what was at work on seats that nobody holds; return how many jobs that were."""
    if not seats:
        return 0
    stranded = await DBOS.list_workflows_async(
        status=_AT_WORK, executor_id=list(seats), load_input=False, load_output=False
    )
    names = [workflow.workflow_id for workflow in stranded]
    if names:
        await DBOS.resume_workflows_async(names, queue_name=QUEUE)
    return len(names)


def name_workflow(ref: JobRef) -> str:
    """Return the engine's name for a job."""
    return f"{ref.tenant}:{ref.job_id}"
