"""A service in a process of its own, told by lines of JSON what to bring in: its memory is its own.

The process that starts it serves the sandbox, so that neither the made-up wiki nor the answers to its
requests are in what is measured.
"""

import asyncio
import json
import logging
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from benchmarks.rig.embedders import ConstantEmbedder, WatchedEmbedder
from benchmarks.rig.stores import ForgetfulStore
from headwater.adapters.logs import configure_logging
from headwater.adapters.memory_store import MemoryStore
from headwater.bootstrap import open_ports, prepare_settings
from headwater.config import Settings, load_settings
from headwater.domain.ids import SpaceKey, TenantId
from headwater.domain.jobs import (
    ContentRestriction,
    Job,
    JobRef,
    ProcessorMode,
    SiteAddress,
    SiteCredential,
    UploadRequest,
)
from headwater.domain.secrets import Secret
from headwater.ports import Embedder, Ports, VectorStore
from headwater.sandbox.server import Sandbox
from headwater.services.uploads import submit_upload

TENANT = TenantId("00000000-0000-4000-8000-000000000001")
SPACE = SpaceKey("GEN1")
POLL_SECONDS = 0.05
POLL_SHARE = 0.01
"""Of the time so far, where that is longer: asking costs the measured process processor time."""

LANCE, IN_MEMORY, FORGETFUL = "LanceDB", "memory", "none"
STORES: Mapping[str, Callable[[], VectorStore | None]] = {
    LANCE: lambda: None,  # what the settings name
    IN_MEMORY: MemoryStore,
    FORGETFUL: ForgetfulStore,
}


@dataclass(frozen=True, slots=True)
class Report:
    """One upload as the service's process saw it. Memory in MiB, all else in seconds."""

    status: str
    message: str
    seconds: float
    processor: float
    """Seconds of processor time that the process took, whatever else the machine did."""
    steps: Mapping[str, float]
    """How long each step of the job took."""
    busy: float
    """How long the embedder was at work."""
    embedded: int
    progress: Mapping[str, Any]
    idle: float
    """The process's peak before its first upload."""
    peak: float
    sizes: Mapping[str, int]
    """Bytes of each file and folder of the data dir."""


class Service:
    """A running service process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def upload(self, site: Sandbox, *, source_restriction: bool = False) -> Report:
        """Run one incremental upload of the generated space to its end."""
        task = {
            "instance_url": site.instance_url,
            "web_url": site.web_url,
            "username": site.username,
            "token": site.token,
            "source_restriction": source_restriction,
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return Report(**json.loads(self._process.stdout.readline()))


@contextmanager
def run_service(*, offline_embedder: bool = False, store: str = LANCE) -> Iterator[Service]:
    """Start a service over an empty folder; with the offline embedder, or one that costs nothing.

    ``store`` is ``LANCE``, ``IN_MEMORY`` or ``FORGETFUL``, which keeps nothing.
    """
    with TemporaryDirectory(prefix="headwater-bench-") as folder:
        task = {"folder": folder, "offline_embedder": offline_embedder, "store": store}
        command = [sys.executable, "-m", "benchmarks.rig.service", json.dumps(task)]
        if offline_embedder:
            # The model is built at first use: by a process that is not measured.
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            yield Service(process)


async def _serve(task: Mapping[str, Any]) -> None:
    steps = _watch_steps()
    settings = prepare_settings(
        load_settings(data_dir=Path(task["folder"]), allowed_private_hosts=("127.0.0.1",))
    )
    store = STORES[task["store"]]()
    async with (
        _open_embedder(settings, offline=task["offline_embedder"]) as embedder,
        open_ports(settings, embedder=embedder, store=store) as ports,
    ):
        idle = _peak_mebibytes()
        while line := await asyncio.to_thread(sys.stdin.readline):
            busy, texts, started = embedder.busy, embedder.texts, monotonic()
            worked = process_time()
            steps.clear()
            job = await _upload(ports, json.loads(line))
            report = Report(
                status=job.status.value,
                message=job.message or "",
                seconds=monotonic() - started,
                processor=process_time() - worked,
                steps=dict(steps),
                busy=embedder.busy - busy,
                embedded=embedder.texts - texts,
                progress=asdict(job.progress),
                idle=idle,
                peak=_peak_mebibytes(),
                sizes={path.name: _measure_size(path) for path in settings.data_dir.iterdir()},
            )
            sys.stdout.write(json.dumps(asdict(report)) + "\n")
            sys.stdout.flush()


@asynccontextmanager
async def _open_embedder(settings: Settings, *, offline: bool) -> AsyncIterator[WatchedEmbedder]:
    if not offline:
        embedder: Embedder = ConstantEmbedder()
        yield WatchedEmbedder(embedder)
        return
    from headwater.adapters.embedders.local import LocalEmbedder  # noqa: PLC0415  (its libraries are large)

    local = await LocalEmbedder.open(settings.data_dir)
    try:
        yield WatchedEmbedder(local)
    finally:
        await local.close()


def _watch_steps() -> dict[str, float]:
    """Return what fills with the seconds of each step that the job engine logs."""
    configure_logging(json_lines=False, own_level=logging.INFO)
    logging.getLogger().handlers[0].setLevel(logging.WARNING)
    steps: dict[str, float] = {}

    def note(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if "step" in event and "seconds" in event:
            steps[event["step"]] = event["seconds"]
        return event

    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[note, *processors])
    return steps


async def _upload(ports: Ports, task: Mapping[str, Any]) -> Job:
    request = UploadRequest(
        address=SiteAddress(task["instance_url"], task["web_url"]),
        space=SPACE,
        incremental=True,
        use_ocr=False,
        processor_mode=ProcessorMode.AUTO,
        rezolve_domain="benchmark",
        restriction=ContentRestriction(source_restriction=task["source_restriction"]),
    )
    credential = SiteCredential(task["username"], Secret(task["token"]))
    started = monotonic()
    job_id = await submit_upload(ports, TENANT, request, credential, job_id=None)
    while True:
        job = await ports.jobs.find(JobRef(TENANT, job_id))
        assert job
        if job.status.is_final:
            return job
        await asyncio.sleep(max(POLL_SECONDS, POLL_SHARE * (monotonic() - started)))


def _measure_size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _peak_mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
