"""Twenty tenants at once, one of them a hundred times larger: what the nineteen wait for it.

First the nineteen are brought in without the large one, then all twenty, the large one first in line.
The nineteen must not take more than twice as long for that. A real Postgres, one API, some workers, an
embedder far away.

    .venv/bin/python -m benchmarks.fairness --pages 50
"""

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack
from uuid import UUID

from rich.console import Console
from rich.table import Table

from benchmarks.rig.fleet import Fleet, open_api, run_fleet
from headwater.sandbox.generator import Recipe, generate_world
from headwater.sandbox.server import Sandbox, run_sandbox_thread

TENANTS = 20
TIMES_LARGER = 100
MOST = 2.0
"""Times as long as without the large tenant, the others may take."""

BATCH_SECONDS = 0.5
WORDS = 60
POLL_SECONDS = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=50, help="of a small tenant")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    small = generate_world(Recipe(pages=options.pages, words_per_page=WORDS))
    large = generate_world(Recipe(pages=TIMES_LARGER * options.pages, words_per_page=WORDS))
    with run_sandbox_thread(small) as site, run_sandbox_thread(large) as large_site:
        without = _measure(options.workers, site, None)
        beside = _measure(options.workers, site, large_site)
    Console(width=110).print(_make_table(options.pages, without, beside))
    assert max(beside) <= MOST * max(without), "the small tenants wait too long for the large one"


def _measure(workers: int, site: Sandbox, large: Sandbox | None) -> Sequence[float]:
    """Return the seconds after which each small tenant's upload was over."""
    with run_fleet(seconds=BATCH_SECONDS) as fleet:
        url = fleet.start_api()
        for _ in range(workers):
            fleet.start_worker()
        if large is not None:
            _start_large(fleet, url, large)
        return _bring_in(url, site)


def _start_large(fleet: Fleet, url: str, site: Sandbox) -> None:
    """Start the large tenant's upload; return when every worker is at it."""
    with open_api(url, _name_tenant(0)) as api:
        job_id = api.upload(site)
        while not api.read(job_id)["progress"]["documents"]["done"]:
            time.sleep(POLL_SECONDS)
    helping = "helping with a job of another process"
    while sum(bool(w.service.events(helping)) for w in fleet.workers.values()) < (
        len(fleet.workers) - 1
    ):
        time.sleep(POLL_SECONDS)


def _bring_in(url: str, site: Sandbox) -> Sequence[float]:
    with ExitStack() as stack:
        tenants = [_name_tenant(number) for number in range(1, TENANTS)]
        apis = [stack.enter_context(open_api(url, tenant)) for tenant in tenants]
        started = time.monotonic()
        waiting = {api: api.upload(site) for api in apis}
        ended = []
        while waiting:
            for api, job_id in tuple(waiting.items()):
                job = api.read(job_id)
                if job["finished_at"]:
                    assert job["status"] == "succeeded", job
                    ended.append(time.monotonic() - started)
                    del waiting[api]
            time.sleep(POLL_SECONDS)
    return ended


def _name_tenant(number: int) -> str:
    return str(UUID(int=number + 1))


def _make_table(pages: int, without: Sequence[float], beside: Sequence[float]) -> Table:
    table = Table(
        title=f"{TENANTS - 1} tenants of {pages} pages, and one of {TIMES_LARGER * pages};"
        f" at most {MOST:g} times as long",
        title_justify="left",
    )
    for name in ("", "first done, s", "half done, s", "all done, s", "times as long"):
        table.add_column(name, justify="right")
    for name, ended in (("without the large one", without), ("beside it", beside)):
        table.add_row(
            name,
            f"{ended[0]:.1f}",
            f"{ended[len(ended) // 2]:.1f}",
            f"{ended[-1]:.1f}",
            f"{ended[-1] / without[-1]:.2f}",
        )
    return table


if __name__ == "__main__":
    main()
