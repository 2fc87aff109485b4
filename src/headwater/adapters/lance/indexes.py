"""Which columns are indexed, how keyword search reads text, and when the vector index pays."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from lancedb.index import FTS, Bitmap, BTree, HnswSq, LabelList
from lancedb.table import AsyncTable, IndexStatistics

KEYWORD_COLUMN: Final = "embedded_text"
"""Title and headings count as words of the chunk, as they do for its vector."""

VECTOR_INDEX_ROWS: Final = 50_000
"""Below this an exact scan is as fast, needs no build, and never misses a row that a filter lets through."""

ROWS_PER_PARTITION: Final = 50_000
"""Of the vector index, which is built a partition at a time: more take more memory."""

MOST_PARTITIONS: Final = 64
"""A search asks them all: with fewer, one under an access filter would lose matches."""

MOST_PARTS: Final = 24
"""Tidying adds a vector index of what is new beside those there are, and a search asks every one: 24 take
half as long again as one. Beyond, one is made of them all."""

KEEP_VERSIONS: Final = timedelta(minutes=1)
"""Replaced files stay this long, longer than any query that still reads them; the next tidying removes them."""

_TEXT_ANALYSIS: Final = FTS(
    # Unicode word boundaries, which also part Chinese and Japanese, then at punctuation, so that
    # `svc_auth`, `E-4711` and file names are found whole and by their parts. Korean particles stay on.
    base_tokenizer="icu/split",
    language="English",
    # English endings only; other languages lose little, as question and text are cut alike.
    stem=True,
    # A stop list would drop "IT", and German "was" and "die"; BM25 already weighs such words near nothing.
    remove_stop_words=False,
    ascii_folding=True,
    # A SHA-512 in hex is 128 characters; the default of 40 would leave digests and keys unfindable.
    max_token_length=128,
    # `OPS-12` is two tokens; only their positions tell it from `OPS-7` and a 12 elsewhere.
    with_position=True,
)

_VECTOR_INDEX: Final = "vector_idx"
"""As LanceDB names it."""

_COLUMN_INDEXES: Final[Mapping[str, BTree | Bitmap | LabelList | FTS]] = {
    "id": BTree(),
    "document_id": BTree(),
    "access_scope": BTree(),
    "space": Bitmap(),
    "labels": LabelList(),
    KEYWORD_COLUMN: _TEXT_ANALYSIS,
}


async def create_column_indexes(table: AsyncTable) -> None:
    """Create what is missing. On an empty table it takes milliseconds, and gives text its analysis."""
    present = await _indexed_columns(table)
    for column, config in _COLUMN_INDEXES.items():
        if column not in present:
            await table.create_index(column, config=config)


async def create_vector_index(table: AsyncTable, *, from_rows: int) -> None:
    """Create the vector index once the table has ``from_rows`` rows, and anew when it has too many parts."""
    rows = await table.count_rows()
    if rows < from_rows:
        return
    stats = await _read_vector_index(table)
    if stats is None or (stats.num_indices or 1) > MOST_PARTS:
        await table.create_index("vector", config=_plan_vector_index(rows), replace=True)


async def compact(table: AsyncTable) -> None:
    """Bring every index up to date and merge small files; readers of older versions are not disturbed."""
    await table.optimize(cleanup_older_than=KEEP_VERSIONS)


def _plan_vector_index(rows: int) -> HnswSq:
    return HnswSq(
        distance_type="cosine",
        num_partitions=min(max(rows // ROWS_PER_PARTITION, 1), MOST_PARTITIONS),
        # By itself 300 and 256: twice the processor time and a quarter more memory to build it, for the
        # same recall (benchmarks/search.py).
        ef_construction=150,
        sample_rate=16,
    )


async def _read_vector_index(table: AsyncTable) -> IndexStatistics | None:
    return await table.index_stats(_VECTOR_INDEX)


async def _indexed_columns(table: AsyncTable) -> set[str]:
    return {column for index in await table.list_indices() for column in index.columns}
