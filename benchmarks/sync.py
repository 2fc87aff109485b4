"""Whole uploads with the offline embedder: pages per second, and how much of the time it was at work.

A sync cannot be faster than its embedder; the share says how near it comes. The sandbox is in a process
of its own, and answers after the given latency. Figures of one run compare with each other only.

    .venv/bin/python -m benchmarks.sync --pages 1000 --latency 0 0.05
"""

import argparse
import os
import platform

from rich.console import Console
from rich.table import Table

from benchmarks.rig.service import Report, run_service
from headwater.sandbox.generator import Recipe, generate_world
from headwater.sandbox.server import run_sandbox_thread

SHARE = 0.9
"""Of the time of fetching, converting, embedding and storing, in which the embedder should be at work."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--latency", type=float, nargs="+", default=[0.0, 0.05], help="seconds")
    options = parser.parse_args()
    table = _make_table(options.pages)
    for latency in options.latency:
        first, unchanged = _measure(options.pages, latency)
        table.add_row(*_make_row(latency, "first", first))
        table.add_row(*_make_row(latency, "unchanged", unchanged))
    Console(width=120).print(table)


def _measure(pages: int, latency: float) -> tuple[Report, Report]:
    world = generate_world(Recipe(pages=pages))
    with (
        run_sandbox_thread(world, latency=latency) as site,
        run_service(offline_embedder=True) as service,
    ):
        return service.upload(site), service.upload(site)


def _make_table(pages: int) -> Table:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    table = Table(
        title=f"{pages} pages; {machine}; at least {SHARE:.0%} busy is the aim",
        title_justify="left",
    )
    for name in (
        "latency s",
        "sync",
        "status",
        "s",
        "pages/s",
        "chunks/s",
        "requests",
        "embedder busy",
        "peak MiB",
        "of it job MiB",
    ):
        table.add_column(name, justify="right")
    return table


def _make_row(latency: float, what: str, report: Report) -> list[str]:
    documents, processing = report.progress["documents"], report.steps["bring_in"]
    return [
        f"{latency:g}",
        what,
        report.status,
        f"{report.seconds:.1f}",
        f"{documents['done'] / report.seconds:.0f}",
        f"{report.embedded / report.seconds:.0f}",
        str(report.progress["requests"]),
        f"{report.busy / processing:.1%}" if report.embedded else "-",
        f"{report.peak:.0f}",
        f"{report.peak - report.idle:.0f}",
    ]


if __name__ == "__main__":
    main()
