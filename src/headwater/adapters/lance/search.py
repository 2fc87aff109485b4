"""The two halves of a hybrid search on one snapshot of a table, and their fusion."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from lancedb.query import BooleanQuery, FullTextOperator, FullTextQuery, MatchQuery, Occur
from lancedb.table import AsyncTable

from headwater.adapters.lance.indexes import KEYWORD_COLUMN
from headwater.adapters.lance.rows import MATCH_COLUMNS, read_match
from headwater.domain.content import StoredMatch
from headwater.domain.ids import ChunkId
from headwater.pipeline.fusion import Ranked, candidate_depth, fuse_rankings
from headwater.ports import HybridQuery, Vector

_MAX_KEYWORD_TEXT: Final = 2_000
"""Characters of a question that keyword search looks at; a pasted log would cost a second each time."""

_REFINE: Final = 2
"""The vector index keeps one byte a number: twice the candidates are compared exactly."""


async def search_snapshot(
    table: AsyncTable, query: HybridQuery, predicate: str
) -> Sequence[StoredMatch]:
    """Return the best rows among those that satisfy the predicate; it acts before either ranking."""
    depth = candidate_depth(query.limit)
    dense, keyword = await asyncio.gather(
        _search_dense(table, query.vector, predicate, depth),
        _search_words(table, query.text, predicate, depth),
    )
    best = fuse_rankings(
        _rank(dense, "_distance", -1.0), _rank(keyword, "_score", 1.0), limit=query.limit
    )
    rows = _take_rows((dense, keyword), [hit.chunk_id for hit in best])
    return [read_match(rows[hit.chunk_id], hit.score) for hit in best]


async def _search_dense(table: AsyncTable, vector: Vector, predicate: str, depth: int) -> pa.Table:
    nearest = table.query().nearest_to(vector).distance_type("cosine").refine_factor(_REFINE)
    return (
        await nearest.where(predicate).select([*MATCH_COLUMNS, "_distance"]).limit(depth).to_arrow()
    )


async def _search_words(table: AsyncTable, text: str, predicate: str, depth: int) -> pa.Table:
    found = table.query().nearest_to_text(_plain_words(text))
    return await found.where(predicate).select([*MATCH_COLUMNS, "_score"]).limit(depth).to_arrow()


def _plain_words(text: str) -> FullTextQuery:
    """Return a query for any of the words; a chunk that holds them all counts double.

    No character is an operator. The doubling sets ``E-4711`` apart from a chunk with many an ``e``.
    """
    words = text[:_MAX_KEYWORD_TEXT].encode("utf-8", "replace").decode()
    any_of = MatchQuery(words, KEYWORD_COLUMN)  # type: ignore[call-arg]  # pydantic's defaults
    all_of = MatchQuery(words, KEYWORD_COLUMN, operator=FullTextOperator.AND)  # type: ignore[call-arg]
    return BooleanQuery([(Occur.SHOULD, any_of), (Occur.SHOULD, all_of)])


def _rank(found: pa.Table, column: str, sign: float) -> Sequence[Ranked]:
    pairs = zip(found["id"].to_pylist(), found[column].to_pylist(), strict=True)
    return [Ranked(ChunkId(chunk_id), sign * value) for chunk_id, value in pairs]


def _take_rows(
    halves: Sequence[pa.Table], wanted: Sequence[ChunkId]
) -> Mapping[ChunkId, Mapping[str, Any]]:
    rows = pa.concat_tables([half.select(MATCH_COLUMNS) for half in halves])
    places = {chunk_id: place for place, chunk_id in enumerate(rows["id"].to_pylist())}
    taken = rows.take(pa.array((places[chunk_id] for chunk_id in wanted), pa.int64()))
    return {row["id"]: row for row in taken.to_pylist()}
