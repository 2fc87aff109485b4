"""One ranking out of two: reciprocal rank fusion of a dense and a keyword search.

Method: Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual rank
learning methods" (SIGIR 2009). Ranks alone forget how far apart two keyword hits are, so that hits
which share only common words with the question are left out first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.domain.ids import ChunkId

RANK_OFFSET: Final = 60
"""The paper's constant: it keeps the first few ranks close together."""

KEYWORD_FLOOR: Final = 0.5
"""Keyword hits below this share of the best score are not evidence: they miss the rare words.

With it the one chunk that holds ``E-4711`` is alone on the keyword side, although many hold an ``e``.
"""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chunk and how well it answers; higher is better, within one ranking."""

    chunk_id: ChunkId
    score: float


def candidate_depth(limit: int) -> int:
    """Return how many candidates each half gives for ``limit`` answers: deep enough to meet."""
    return max(50, 5 * limit)


def fuse_rankings(
    dense: Iterable[Ranked], keyword: Iterable[Ranked], *, limit: int
) -> Sequence[Ranked]:
    """Return at most ``limit`` chunks, best first, with scores in (0, 1]; 1 is first on both sides.

    Ties go to the better keyword rank, so that a rare word is found by itself, then to the smaller id.
    """
    dense_ranks = _rank(dense)
    keyword_ranks = _rank(_keep_evidence(list(keyword)))
    scores = {
        chunk_id: _share(dense_ranks, chunk_id) + _share(keyword_ranks, chunk_id)
        for chunk_id in {**dense_ranks, **keyword_ranks}
    }
    last = len(keyword_ranks)
    order = sorted(
        scores,
        key=lambda chunk_id: (-scores[chunk_id], keyword_ranks.get(chunk_id, last), chunk_id),
    )
    return tuple(Ranked(chunk_id, scores[chunk_id]) for chunk_id in order[:limit])


def _keep_evidence(keyword: Sequence[Ranked]) -> Iterable[Ranked]:
    floor = KEYWORD_FLOOR * max((hit.score for hit in keyword), default=0.0)
    return (hit for hit in keyword if hit.score >= floor)


def _rank(hits: Iterable[Ranked]) -> Mapping[ChunkId, int]:
    ordered = sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))
    return {hit.chunk_id: rank for rank, hit in enumerate(ordered)}


def _share(ranks: Mapping[ChunkId, int], chunk_id: ChunkId) -> float:
    if chunk_id not in ranks:
        return 0.0
    return (RANK_OFFSET + 1) / (RANK_OFFSET + 1 + ranks[chunk_id]) / 2
