"""Watching a job until it ends."""

from time import monotonic

from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from headwater.cli.output import stderr
from headwater.client import AsyncClient, Job


async def show_job(client: AsyncClient, job_id: str) -> Job:
    """Watch the job with a live line: documents, chunks, rate and time left."""
    bar = _make_bar()
    task = bar.add_task("queued", total=None, chunks=0, rate="")
    with Live(bar, console=stderr, refresh_per_second=8):
        job = await client.wait_for_job(job_id, on_progress=_BarUpdate(bar, task))
    if not stderr.is_terminal:
        stderr.print()  # without a terminal the live line ends without a line break
    return job


class _BarUpdate:
    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self._started = monotonic()

    def __call__(self, job: Job) -> None:
        documents, chunks = job.progress.documents, job.progress.chunks
        seconds = max(monotonic() - self._started, 0.001)
        self._bar.update(
            self._task,
            description=_describe_stage(job),
            total=documents.listed or None,
            completed=documents.done,
            chunks=chunks.embedded + chunks.reused,
            rate=f"{documents.done / seconds:.1f} documents/s",
        )


def _make_bar() -> Progress:
    return Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("documents · {task.fields[chunks]} chunks · {task.fields[rate]} ·"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
    )


def _describe_stage(job: Job) -> str:
    return job.status if job.is_final else job.stage
