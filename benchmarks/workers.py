"""One space brought in by one worker, by three, and by three of which two are killed on the way.

The embedder is far away: half a second for each batch of 32 chunks, and a worker has one batch under
way at a time, so the work is waiting, and more workers wait side by side. Everything runs as an operator
runs it: a real Postgres, an API that executes nothing, workers as processes of their own, one folder
with the vectors. The index must be the same each time, or this fails.

    .venv/bin/python -m benchmarks.workers --pages 5000
"""

import argparse
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.rig.fleet import Fleet, Index, open_api, run_fleet, wait_for
from headwater.sandbox.generator import Recipe, generate_world
from headwater.sandbox.server import Sandbox, run_sandbox_thread

TENANT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
BATCH_SECONDS = 0.5
WORDS = 60
AIM = 2.5
"""Times as fast as one worker, three should be."""


@dataclass(frozen=True, slots=True)
class Run:
    """One measured upload."""

    seconds: float
    processing: float
    """Seconds from the first document settled to the last."""
    documents: Mapping[str, int]
    """By worker."""
    processor: float
    """Seconds of processor time of all workers."""
    index: Index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    world = generate_world(Recipe(pages=options.pages, words_per_page=WORDS))
    with run_sandbox_thread(world) as site:
        alone = _measure(site, workers=1)
        together = _measure(site, workers=options.workers)
        killed = _measure(site, workers=options.workers, kills_at=options.pages // 3)
    runs = {
        "one worker": alone,
        f"{options.workers} workers": together,
        f"{options.workers} workers, two killed, one started": killed,
    }
    Console(width=150).print(_make_table(options.pages, runs))
    for run in (together, killed):
        assert run.index == alone.index, "the index is not the one that a single worker makes"


def _measure(site: Sandbox, *, workers: int, kills_at: int | None = None) -> Run:
    with run_fleet(seconds=BATCH_SECONDS) as fleet:
        url = fleet.start_api()
        for _ in range(workers):
            fleet.start_worker()
        with open_api(url, TENANT) as api:
            started = time.monotonic()
            job_id = api.upload(site)
            wait_for(fleet, api, job_id, documents=1)
            first = time.monotonic()
            if kills_at is not None:
                wait_for(fleet, api, job_id, documents=kills_at)
                _replace_two(fleet)
            job = wait_for(fleet, api, job_id)
            ended = time.monotonic()
        assert job["status"] == "succeeded", job
        fleet.look()
        return Run(
            seconds=ended - started,
            processing=ended - first,
            documents={name: worker.documents for name, worker in fleet.workers.items()},
            processor=sum(worker.processor for worker in fleet.workers.values()),
            index=fleet.read_index(TENANT),
        )


def _replace_two(fleet: Fleet) -> None:
    """Kill the two workers that settled most, the job's own among them; start another."""
    ranked = sorted(fleet.workers.values(), key=lambda worker: -worker.documents)
    for worker in ranked[:2]:
        worker.service.kill()
    fleet.start_worker()


def _make_table(pages: int, runs: Mapping[str, Run]) -> Table:
    table = Table(
        title=f"{pages} pages, {BATCH_SECONDS:g} s for a batch of 32 chunks; {os.cpu_count()} cores;"
        f" the aim is {AIM:g} times as fast",
        title_justify="left",
    )
    names = (
        "workers",
        "s",
        "documents/s",
        "times as fast",
        "processor",
        "documents of each",
        "same",
    )
    for name in names:
        table.add_column(name, justify="right")
    slowest = next(iter(runs.values()))
    for name, run in runs.items():
        table.add_row(
            name,
            f"{run.processing:.1f}",
            f"{pages / run.processing:.0f}",
            f"{slowest.processing / run.processing:.2f}",
            f"{run.processor / run.seconds / (os.cpu_count() or 1):.0%}",
            ", ".join(str(number) for number in run.documents.values()),
            "yes" if run.index == slowest.index else "NO",
        )
    return table


if __name__ == "__main__":
    main()
