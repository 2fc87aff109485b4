"""One ranking out of two: a weighted sum of what a dense and a keyword search say of each chunk.

Both are brought to a scale from 0 to 1 first. Unlike ranks, such shares keep how far apart two hits
are: a question in other words than the page's has many near-equal keyword hits, none of which should
push out a clear dense one. Method: Bruch, Gai, Ingber, "An Analysis of Fusion Functions for Hybrid
Retrieval" (TOIS 2023); the numbers here are measured by ``benchmarks/retrieval.py``.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.domain.ids import ChunkId

DENSE_WEIGHT: Final = 0.55
"""The rest is the keyword side's. Anything from 0.4 to 0.6 beats both halves on most of the sets."""

EXACT_SHARE: Final = 0.5
"""A chunk with every keyword of the question has at least this dense share, whatever its vector.

A model that never saw ``E-4711`` cannot place it; the one chunk that holds it then wins with
0.725 against 0.55 of the dense side's best.
"""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chunk and how well it answers; higher is better, within one ranking."""

    chunk_id: ChunkId
    score: float


def candidate_depth(limit: int) -> int:
    """Return how many candidates each half gives for ``limit`` answers: deep enough to meet."""
    return max(100, 5 * limit)


def fuse_rankings(
    dense: Iterable[Ranked],
    keyword: Iterable[Ranked],
    *,
    exact: Collection[ChunkId] = (),
    limit: int,
) -> Sequence[Ranked]:
    """Return at most ``limit`` chunks, best first, with scores from 0 to 1; 1 is best on both sides.

    Dense scores may have any zero point, keyword scores are above zero. ``exact`` names those that
    hold every keyword of the question. Ties go to the smaller id.
    """
    near, worded = _stretch(list(dense)), _share_of_best(list(keyword))
    near |= {key: max(near.get(key, 0.0), EXACT_SHARE) for key in worded if key in exact}
    fused = (
        Ranked(key, DENSE_WEIGHT * near.get(key, 0.0) + (1 - DENSE_WEIGHT) * worded.get(key, 0.0))
        for key in {**near, **worded}
    )
    return tuple(sorted(fused, key=lambda hit: (-hit.score, hit.chunk_id))[:limit])


def _stretch(hits: Sequence[Ranked]) -> dict[ChunkId, float]:
    """Return 0 for the worst hit and 1 for the best: models differ in where their scores lie."""
    worst = min((hit.score for hit in hits), default=0.0)
    span = max((hit.score for hit in hits), default=0.0) - worst
    return {hit.chunk_id: (hit.score - worst) / span if span else 1.0 for hit in hits}


def _share_of_best(hits: Sequence[Ranked]) -> dict[ChunkId, float]:
    """Return shares of the best score; BM25 has a zero of its own, no word in common."""
    best = max((hit.score for hit in hits), default=0.0)
    return {hit.chunk_id: hit.score / best for hit in hits}
