"""Killing a service at a chosen moment, and what can be seen of it from outside."""

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from headwater.adapters.catalog.stores import open_catalog
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.lance.store import LanceStore
from headwater.domain.ids import Namespace, TenantId
from headwater.sandbox.server import Sandbox
from tests.e2e.service_process import Service
from tests.integration.sync.happenings import CLOUD
from tests.integration.sync.lab import Lab, LaterQueue
from tests.integration.sync.oracle import Bench, Index

DIMENSION = 384
PATIENCE = 300.0
LOOK_SECONDS = 0.005
LAST_VERSION = (1 << 64) - 1

Name = tuple[str, str]
"""A job's tenant and id."""


@dataclass(frozen=True)
class Moment:
    """When to kill: so long after the n-th event of a kind, counted from the start of its watch.

    Events are requests that reach Confluence, commits of the vector store, and the start itself.
    """

    event: str
    number: int
    delay: float


def choose_moments(dice: Random, count: int, *, requests: int, commits: int) -> list[Moment]:
    """Return moments all over a job that takes so many requests and commits."""
    moments = []
    for place in range(count):
        event = ("request", "commit", "start")[place % 3]
        most = {"request": requests, "commit": commits, "start": 1}[event]
        longest = 6.0 if event == "start" else 0.05
        moments.append(Moment(event, dice.randint(1, most), dice.uniform(0, longest)))
    return moments


@dataclass
class Watch:
    """What Confluence was asked, and the bodies it gave, by the run of the process that asked."""

    site: Sandbox
    requests: int = 0
    bodies: list[set[str]] = field(default_factory=lambda: [set()])

    def note(self, request, _template, answer):
        """Look at an answer as it goes by."""
        self.requests += 1
        if "body-format" in request.query_params and "id" in request.query_params:
            self.bodies[-1] |= {item["id"] for item in json.loads(answer.body)["results"]}
        return answer

    def begin_run(self) -> None:
        self.bodies.append(set())

    @contextmanager
    def at_the_door(self) -> Iterator["Watch"]:
        self.site.faults.append(self.note)
        try:
            yield self
        finally:
            self.site.faults.remove(self.note)


@dataclass(frozen=True)
class Killed:
    """What a killed process left behind."""

    moment: Moment
    status: str
    stage: str
    settled: frozenset[str]
    strays: int
    """Documents whose records differ from what the catalog says of them."""


def kill_at(service: Service, data_dir: Path, watch: Watch, moment: Moment, job: Name) -> Killed:
    """Kill the service at the moment, or at the end of the job, whichever comes first."""
    commits, requests = count_commits(data_dir), watch.requests
    seen = {
        "request": lambda: watch.requests - requests,
        "commit": lambda: count_commits(data_dir) - commits,
        "start": lambda: 1,
    }[moment.event]
    wait_for(lambda: seen() >= moment.number or is_over(data_dir, job) or not service.is_alive())
    assert service.is_alive(), service.log
    wait_for(lambda: True, after=moment.delay)
    service.kill()
    return look_at(data_dir, moment, job)


def wait_for(is_there, *, after: float = 0.0) -> None:
    """Wait so many seconds, and then until something is so."""
    sleeper, end = threading.Event(), time.monotonic() + PATIENCE
    sleeper.wait(after)
    while not is_there():
        assert time.monotonic() < end, "it never came to that"
        sleeper.wait(LOOK_SECONDS)


def count_commits(data_dir: Path) -> int:
    """Return how often the vector store's tables were written, by the newest version of each."""
    tables = (data_dir / "vectors").glob("*.lance/_versions")
    return sum(max(map(read_version, table.glob("*.manifest")), default=0) for table in tables)


def read_version(manifest: Path) -> int:
    """Return a table's version: LanceDB names its manifests so that the newest sorts first."""
    return LAST_VERSION - int(manifest.stem)


def read_job(data_dir: Path, job: Name) -> Mapping[str, str]:
    ((status, stage),) = query(data_dir, "SELECT status, stage FROM jobs", job)
    return {"status": status, "stage": stage}


def is_over(data_dir: Path, job: Name) -> bool:
    return read_job(data_dir, job)["status"] not in {"queued", "running"}


def query(data_dir: Path, statement: str, job: Name) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(data_dir / "catalog.db", timeout=30)) as catalog:
        return catalog.execute(f"{statement} WHERE tenant = ? AND job_id = ?", job).fetchall()


def look_at(data_dir: Path, moment: Moment, job: Name) -> Killed:
    left = read_job(data_dir, job)
    items = query(data_dir, "SELECT content_id, settled FROM work_items", job)
    return Killed(
        moment=moment,
        status=left["status"],
        stage=left["stage"],
        settled=frozenset(name for name, is_settled in items if is_settled),
        strays=asyncio.run(count_strays(data_dir, TenantId(job[0]))),
    )


async def count_strays(data_dir: Path, tenant: TenantId) -> int:
    """Count the documents of which store and catalog tell different numbers of chunks."""
    async with open_index(data_dir, None, tenant) as index:
        rows = await index.read_rows()
        stored = await index.lab.ports.store.list_documents(Namespace(tenant))
    known = {name: len(row["chunk_hashes"]) for name, row in rows.items() if row["chunk_hashes"]}
    return sum(stored.get(name) != known.get(name) for name in {*stored, *known})


@asynccontextmanager
async def open_index(
    data_dir: Path, site: Sandbox | None, tenant: TenantId, catalog_url: str | None = None
):
    """Open a tenant's part of a data dir as the oracle looks at it; what it does not ask is absent."""
    stores = await open_catalog(catalog_url or f"sqlite:///{data_dir / 'catalog.db'}")
    store = await LanceStore.open(data_dir / "vectors", dimension=DIMENSION)
    ports: Any = SimpleNamespace(catalog=stores.catalog, store=store)
    embedder = MemoryEmbedder(dimension=DIMENSION)
    lab = Lab(cast("Any", site), ports, stores, embedder, LaterQueue(), tenant)
    try:
        yield Index(Bench(stores), lab, wire=cast("Any", None), face=CLOUD)
    finally:
        store.close()
        await stores.close()
