"""How fast the LanceDB store writes and answers: ``python benchmarks/store.py`` (about a minute).

Prints the time of one batch (64 documents of 8 chunks) into an empty and a filled namespace, and the
median and 95th percentile of hybrid queries at 20,000 rows with 1, 100 and 5,000 readable scopes.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np

from headwater.adapters.lance.store import LanceStore
from headwater.domain.access import Scope
from headwater.domain.content import Chunk, DocumentKind, DocumentMetadata
from headwater.domain.ids import ContentId, Namespace, SiteId, SpaceKey, TenantId, make_document_id
from headwater.ports import HybridQuery, Record, StoreBatch, StoredDocument, StoreFilter

DIMENSION = 384
CHUNKS = 8
BATCH = 64
SCOPES = 6_000
WORDS = [f"word{n}" for n in range(20_000)]
SITE = SiteId("wiki.example.com")
NAMESPACE = Namespace(TenantId("11111111-1111-4111-8111-111111111111"))
CHANCE = np.random.default_rng(1)


def make_scope(number: int) -> Scope:
    return Scope(f"r:{SITE}:{number}")


def make_vector() -> list[float]:
    numbers = CHANCE.normal(size=DIMENSION)
    return [float(number) for number in numbers / np.linalg.norm(numbers)]


def make_text(words: int) -> str:
    return " ".join(WORDS[n % len(WORDS)] for n in CHANCE.zipf(1.2, size=words))


def make_record(ordinal: int) -> Record:
    text = make_text(100)
    digest = sha256(text.encode()).hexdigest()
    return Record(Chunk(ordinal, ("Heading",), text, f"Title\n\n{text}", digest), make_vector())


def make_metadata(number: int, version: int) -> DocumentMetadata:
    content_id = ContentId(str(number))
    return DocumentMetadata(
        document_id=make_document_id(SITE, content_id),
        site=SITE,
        content_id=content_id,
        page_id=content_id,
        kind=DocumentKind.PAGE,
        space=SpaceKey("DOCS"),
        title="Title",
        source_url=f"https://{SITE}/pages/{number}",
        version=version,
        last_modified=datetime.now(UTC),
        labels=frozenset({"handbook"}),
        author_id=None,
        access_scope=make_scope(number % SCOPES),
    )


def make_batch(start: int, *, chunks: int = CHUNKS, version: int = 1) -> StoreBatch:
    return StoreBatch(
        upserts=tuple(
            StoredDocument(make_metadata(n, version), tuple(make_record(c) for c in range(chunks)))
            for n in range(start, start + BATCH)
        )
    )


async def fill(store: LanceStore, start: int, stop: int) -> int:
    for number in range(start, stop, BATCH):
        await store.apply(NAMESPACE, make_batch(number))
    began = time.perf_counter()
    await store.settle(NAMESPACE)
    rows = (await store.count(NAMESPACE)).records
    print(f"{rows:>7} rows: settle {time.perf_counter() - began:.2f} s")
    return rows


async def time_call(call: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await call()
    return (time.perf_counter() - began) * 1000


async def time_batches(store: LanceStore, rows: int) -> None:
    moved = tuple(make_metadata(n, 4) for n in range(BATCH))
    cases = {
        "64 new documents": make_batch(900_000 + rows),
        "64 rewritten, same size": make_batch(0, version=2),
        "64 rewritten, one chunk less": make_batch(0, chunks=CHUNKS - 1, version=3),
        "64 with new metadata": StoreBatch(metadata=moved),
        "64 deleted": StoreBatch(deletions=tuple(item.document_id for item in moved)),
    }
    for name, batch in cases.items():
        took = await time_call(lambda batch=batch: store.apply(NAMESPACE, batch))  # type: ignore[misc]
        print(f"{rows:>7} rows: {name:<30} {took:8.1f} ms")


def make_query(scopes: int) -> HybridQuery:
    readable = frozenset(make_scope(n) for n in range(scopes))
    return HybridQuery(make_text(5), make_vector(), StoreFilter(scopes=readable), limit=10)


async def time_queries(store: LanceStore, scopes: int, count: int) -> Sequence[float]:
    queries = [make_query(scopes) for _ in range(count)]
    return [
        await time_call(lambda query=query: store.query(NAMESPACE, query))  # type: ignore[misc]
        for query in queries
    ]


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = await LanceStore.open(Path(folder), dimension=DIMENSION)
        await time_batches(store, 0)
        rows = await fill(store, 0, 20_000 // CHUNKS)
        for scopes in (1, 100, 5_000):
            took = await time_queries(store, scopes, 40)
            p95 = statistics.quantiles(took, n=20)[-1]
            median = statistics.median(took)
            print(
                f"{rows:>7} rows: query, {scopes:>5} scopes   p50 {median:6.1f}  p95 {p95:6.1f} ms"
            )
        rows = await fill(store, 20_000 // CHUNKS, 49_000 // CHUNKS)
        await time_batches(store, rows)
        store.close()


if __name__ == "__main__":
    asyncio.run(main())
