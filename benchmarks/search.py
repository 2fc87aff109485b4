"""Search at size on the embedded store, within what a reader may see: ``python benchmarks/search.py``.

Generated chunks (100,000 unless told otherwise) of pages under spaces, audiences and restrictions, with
clustered vectors, are searched by readers who may see all of them, half, a tenth or a hundredth. Prints
the median, 95th and 99th percentile of a search, from the reader's groups to the matches, the processor
time that each takes on average, whatever else the machine does, and how many of the ten exactly nearest
visible chunks are among the ten that the store finds by vector. Most of the time goes into filling.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import lancedb
import numpy as np
import numpy.typing as npt

from headwater.adapters.lance.filters import make_predicate
from headwater.adapters.lance.search import search_dense
from headwater.adapters.lance.store import LanceStore
from headwater.domain.access import (
    Reader,
    Scope,
    ScopeRule,
    audience_clause,
    make_reader,
    readable_scopes,
)
from headwater.domain.content import Chunk, DocumentKind, DocumentMetadata
from headwater.domain.ids import ContentId, Namespace, SiteId, SpaceKey, TenantId, make_document_id
from headwater.pipeline.fusion import candidate_depth
from headwater.ports import HybridQuery, Record, StoreBatch, StoredDocument, StoreFilter

DIMENSION = 384
CHUNKS_PER_PAGE = 8
PAGES_PER_BATCH = 256
PAGES_PER_SCOPE = 4
CLUSTERS = 500
SPREAD = 1.0
"""Noise around a cluster's middle, whose length is one: neighbours overlap, as texts do."""

SHARES = {"every one": 1.0, "half": 0.5, "a tenth": 0.1, "a hundredth": 0.01}
WORDS = [f"word{number}" for number in range(20_000)]
SITE = SiteId("wiki.example.com")
NAMESPACE = Namespace(TenantId("11111111-1111-4111-8111-111111111111"))
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)

Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Site:
    """Everything that is generated: one row of ``vectors`` for each chunk, page by page."""

    vectors: Numbers
    scopes: Sequence[Scope]
    """Of each page."""
    rules: dict[Scope, ScopeRule]
    chance: np.random.Generator

    def make_vector(self, row: int) -> list[float]:
        """Return a question's vector somewhere near a chunk's."""
        noise = self.chance.normal(scale=0.5 / DIMENSION**0.5, size=DIMENSION)
        return [float(number) for number in normalise(self.vectors[row] + noise)]

    def make_text(self, words: int) -> str:
        """Return words as common as in prose."""
        return " ".join(WORDS[n % len(WORDS)] for n in self.chance.zipf(1.2, size=words))


def normalise(numbers: npt.NDArray[np.floating]) -> Numbers:
    length = np.linalg.norm(numbers, axis=-1, keepdims=True)
    return np.asarray(numbers / length, np.float32)


def make_site(chunks: int) -> Site:
    chance = np.random.default_rng(1)
    middles = normalise(chance.normal(size=(CLUSTERS, DIMENSION)))
    noise = chance.normal(scale=SPREAD / DIMENSION**0.5, size=(chunks, DIMENSION))
    vectors = normalise(middles[chance.integers(CLUSTERS, size=chunks)] + noise)
    pages = chunks // CHUNKS_PER_PAGE
    rules = make_rules(pages // PAGES_PER_SCOPE, chance)
    names = list(rules)
    scopes = [names[n] for n in chance.integers(len(names), size=pages)]
    return Site(vectors, scopes, rules, chance)


def make_rules(count: int, chance: np.random.Generator) -> dict[Scope, ScopeRule]:
    """Give each scope two clauses, each of which the groups of some shares pass."""
    rules = {}
    for number in range(count):
        rank = chance.random()
        groups = [name for name, share in SHARES.items() if rank < share]
        scope = Scope(f"r:{SITE}:{number}")
        clauses = (audience_clause([*groups, "auditors"]), audience_clause([*groups, "board"]))
        rules[scope] = ScopeRule(scope, clauses)
    return rules


def make_batches(site: Site) -> Iterator[StoreBatch]:
    for start in range(0, len(site.scopes), PAGES_PER_BATCH):
        pages = range(start, min(start + PAGES_PER_BATCH, len(site.scopes)))
        yield StoreBatch(upserts=tuple(make_page(site, page) for page in pages))


def make_page(site: Site, page: int) -> StoredDocument:
    first = page * CHUNKS_PER_PAGE
    records = tuple(make_record(site, first, ordinal) for ordinal in range(CHUNKS_PER_PAGE))
    content_id = ContentId(str(page))
    metadata = DocumentMetadata(
        document_id=make_document_id(SITE, content_id),
        site=SITE,
        content_id=content_id,
        page_id=content_id,
        kind=DocumentKind.PAGE,
        space=SpaceKey(f"S{page % 20}"),
        title=f"Page {page}",
        source_url=f"https://{SITE}/pages/{page}",
        version=1,
        last_modified=MOMENT,
        labels=frozenset({"handbook"}),
        author_id=None,
        access_scope=site.scopes[page],
    )
    return StoredDocument(metadata, records)


def make_record(site: Site, first: int, ordinal: int) -> Record:
    text = site.make_text(100)
    digest = sha256(text.encode()).hexdigest()
    chunk = Chunk(ordinal, ("Heading",), text, f"Title\n\n{text}", digest)
    return Record(chunk, site.vectors[first + ordinal].tolist())


async def fill(store: LanceStore, site: Site) -> None:
    began = time.perf_counter()
    for batch in make_batches(site):
        await store.apply(NAMESPACE, batch)
    filled = time.perf_counter()
    await store.settle(NAMESPACE)
    settled = time.perf_counter() - filled
    print(
        f"{len(site.vectors)} chunks: filled in {filled - began:.0f} s, indexed in {settled:.0f} s"
    )


async def time_searches(
    store: LanceStore, site: Site, reader: Reader, count: int
) -> Sequence[float]:
    took = []
    for row in site.chance.integers(len(site.vectors), size=count):
        vector, text = site.make_vector(int(row)), site.make_text(5)
        began = time.perf_counter()
        scopes = readable_scopes(site.rules, reader)
        query = HybridQuery(text, vector, StoreFilter(scopes=scopes), limit=10)
        found = await store.query(NAMESPACE, query)
        took.append((time.perf_counter() - began) * 1000)
        assert {match.metadata.access_scope for match in found} <= scopes
    return took


async def measure_recall(folder: Path, site: Site, reader: Reader, count: int) -> float:
    """Return the share of the ten exactly nearest visible chunks that the store's own ten hold."""
    scopes = readable_scopes(site.rules, reader)
    predicate = make_predicate(StoreFilter(scopes=scopes)) or "false"
    visible = np.repeat([scope in scopes for scope in site.scopes], CHUNKS_PER_PAGE)
    connection = await lancedb.connect_async(folder)
    table = await connection.open_table(NAMESPACE.name)
    hit = wanted = 0
    for row in site.chance.integers(len(site.vectors), size=count):
        vector = site.make_vector(int(row))
        near = np.where(visible, site.vectors @ np.array(vector, np.float32), -2)
        nearest = {name_row(int(place)) for place in np.argsort(-near)[:10] if visible[place]}
        found = await search_dense(table, vector, predicate, candidate_depth(10))
        wanted += len(nearest)
        hit += len(nearest & set(found["id"].to_pylist()[:10]))
    connection.close()  # type: ignore[no-untyped-call]
    return hit / wanted if wanted else 1.0  # nothing to find, nothing missed


def name_row(row: int) -> str:
    page, ordinal = divmod(row, CHUNKS_PER_PAGE)
    return f"{make_document_id(SITE, ContentId(str(page)))}#{ordinal}"


async def measure(folder: Path, chunks: int, searches: int) -> None:
    site = make_site(chunks)
    store = await LanceStore.open(folder, dimension=DIMENSION)
    await fill(store, site)
    names = ("scopes", "p50 ms", "p95 ms", "p99 ms", "cpu ms", "recall@10")
    print(f"{'reader sees':<14}" + "".join(f"{name:>10}" for name in names))
    for name in SHARES:
        reader = make_reader(groups=[name])
        await time_searches(store, site, reader, 5)
        worked = time.process_time()
        took = np.percentile(await time_searches(store, site, reader, searches), (50, 95, 99))
        worked = (time.process_time() - worked) * 1000 / searches
        recall = await measure_recall(folder, site, reader, searches)
        count = len(readable_scopes(site.rules, reader))
        figures = "".join(f"{item:>10.1f}" for item in (*took, worked))
        print(f"{name:<14}{count:>10}{figures}{recall:>10.3f}")
    store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--searches", type=int, default=200, help="for each reader")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), asked.chunks, asked.searches))


if __name__ == "__main__":
    main()
