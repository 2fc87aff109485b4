"""One writer, one optimiser and a reader, each in a process of its own."""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from headwater.adapters.lance.store import LanceStore
from tests.contract.records import ACME, DIMENSION, ask
from tests.unit.adapters.lance_process import DOCUMENTS, size_of

ROOT = Path(__file__).parents[3]
ROUNDS = 40


@asynccontextmanager
async def running(task: str, folder: Path, rounds: int) -> AsyncIterator[asyncio.Task[None]]:
    """Run a process; yields a task that ends with it and fails as it does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "tests/unit/adapters/lance_process.py"),
        task,
        str(folder),
        str(rounds),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=asyncio.subprocess.PIPE,
    )
    ending = asyncio.create_task(expect_success(process))
    try:
        yield ending
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.wait([ending])


async def expect_success(process: asyncio.subprocess.Process) -> None:
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def read_versions(store: LanceStore) -> set[int]:
    """Return the versions one answer shows, after checking that every document in it is whole."""
    records = defaultdict(list)
    for match in await store.query(ACME, ask("version part", limit=100)):
        records[match.metadata.document_id].append(match)
    for matches in records.values():
        assert len({match.metadata.version for match in matches}) == 1
        assert len(matches) == size_of(matches[0].metadata.version)
    versions = {matches[0].metadata.version for matches in records.values()}
    assert len(versions) <= 1, "a batch was seen in part"
    assert all(len(records) == DOCUMENTS - (version % 3 == 0) for version in versions)
    return versions


async def test_a_reader_sees_whole_batches_only_while_others_write_and_settle(tmp_path):
    store = await LanceStore.open(tmp_path, dimension=DIMENSION)
    seen: set[int] = set()
    async with (
        running("write", tmp_path, ROUNDS) as writer,
        running("settle", tmp_path, 10) as settler,
    ):
        while not (writer.done() and settler.done()):
            seen |= await read_versions(store)
        await asyncio.gather(writer, settler)
    assert await read_versions(store) == {ROUNDS}
    assert len(seen) > 2
    store.close()
