"""The engine's own table of workflows, read and changed in our words. One workflow is one job."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from headwater.domain.jobs import JobRef
from headwater.jobs.seats import FindGone
from headwater.jobs.workflows import GATHER, upload_workflow
from headwater.ports import OpenJob
from headwater.services.sync.survey import Survey, survey_from_plain

QUEUE: Final = "uploads"
JOBS_AT_ONCE: Final = 4
"""Jobs one process runs side by side; each is mostly waiting for Confluence or the embedder."""

POLL_SECONDS: Final = 0.2

_WAITING: Final = "ENQUEUED"
_AT_WORK: Final = "PENDING"
_ENDED: Final = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_FORGOTTEN_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Load:
    """The workflows that are not over, by name; each with its process, if one is at it."""

    executors: Mapping[str, str | None]

    def engages(self, ref: JobRef) -> bool:
        """Tell whether the job is at work, or about to be."""
        return name_workflow(ref) in self.executors

    def is_elsewhere(self, ref: JobRef, seat: str) -> bool:
        """Tell whether another process is at the job."""
        return self.executors.get(name_workflow(ref)) not in {None, seat}

    def count_taken(self, seat: str) -> int:
        """Count the places that this process has no more: what it is at, and what anyone may be."""
        return sum(executor in {None, seat} for executor in self.executors.values())


async def open_queue() -> None:
    """Tell the engine how jobs are queued."""
    await DBOS.register_queue_async(
        QUEUE,
        partition_concurrency=1,
        worker_concurrency=JOBS_AT_ONCE,
        polling_interval_sec=POLL_SECONDS,
    )


async def read_load() -> Load:
    """Return what is at work or about to be, in all processes."""
    found = await DBOS.list_workflows_async(
        status=[_WAITING, _AT_WORK], load_input=False, load_output=False
    )
    return Load(
        {item.workflow_id: None if item.status == _WAITING else item.executor_id for item in found}
    )


async def read_survey(ref: JobRef) -> Survey | None:
    """Return what a job at work has gathered; ``None`` while it has not."""
    steps = await DBOS.list_workflow_steps_async(name_workflow(ref))
    for step in steps:
        if step["function_name"] == GATHER and step["output"]:
            return survey_from_plain(step["output"])
    return None


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


async def take_over(find_gone: FindGone) -> int:
    """Queue again what was at work in processes that are gone; return how many jobs that were."""
    executors = {*(await list_at_work()).values()}
    gone = await find_gone(executors) if executors else ()
    if not gone:
        return 0
    names = [name for name, executor in (await list_at_work()).items() if executor in gone]
    if names:
        await requeue(names)
    return len(names)


async def requeue(names: Collection[str]) -> None:
    """Queue again what is at work by the engine's word; whoever is still at it can note no more."""
    await DBOS.resume_workflows_async(list(names), queue_name=QUEUE)


async def forget_ended(before: datetime) -> int:
    """Remove what the engine keeps of workflows that ended before; return how many those were.

    It would keep them for ever. What became of a job is in the catalog.
    """
    forgotten = 0
    while names := await _list_ended(before):
        await DBOS.delete_workflows_async(names)
        forgotten += len(names)
    return forgotten


async def _list_ended(before: datetime) -> list[str]:
    found = await DBOS.list_workflows_async(
        status=list(_ENDED),
        completed_before=before.isoformat(),
        limit=_FORGOTTEN_AT_ONCE,
        load_input=False,
        load_output=False,
    )
    return [item.workflow_id for item in found]


async def list_at_work() -> Mapping[str, str]:
    """Return the workflows that are at work by the engine's word, each with its process."""
    found = await DBOS.list_workflows_async(status=_AT_WORK, load_input=False, load_output=False)
    return {item.workflow_id: item.executor_id for item in found if item.executor_id}


def name_workflow(ref: JobRef) -> str:
    """Return the engine's name for a job."""
    return f"{ref.tenant}:{ref.job_id}"
