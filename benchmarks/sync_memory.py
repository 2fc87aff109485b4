"""How much memory a sync takes by the size of its space, with the vector store and without.

Each sync runs in a service process of its own; the sandbox, with the made-up wiki, is in another. The
peak is that process's largest resident size. Without the store (one that keeps nothing in its place)
the figures are Headwater's own. The largest size takes a quarter of an hour and more.

    .venv/bin/python -m benchmarks.sync_memory --pages 1000 50000
"""

import argparse

from rich.console import Console
from rich.table import Table

from benchmarks.rig.service import FORGETFUL, LANCE, STORES, Report, run_service
from headwater.sandbox.generator import Recipe, generate_world
from headwater.sandbox.server import run_sandbox_thread

MOST = 1.3
"""Without the store the largest space's peak may be at most so many times the smallest's."""

COMMENTS_EVERY = 4
RESTRICTIONS_EVERY = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--stores", nargs="+", default=[FORGETFUL, LANCE], choices=STORES)
    options = parser.parse_args()
    table = _make_table()
    ratios = {}
    for store in options.stores:
        peaks = [_measure(pages, table, store) for pages in sorted(options.pages)]
        ratios[store] = peaks[-1] / peaks[0]
        print(f"largest to smallest, with the store {store}: {ratios[store]:.2f}", flush=True)
    Console(width=120).print(table)
    assert ratios.get(FORGETFUL, 0) <= MOST, ratios


def _measure(pages: int, table: Table, store: str) -> float:
    recipe = Recipe(
        pages=pages, comments_every=COMMENTS_EVERY, restrictions_every=RESTRICTIONS_EVERY
    )
    with (
        run_sandbox_thread(generate_world(recipe)) as site,
        run_service(store=store) as service,
    ):
        first = service.upload(site, source_restriction=True)
        unchanged = service.upload(site, source_restriction=True)
    for what, report in (("first", first), ("unchanged", unchanged)):
        assert report.status == "succeeded", report.message
        table.add_row(*_make_row(store, pages, what, report))
        print(*_make_row(store, pages, what, report), flush=True)
    return unchanged.peak


def _make_table() -> Table:
    table = Table(title="Peak memory of the service's process", title_justify="left")
    for name in ("store", "pages", "sync", "chunks", "seconds", "peak MiB", "idle MiB", "job MiB"):
        table.add_column(name, justify="right")
    return table


def _make_row(store: str, pages: int, what: str, report: Report) -> list[str]:
    return [
        store,
        f"{pages:,}",
        what,
        f"{report.embedded:,}",
        f"{report.seconds:.0f}",
        f"{report.peak:.0f}",
        f"{report.idle:.0f}",
        f"{report.peak - report.idle:.0f}",
    ]


if __name__ == "__main__":
    main()
