"""Several processes on one file, and one that dies."""

import asyncio
import signal
import sqlite3
import subprocess
import sys

from headwater.adapters.catalog.stores import open_catalog
from tests.contract.catalog_samples import add_running_job, make_ref, open_engine

WRITER = """
import asyncio, sys
from headwater.adapters.catalog.stores import open_catalog
from headwater.domain.ids import JobId, TenantId
from headwater.domain.jobs import JobChange, JobRef, Progress

async def write(url, tenant, times):
    stores = await open_catalog(url)
    ref = JobRef(TenantId(tenant), JobId("job-1"))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(times):
        await stores.jobs.change(ref, JobChange(progress=Progress(requests=1)))
        print(number + 1, flush=True)
    await stores.close()

asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""
OPENER = """
import asyncio, sys
from headwater.adapters.catalog.stores import open_catalog

async def open_and_check(url):
    stores = await open_catalog(url)
    await stores.catalog.check()
    await stores.close()

asyncio.run(open_and_check(sys.argv[1]))
"""


def start(script, *arguments: object):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def find_progress(folder, ref):
    async with open_engine("sqlite", folder) as stores:
        return (await stores.jobs.find(ref)).progress.requests


def finish(process):
    _out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


async def add_job(folder):
    ref = make_ref()
    async with open_engine("sqlite", folder) as stores:
        await add_running_job(stores, ref)
    return ref


async def test_two_processes_that_write_at_once_lose_nothing(tmp_path):
    ref = await add_job(tmp_path)
    url = f"sqlite:///{tmp_path}/catalog.db"
    writers = [start(WRITER, url, ref.tenant, 60) for _ in range(2)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        finish(writer)
    assert await find_progress(tmp_path, ref) == 120


async def test_processes_that_open_a_new_catalog_at_once_all_get_it(tmp_path):
    for opener in [start(OPENER, f"sqlite:///{tmp_path}/catalog.db") for _ in range(3)]:
        finish(opener)
    stores = await open_catalog(f"sqlite:///{tmp_path}/catalog.db")
    await stores.catalog.check()
    await stores.close()


async def test_what_a_killed_process_had_committed_is_there_and_the_file_is_sound(tmp_path):
    ref = await add_job(tmp_path)
    writer = start(WRITER, f"sqlite:///{tmp_path}/catalog.db", ref.tenant, 100_000)
    writer.stdin.write("go\n")
    writer.stdin.flush()
    while (line := writer.stdout.readline()) != "20\n":
        assert line, writer.stderr.read()
    writer.send_signal(signal.SIGKILL)
    told = [20, *map(int, writer.communicate(timeout=60)[0].split())]
    written = await find_progress(tmp_path, ref)
    assert written - told[-1] in {0, 1}  # it may die between its commit and telling of it
    connection = sqlite3.connect(tmp_path / "catalog.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert writer.returncode == -signal.SIGKILL


async def test_writers_within_one_process_take_turns(tmp_path):
    ref = await add_job(tmp_path)
    async with open_engine("sqlite", tmp_path) as one, open_engine("sqlite", tmp_path) as other:
        await asyncio.gather(*(store.catalog.check() for store in (one, other) * 10))
        assert await one.jobs.find(ref) == await other.jobs.find(ref)
