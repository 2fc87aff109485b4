"""How a sync grows with its space: processor time, documents per second, memory, and what is on disk.

Each size is synced twice, first and unchanged, by a service process of its own over an empty folder, with
an embedder that costs nothing. The sandbox is in another process: where its share of a processor nears
1, it is what is measured. What grows as a power of the pages is fitted by its exponent: 1.00 is in
proportion. The peak is the process's largest resident size so far. A hundred thousand pages with the
vector store take half an hour of two cores; without it (one that keeps nothing in its place) the figures
are Headwater's own.

    .venv/bin/python -m benchmarks.growth --pages 1000 10000 100000 --stores LanceDB
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.rig.service import FORGETFUL, LANCE, STORES, Report, run_service
from headwater.sandbox.generator import Recipe, generate_world
from headwater.sandbox.server import run_sandbox_thread

MOST: Final = 1.3
"""Without the store, up to ``WIDEST`` times the pages may take at most so many times the memory."""

WIDEST: Final = 50

COMMENTS_EVERY: Final = 4
RESTRICTIONS_EVERY: Final = 10
MEBIBYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Sync:
    """One measured sync."""

    store: str
    pages: int
    what: str
    report: Report
    sandbox: float
    """Seconds of processor time that the sandbox took."""


MEASURES: Mapping[str, tuple[Callable[[Sync], float], str]] = {
    "s": (lambda sync: sync.report.seconds, ".1f"),
    "processor s": (lambda sync: sync.report.processor, ".1f"),
    "documents/s": (lambda sync: sync.pages / sync.report.seconds, ".0f"),
    "peak MiB": (lambda sync: sync.report.peak, ".0f"),
    "catalog MiB": (lambda sync: _size(sync, "catalog.db"), ".1f"),
    "vectors MiB": (lambda sync: _size(sync, "vectors"), ".1f"),
}
"""What is fitted, and how it is shown."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--stores", nargs="+", default=[FORGETFUL, LANCE], choices=STORES)
    options = parser.parse_args()
    syncs = [
        _show(sync)
        for store in options.stores
        for pages in sorted(options.pages)
        for sync in _measure(store, pages)
    ]
    console = Console(width=150)
    console.print(_tabulate(syncs))
    console.print(_tabulate_exponents(syncs))
    _check_memory([sync for sync in syncs if sync.store == FORGETFUL])


def _measure(store: str, pages: int) -> Iterator[Sync]:
    recipe = Recipe(
        pages=pages, comments_every=COMMENTS_EVERY, restrictions_every=RESTRICTIONS_EVERY
    )
    with (
        run_sandbox_thread(generate_world(recipe)) as site,
        run_service(store=store) as service,
    ):
        for what in ("first", "unchanged"):
            worked = process_time()
            report = service.upload(site, source_restriction=True)
            assert report.status == "succeeded", report.message
            yield Sync(store, pages, what, report, process_time() - worked)


def _size(sync: Sync, name: str) -> float:
    """Return how large a file of the data dir, with those beside it, or a folder is, in MiB."""
    return sum(size for key, size in sync.report.sizes.items() if key.startswith(name)) / MEBIBYTE


def _show(sync: Sync) -> Sync:
    print(*_make_row(sync), flush=True)
    return sync


def _make_row(sync: Sync) -> list[str]:
    report = sync.report
    return [
        sync.store,
        f"{sync.pages:,}",
        sync.what,
        f"{report.embedded:,}",
        *(f"{measure(sync):{shown}}" for measure, shown in MEASURES.values()),
        f"{report.processor / report.seconds:.2f}",
        f"{sync.sandbox / report.seconds:.2f}",
    ]


def _tabulate(syncs: Sequence[Sync]) -> Table:
    names = ("store", "pages", "sync", "chunks", *MEASURES, "service's share", "sandbox's share")
    return _make_table("By pages", names, map(_make_row, syncs))


def _tabulate_exponents(syncs: Sequence[Sync]) -> Table:
    kinds = dict.fromkeys((sync.store, sync.what) for sync in syncs)
    rows = (
        [*kind, *(_fit(measure, alike) for measure, _ in MEASURES.values())]
        for kind in kinds
        if len(alike := [sync for sync in syncs if (sync.store, sync.what) == kind]) > 1
    )
    return _make_table("Grows with the pages to the power of", ("store", "sync", *MEASURES), rows)


def _make_table(title: str, columns: Sequence[str], rows: Iterable[list[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _fit(measure: Callable[[Sync], float], syncs: Sequence[Sync]) -> str:
    """Return the exponent of the power law that fits best; nothing where there is nothing to measure."""
    values = [measure(sync) for sync in syncs]
    if not all(values):
        return "-"
    exponent, _ = np.polyfit(np.log([sync.pages for sync in syncs]), np.log(values), 1)
    return f"{exponent:.2f}"


def _check_memory(syncs: Sequence[Sync]) -> None:
    for sync in syncs:
        base = max(other.report.peak for other in syncs if other.pages == syncs[0].pages)
        is_compared = sync.pages <= WIDEST * syncs[0].pages
        assert not is_compared or sync.report.peak <= MOST * base, (sync, base)


if __name__ == "__main__":
    main()
