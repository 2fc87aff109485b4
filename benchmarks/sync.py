"""A whole upload of a generated space: seconds, pages per second, requests, peak memory.

The sandbox runs in this process, the service in one of its own, so that its memory is its own.
Figures of one run compare with each other only: the machine is shared.

    .venv/bin/python benchmarks/sync.py --pages 1000 --latency 0 0.05
"""

import argparse
import asyncio
import json
import logging
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from rich.console import Console
from rich.table import Table

from headwater.adapters.logs import configure_logging
from headwater.bootstrap import open_ports, prepare_settings
from headwater.config import load_settings
from headwater.domain.ids import JobId, SpaceKey, TenantId
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
from headwater.ports import Ports
from headwater.sandbox.generator import Recipe, generate_world
from headwater.sandbox.server import Sandbox, run_sandbox_thread
from headwater.services.uploads import submit_upload

TENANT = TenantId("00000000-0000-4000-8000-000000000001")


def main() -> None:
    options = _read_options()
    configure_logging(json_lines=False, own_level=logging.WARNING)
    if options.child:
        asyncio.run(_run_service(json.loads(options.child)))
        return
    rows = []
    for latency in options.latency:
        world = generate_world(Recipe(pages=options.pages))
        with run_sandbox_thread(world, latency=latency) as site:
            rows += _measure(site, latency)
    _print(options.pages, rows)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--latency", type=float, nargs="+", default=[0.0, 0.05])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(site: Sandbox, latency: float) -> list[dict[str, Any]]:
    with TemporaryDirectory(prefix="headwater-bench-") as folder:
        # Built in a process of its own, so that building the model is not in the measured peak.
        _start_child({"folder": folder})
        task = {
            "folder": folder,
            "instance_url": site.instance_url,
            "web_url": site.web_url,
            "email": site.email,
            "token": site.token,
        }
        lines = _start_child(task)
    return [{"latency": latency, **json.loads(line)} for line in lines]


def _start_child(task: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, __file__, "--child", json.dumps(task)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.splitlines()


async def _run_service(task: dict[str, str]) -> None:
    settings = prepare_settings(
        load_settings(data_dir=Path(task["folder"]), allowed_private_hosts=("127.0.0.1",))
    )
    async with open_ports(settings) as ports:
        idle = _peak_mebibytes()
        for what in ("first", "unchanged") if "instance_url" in task else ():
            started = monotonic()
            job = await _upload(ports, task)
            seconds = monotonic() - started
            report = _describe(job, what, seconds, _peak_mebibytes() - idle)
            sys.stdout.write(json.dumps(report) + "\n")


async def _upload(ports: Ports, task: dict[str, str]) -> Job:
    request = UploadRequest(
        address=SiteAddress(task["instance_url"], task["web_url"]),
        space=SpaceKey("GEN1"),
        incremental=True,
        use_ocr=False,
        processor_mode=ProcessorMode.AUTO,
        rezolve_domain="benchmark",
        restriction=ContentRestriction(),
    )
    credential = SiteCredential(task["email"], Secret(task["token"]))
    job_id: JobId = await submit_upload(ports, TENANT, request, credential, job_id=None)
    while True:
        job = await ports.jobs.find(JobRef(TENANT, job_id))
        assert job
        if job.status.is_final:
            return job
        await asyncio.sleep(0.05)


def _describe(job: Job, what: str, seconds: float, grown: float) -> dict[str, Any]:
    return {
        "sync": what,
        "status": job.status.value,
        "seconds": seconds,
        "pages": job.progress.documents.done,
        "chunks": job.progress.chunks.embedded,
        "requests": job.progress.requests,
        "grown": grown,
        "peak": _peak_mebibytes(),
    }


def _peak_mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _print(pages: int, rows: Sequence[dict[str, Any]]) -> None:
    facts = f"{pages} pages; {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    table = Table(title=facts, title_justify="left")
    columns = (
        "latency s",
        "sync",
        "status",
        "s",
        "pages/s",
        "chunks/s",
        "requests",
        "peak MiB",
        "of it job MiB",
    )
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row['latency']:g}",
            row["sync"],
            row["status"],
            f"{row['seconds']:.1f}",
            f"{row['pages'] / row['seconds']:.0f}",
            f"{row['chunks'] / row['seconds']:.0f}",
            str(row["requests"]),
            f"{row['peak']:.0f}",
            f"{row['grown']:.0f}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
