"""How well search finds what people ask for, and how fast.

    python -m benchmarks.retrieval [--sets 18f-faq,workarena-kb] [--limit 100] [--data FOLDER]

Needs judged question sets: folders ``retrieval-NAME`` with ``corpus.jsonl`` (id, title, text),
``queries.jsonl`` (id, text) and ``qrels.tsv`` (question, document, grade), by default under
``../shared/data``. Documents go through the service's own chunking, the local embedder and a
LanceStore. A document ranks where its best chunk does. Beside keyword, dense and hybrid search stand plain
BM25 on whole documents, and a plain pipeline: chunks of 1000 characters with an overlap of 200, the same
embedder, all vectors compared. Everything at once takes some minutes, nearly all of it embedding; ``--limit`` takes that many questions of each set (the corpus stays whole), and vectors are
kept in ``--cache`` if given. The column ``codes``: of up to 100 words of letters and digits that one
chunk alone holds, how many bring it first when they are the whole question.
"""

import argparse
import asyncio
import csv
import json
import math
import os
import platform
import random
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import lancedb
import numpy as np
from lancedb.table import AsyncTable

from benchmarks.reference.baselines import Bm25, NearestVectors, cut_by_characters
from headwater.adapters.embedders.local import LocalEmbedder
from headwater.adapters.lance.search import (
    rank_rows,
    read_keywords,
    search_dense,
    search_snapshot,
    search_words,
)
from headwater.adapters.lance.store import LanceStore
from headwater.domain.access import Scope
from headwater.domain.content import Chunk, Document, DocumentKind, DocumentMetadata
from headwater.domain.ids import (
    ContentId,
    DocumentId,
    Namespace,
    SiteId,
    SpaceKey,
    TenantId,
    make_document_id,
)
from headwater.pipeline.chunking import CHUNKING_VERSION, ChunkPolicy, split_document
from headwater.ports import (
    EmbeddingKind,
    HybridQuery,
    Record,
    StoreBatch,
    StoredDocument,
    StoreFilter,
    Vector,
)
from headwater.services.search import fit_question

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
SETS = ("18f-faq", "workarena-kb", "product-docs", "querypie-en-ko")

SITE = SiteId("wiki.example.com")
SCOPE = Scope("s:wiki.example.com:1")
NAMESPACE = Namespace(TenantId("11111111-1111-4111-8111-111111111111"))
OPEN = StoreFilter(scopes=frozenset({SCOPE}))
PREDICATE = f"access_scope = '{SCOPE}'"
CHUNKS = 50
"""Asked for, so that ten documents remain when several chunks are of one."""
CODES = 100
_CODE = re.compile(r"(?<![^\s(])[a-z]+[-_]?\d+(?:[-_][a-z0-9]+)*(?![^\s),.;:])")


@dataclass(frozen=True)
class JudgedSet:
    """Documents, questions by id, and for each question its relevant documents' grades."""

    name: str
    documents: Mapping[DocumentId, Document]
    questions: Mapping[str, str]
    grades: Mapping[str, Mapping[DocumentId, float]]


@dataclass(frozen=True)
class Measured:
    """Means over one set's questions."""

    ndcg: float
    recall: float
    milliseconds: float


def read_set(folder: Path, limit: int) -> JudgedSet:
    rows = _read_lines(folder / "corpus.jsonl")
    names = {row["id"]: make_document_id(SITE, ContentId(str(n))) for n, row in enumerate(rows)}
    grades: dict[str, dict[DocumentId, float]] = {}
    with (folder / "qrels.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            grades.setdefault(row["query-id"], {})[names[row["corpus-id"]]] = float(row["score"])
    asked = [row for row in _read_lines(folder / "queries.jsonl") if row["id"] in grades]
    return JudgedSet(
        name=folder.name.removeprefix("retrieval-"),
        documents={names[row["id"]]: Document(row["title"], row["text"]) for row in rows},
        questions={row["id"]: row["text"] for row in asked[:limit]},
        grades=grades,
    )


def _read_lines(path: Path) -> list[dict[str, str]]:
    # Not splitlines(): a JSON string may hold U+2028 as it is.
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


class CachedEmbedder:
    """The local embedder, with vectors kept in a folder between runs if there is one."""

    def __init__(self, embedder: LocalEmbedder, folder: Path | None) -> None:
        self.embedder = embedder
        self._folder = folder

    async def embed(self, texts: Sequence[str], kind: EmbeddingKind) -> Sequence[Vector]:
        """Return one vector per text, in order."""
        path = self._path(texts, kind)
        if path and path.is_file():
            return [[float(number) for number in row] for row in np.load(path)]
        vectors = await self.embedder.embed(texts, kind=kind)
        if path:
            np.save(path, np.array(vectors, dtype=np.float32))
        return vectors

    def _path(self, texts: Sequence[str], kind: EmbeddingKind) -> Path | None:
        if self._folder is None:
            return None
        digest = sha256("\0".join([self.embedder.model, kind, *texts]).encode()).hexdigest()
        return self._folder / f"{digest}.npy"


async def fill(store: LanceStore, judged: JudgedSet, cached: CachedEmbedder) -> list[Chunk]:
    embedder = cached.embedder
    policy = ChunkPolicy(max_tokens=embedder.max_tokens)
    cut = {
        name: split_document(document, policy, embedder.count_tokens)
        for name, document in judged.documents.items()
    }
    chunks = [chunk for found in cut.values() for chunk in found]
    texts = [chunk.embedded_text for chunk in chunks]
    vectors = iter(await cached.embed(texts, EmbeddingKind.PASSAGE))
    stored = tuple(
        StoredDocument(
            make_metadata(name, judged.documents[name].title),
            tuple(Record(chunk, next(vectors)) for chunk in found),
        )
        for name, found in cut.items()
    )
    await store.apply(NAMESPACE, StoreBatch(upserts=stored))
    await store.settle(NAMESPACE)
    return chunks


def make_metadata(name: DocumentId, title: str) -> DocumentMetadata:
    return DocumentMetadata(
        document_id=name,
        site=SITE,
        content_id=ContentId(name.rpartition(":")[2]),
        page_id=ContentId(name.rpartition(":")[2]),
        kind=DocumentKind.PAGE,
        space=SpaceKey("SET"),
        title=title,
        source_url=f"https://{SITE}/{name}",
        version=1,
        last_modified=datetime(2026, 1, 1, tzinfo=UTC),
        labels=frozenset(),
        author_id=None,
        access_scope=SCOPE,
    )


def measure_ndcg(ranked: Sequence[DocumentId], grades: Mapping[DocumentId, float]) -> float:
    ideal = sorted(grades.values(), reverse=True)
    return _gain(grades.get(name, 0.0) for name in ranked[:10]) / _gain(ideal[:10])


def _gain(grades: Iterable[float]) -> float:
    return sum(grade / math.log2(place + 2) for place, grade in enumerate(grades))


def measure_recall(ranked: Sequence[DocumentId], grades: Mapping[DocumentId, float]) -> float:
    return len(grades.keys() & set(ranked[:10])) / len(grades)


Ask = Callable[[str, Vector], Awaitable[Sequence[str]]]
"""From a question and its vector to chunk ids, best first."""


async def measure(judged: JudgedSet, vectors: Mapping[str, Vector], ask: Ask) -> Measured:
    ndcg, recall, took = [], [], []
    for key, text in judged.questions.items():
        began = time.perf_counter()
        chunks = await ask(text, vectors[key])
        took.append((time.perf_counter() - began) * 1000)
        ranked = [DocumentId(name) for name in dict.fromkeys(c.rpartition("#")[0] for c in chunks)]
        ndcg.append(measure_ndcg(ranked, judged.grades[key]))
        recall.append(measure_recall(ranked, judged.grades[key]))
    return Measured(statistics.mean(ndcg), statistics.mean(recall), statistics.median(took))


def make_ways(table: AsyncTable) -> Mapping[str, Ask]:
    async def keyword(text: str, _: Vector) -> Sequence[str]:
        found = await search_words(table, read_keywords(text), PREDICATE, CHUNKS)
        return [hit.chunk_id for hit in rank_rows(found)]

    async def dense(_: str, vector: Vector) -> Sequence[str]:
        return [
            hit.chunk_id for hit in rank_rows(await search_dense(table, vector, PREDICATE, CHUNKS))
        ]

    async def hybrid(text: str, vector: Vector) -> Sequence[str]:
        query = HybridQuery(text, vector, OPEN, limit=CHUNKS)
        return [match.chunk_id for match in await search_snapshot(table, query, PREDICATE)]

    return {"keyword": keyword, "dense": dense, "hybrid": hybrid}


async def measure_codes(store: LanceStore, chunks: Sequence[Chunk], cached: CachedEmbedder) -> str:
    """Return how often a code that one chunk alone holds brings that chunk first."""
    spread = Counter(code for chunk in chunks for code in read_codes(chunk.embedded_text))
    once = sorted(code for code, count in spread.items() if count == 1)
    codes = random.Random(3).sample(once, min(CODES, len(once)))  # noqa: S311  (nothing secret)
    vectors = await cached.embed(codes, EmbeddingKind.QUERY)
    found = 0
    for code, vector in zip(codes, vectors, strict=True):
        (best,) = await store.query(NAMESPACE, HybridQuery(code, vector, OPEN, limit=1))
        shown = [best.metadata.title, *best.heading_path, best.text]
        found += code in read_codes("\n".join(shown))
    return f"{found}/{len(codes)}"


def read_codes(text: str) -> set[str]:
    """Return the words that hold letters and digits both: error codes, host names, versions."""
    return set(_CODE.findall(text.casefold()))


@asynccontextmanager
async def open_store(
    folder: Path, dimension: int
) -> AsyncIterator[tuple[LanceStore, Callable[[], Awaitable[AsyncTable]]]]:
    store = await LanceStore.open(folder, dimension=dimension)
    connection = await lancedb.connect_async(folder)
    yield store, lambda: connection.open_table(NAMESPACE.name)
    connection.close()  # type: ignore[no-untyped-call]
    store.close()


async def make_baselines(judged: JudgedSet, cached: CachedEmbedder) -> Mapping[str, Ask]:
    documents = judged.documents.items()
    texts: dict[str, str] = {name: f"{it.title}\n\n{it.markdown}" for name, it in documents}
    cut = [
        (f"{name}#{place}", fit_question(cached.embedder, chunk))
        for name, text in texts.items()
        for place, chunk in enumerate(cut_by_characters(text))
    ]
    vectors = await cached.embed([text for _, text in cut], EmbeddingKind.PASSAGE)
    nearest, words = NearestVectors([key for key, _ in cut], vectors), Bm25(texts)

    async def bm25(text: str, _: Vector) -> Sequence[str]:
        return [f"{name}#0" for name in words.rank(text, CHUNKS)]

    async def plain(_: str, vector: Vector) -> Sequence[str]:
        return nearest.rank(vector, CHUNKS)

    return {"BM25, whole documents": bm25, "dense, character chunks": plain}


async def run_set(judged: JudgedSet, cached: CachedEmbedder) -> None:
    asked = [fit_question(cached.embedder, text) for text in judged.questions.values()]
    vectors = dict(
        zip(judged.questions, await cached.embed(asked, EmbeddingKind.QUERY), strict=True)
    )
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(Path(folder), cached.embedder.dimension) as (store, open_table):
            chunks = await fill(store, judged, cached)
            ways = {**await make_baselines(judged, cached), **make_ways(await open_table())}
            rows = {name: await measure(judged, vectors, ask) for name, ask in ways.items()}
            codes = await measure_codes(store, chunks, cached)
    size = f"{len(judged.documents)} documents, {len(chunks)} chunks, {len(asked)} questions"
    print_rows(judged.name, size, rows, codes)


def print_rows(name: str, size: str, rows: Mapping[str, Measured], codes: str) -> None:
    for way, row in rows.items():
        last = codes if way == "hybrid" else ""
        print(
            f"| {name} | {way} | {row.ndcg:.3f} | {row.recall:.3f} | {row.milliseconds:.1f} | {last} |"
        )
    print(f"| | {size} | | | | |", flush=True)


async def run(options: argparse.Namespace) -> None:
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, lancedb {lancedb.__version__}, chunking {CHUNKING_VERSION}\n"
    )
    print("| set | way | nDCG@10 | recall@10 | ms, median | codes |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as models:
        embedder = await LocalEmbedder.open(Path(models))
        cached = CachedEmbedder(embedder, options.cache)
        for name in options.sets.split(","):
            await run_set(read_set(options.data / f"retrieval-{name}", options.limit), cached)
        await embedder.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", default=",".join(SETS), help="names, comma-separated")
    parser.add_argument("--limit", type=int, default=10_000, help="questions of each set")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the sets")
    parser.add_argument("--cache", type=Path, help="folder that keeps vectors between runs")
    options = parser.parse_args()
    if options.cache:
        options.cache.mkdir(parents=True, exist_ok=True)
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
