"""A fleet as an operator runs it: one Postgres, one API, any number of workers, each a process."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import lancedb
import psycopg

from benchmarks.rig.endpoint import MODEL, run_endpoint
from headwater.domain.ids import Namespace, TenantId
from tests.e2e.service_process import Api, Service, open_api, run_service
from tests.postgres import make_database

KEYS = {"secret_key": "a-key-for-measurements"}
_SETTLED = re.compile(r'^headwater_documents_total\{.*outcome="added".*\} (\S+)$', re.MULTILINE)
_PROCESSOR = re.compile(r"^process_cpu_seconds_total (\S+)$", re.MULTILINE)


@dataclass
class Worker:
    """A running worker, and what it said of itself when it was last asked."""

    service: Service
    url: str
    documents: int = 0
    processor: float = 0.0
    """Seconds of processor time."""

    def look(self) -> None:
        """Ask it; one that is dead is remembered as it was."""
        if not self.service.is_alive():
            return
        text = httpx2.get(f"{self.url}/metrics").text
        self.documents = sum(int(float(number)) for number in _SETTLED.findall(text))
        self.processor = sum(float(number) for number in _PROCESSOR.findall(text))


@dataclass
class Fleet:
    """The running processes."""

    folder: Path
    url: str
    settings: Mapping[str, str]
    stack: ExitStack
    workers: dict[str, Worker] = field(default_factory=dict)

    def start_api(self) -> str:
        """Start an API that executes nothing; return its base URL."""
        api = run_service(self.folder, "serve", "--no-worker", **self.settings)
        return str(self.stack.enter_context(api).url)

    def start_worker(self) -> Worker:
        """Start one more worker; return it once it works."""
        worker = run_service(self.folder, "worker", "--port", "0", **self.settings)
        service = self.stack.enter_context(worker)
        url = service.wait_for("working")["url"]
        self.workers[f"worker {len(self.workers) + 1}"] = started = Worker(service, url)
        return started

    def look(self) -> None:
        """Ask every worker how it is."""
        for worker in self.workers.values():
            worker.look()

    def read_index(self, tenant: str) -> "Index":
        """Return what the catalog and the store have of a tenant."""
        with psycopg.connect(self.url) as connection:
            query = "SELECT document_id, chunk_hashes FROM documents WHERE tenant = %s"
            rows = connection.execute(query, [tenant]).fetchall()
        name = Namespace(TenantId(tenant)).name
        table = lancedb.connect(self.folder / "vectors").open_table(name)
        found = table.search().select(["id", "text_hash"]).limit(table.count_rows()).to_list()
        return Index(
            {key: json.dumps(value) for key, value in rows},
            Counter((row["id"], row["text_hash"]) for row in found),
        )


@dataclass(frozen=True, slots=True)
class Index:
    """Each document's digests in the catalog, and each record's id and digest in the store."""

    documents: Mapping[str, str]
    records: Counter[tuple[str, str]]


@contextmanager
def run_fleet(*, seconds: float, **settings: str) -> Iterator[Fleet]:
    """Give a fleet without any process yet, over an empty Postgres and folder.

    Its embedder is far away: each batch takes so many ``seconds``.
    """
    with (
        TemporaryDirectory(prefix="headwater-fleet-") as folder,
        make_database() as url,
        run_endpoint(seconds) as endpoint,
        ExitStack() as stack,
    ):
        ours = {
            "database_url": url,
            **KEYS,
            "embedder": "openai",
            "embedder_url": endpoint,
            "embedder_model": MODEL,
            **settings,
        }
        yield Fleet(Path(folder), url, ours, stack)


def wait_for(
    fleet: Fleet, api: Api, job_id: str, *, documents: int | None = None
) -> Mapping[str, Any]:
    """Return the job once it has settled so many documents, or is over."""
    while True:
        job: Mapping[str, Any] = api.read(job_id)
        fleet.look()
        done = job["progress"]["documents"]["done"]
        if job["finished_at"] or (documents is not None and done >= documents):
            return job
        time.sleep(0.1)


__all__ = ["Fleet", "Index", "Worker", "open_api", "run_fleet", "wait_for"]
