"""The two halves of a hybrid search on one snapshot of a table, and their fusion."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from lancedb.query import BooleanQuery, MatchQuery, Occur, PhraseQuery
from lancedb.table import AsyncTable

from headwater.adapters.lance.indexes import KEYWORD_COLUMN, MOST_PARTITIONS
from headwater.adapters.lance.rows import MATCH_COLUMNS, read_match
from headwater.domain.content import StoredMatch
from headwater.domain.ids import ChunkId
from headwater.pipeline.fusion import Ranked, candidate_depth, fuse_rankings
from headwater.pipeline.keywords import is_code, pick_keywords
from headwater.ports import HybridQuery, Vector

_MAX_KEYWORD_TEXT: Final = 2_000
"""Characters of a question that keyword search looks at; a pasted log would cost a second each time."""

_MAX_PHRASES: Final = 16
"""Each is a search of its own; of a longer question no chunk holds every word."""

_REFINE: Final = 2
"""The vector index keeps one byte a number: twice the candidates are compared exactly."""


async def search_snapshot(
    table: AsyncTable, query: HybridQuery, predicate: str
) -> Sequence[StoredMatch]:
    """Return the best rows among those that satisfy the predicate; it acts before either ranking.

    Without a vector, by words alone.
    """
    depth = candidate_depth(query.limit)
    words = read_keywords(query.text)
    dense, keyword, exact = await asyncio.gather(
        _search_near(table, query.vector, predicate, depth),
        search_words(table, words, predicate, depth),
        _find_exact(table, words, predicate, depth),
    )
    near = [hit for half in dense for hit in rank_rows(half)]
    best = fuse_rankings(near, rank_rows(keyword), exact=exact, limit=query.limit)
    rows = _take_rows([*dense, keyword], [hit.chunk_id for hit in best])
    return [read_match(rows[hit.chunk_id], hit.score) for hit in best]


async def _search_near(
    table: AsyncTable, vector: Vector | None, predicate: str, depth: int
) -> list[pa.Table]:
    return [] if vector is None else [await search_dense(table, vector, predicate, depth)]


async def search_dense(table: AsyncTable, vector: Vector, predicate: str, depth: int) -> pa.Table:
    """Return the ``depth`` nearest rows, with their cosine distance."""
    nearest = table.query().nearest_to(vector).distance_type("cosine")
    nearest = nearest.nprobes(MOST_PARTITIONS).refine_factor(_REFINE)
    return (
        await nearest.where(predicate).select([*MATCH_COLUMNS, "_distance"]).limit(depth).to_arrow()
    )


async def search_words(
    table: AsyncTable, words: Sequence[str], predicate: str, depth: int
) -> pa.Table:
    """Return the ``depth`` best rows that hold any of the words, with their BM25 score."""
    found = table.query().nearest_to_text(_any_of(words)).where(predicate)
    return await found.select([*MATCH_COLUMNS, "_score"]).limit(depth).to_arrow()


async def _find_exact(
    table: AsyncTable, words: Sequence[str], predicate: str, depth: int
) -> frozenset[ChunkId]:
    """Return the ids of rows that hold all of the words, the parts of each side by side."""
    if not 0 < len(words) <= _MAX_PHRASES:
        return frozenset()
    all_of = BooleanQuery([(Occur.MUST, _unbroken(word)) for word in words])
    found = table.query().nearest_to_text(all_of).where(predicate)
    rows = await found.select(["id", "_score"]).limit(depth).to_arrow()
    return frozenset(rows["id"].to_pylist())


def _any_of(words: Sequence[str]) -> BooleanQuery:
    """Return a query for the parts of words, and for codes unbroken; no character is an operator."""
    codes = [word for word in words if is_code(word)][:_MAX_PHRASES]
    loose = " ".join(word for word in words if word not in codes)
    any_part = MatchQuery(loose, KEYWORD_COLUMN)  # type: ignore[call-arg]  # pydantic's defaults
    return BooleanQuery([(Occur.SHOULD, query) for query in (any_part, *map(_unbroken, codes))])


def _unbroken(word: str) -> PhraseQuery:
    return PhraseQuery(word, KEYWORD_COLUMN)  # type: ignore[call-arg]  # pydantic's defaults


def read_keywords(text: str) -> Sequence[str]:
    """Return the words of a question to look for, as UTF-8 can hold them."""
    return pick_keywords(text[:_MAX_KEYWORD_TEXT].encode("utf-8", "replace").decode())


def rank_rows(found: pa.Table) -> Sequence[Ranked]:
    """Return what a search found as a ranking: a smaller distance is better, so is a higher score."""
    column, sign = ("_distance", -1.0) if "_distance" in found.column_names else ("_score", 1.0)
    pairs = zip(found["id"].to_pylist(), found[column].to_pylist(), strict=True)
    return [Ranked(ChunkId(chunk_id), sign * value) for chunk_id, value in pairs]


def _take_rows(
    halves: Sequence[pa.Table], wanted: Sequence[ChunkId]
) -> Mapping[ChunkId, Mapping[str, Any]]:
    rows = pa.concat_tables([half.select(MATCH_COLUMNS) for half in halves])
    places = {chunk_id: place for place, chunk_id in enumerate(rows["id"].to_pylist())}
    taken = rows.take(pa.array((places[chunk_id] for chunk_id in wanted), pa.int64()))
    return {row["id"]: row for row in taken.to_pylist()}
