"""What a process of its own does to a store: ``python lance_process.py write|settle FOLDER ROUNDS``.

A writer gives every document of a round the same version and as many records as the version says.
"""

import asyncio
import sys
from pathlib import Path

from headwater.adapters.lance.store import LanceStore
from headwater.ports import StoreBatch
from tests.contract.records import ACME, DIMENSION, document_id, make_document

DOCUMENTS = 5


def size_of(version: int) -> int:
    """Return how many records a document of this version has: it grows and shrinks."""
    return 1 + version % 7


def make_round(version: int) -> StoreBatch:
    """Return a batch that rewrites every document, but deletes one on every third round."""
    texts = [f"version {version} part {part}" for part in range(size_of(version))]
    kept = DOCUMENTS - (version % 3 == 0)
    return StoreBatch(
        upserts=tuple(make_document(n, *texts, version=version) for n in range(kept)),
        deletions=tuple(document_id(n) for n in range(kept, DOCUMENTS)),
    )


async def main(task: str, folder: Path, rounds: int) -> None:
    """Write or settle that many times."""
    store = await LanceStore.open(folder, dimension=DIMENSION)
    for version in range(1, rounds + 1):
        if task == "write":
            await store.apply(ACME, make_round(version))
        else:
            await store.settle(ACME)
    store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
