"""Watching a job until it ends."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from headwater.cli.client import ApiClient
from headwater.cli.output import stderr

POLL_SECONDS: Final = 0.3
FINAL: Final = {"succeeded", "partial", "failed", "cancelled"}


async def watch_job(
    client: ApiClient, job_id: str, on_change: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Poll the job until it is final; return it as it ended."""
    while True:
        job: dict[str, Any] = await client.get(f"/v2/confluence/jobs/{job_id}")
        on_change(job)
        if job["status"] in FINAL:
            return job
        await asyncio.sleep(POLL_SECONDS)


async def show_job(client: ApiClient, job_id: str) -> dict[str, Any]:
    """Watch the job with a live line: documents, chunks, rate and time left."""
    bar = _make_bar()
    task = bar.add_task("queued", total=None, chunks=0, rate="")
    with Live(bar, console=stderr, refresh_per_second=8):
        job = await watch_job(client, job_id, _BarUpdate(bar, task))
    if not stderr.is_terminal:
        stderr.print()  # without a terminal the live line ends without a line break
    return job


class _BarUpdate:
    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self._started = monotonic()

    def __call__(self, job: dict[str, Any]) -> None:
        documents, chunks = job["progress"]["documents"], job["progress"]["chunks"]
        seconds = max(monotonic() - self._started, 0.001)
        self._bar.update(
            self._task,
            description=_describe_stage(job),
            total=documents["listed"] or None,
            completed=documents["done"],
            chunks=chunks["embedded"] + chunks["reused"],
            rate=f"{documents['done'] / seconds:.1f} documents/s",
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


def _describe_stage(job: dict[str, Any]) -> str:
    return str(job["status"] if job["status"] in FINAL else job["stage"])
