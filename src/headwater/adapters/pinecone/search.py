"""Dense and keyword search side by side on one index, fused as everywhere."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pinecone.async_client.async_index import AsyncIndex
from pinecone.errors import ApiError

from headwater.adapters.pinecone.filters import Filter
from headwater.adapters.pinecone.records import read_match
from headwater.domain.content import StoredMatch
from headwater.domain.ids import ChunkId, Namespace
from headwater.pipeline.fusion import Ranked, candidate_depth, fuse_rankings
from headwater.pipeline.keywords import pick_keywords, split_words
from headwater.pipeline.sparse import SparseVector, list_question_terms, weigh_question
from headwater.ports import HybridQuery, StoreLedger, Vector

FAINT: Final = 1e-4
"""What the question's vector is scaled to in keyword search: Pinecone wants one, the words decide."""

NO_WORD: Final = 1e-3
"""A record with no word in common scores less than this, one with a word at least log 2."""

SEARCH_SECONDS: Final = 8.0
"""For each of the client's few attempts: somebody is waiting."""

MAX_DEPTH: Final = 400
"""Candidates with their text mostly stay below the 4 MB that one answer may have."""

TOO_MUCH: Final = frozenset({400, 413})
"""How an answer beyond that is refused, as is what is wrong anyway: that is refused again without fields."""

IDS_PER_READING: Final = 25
"""Fetched ids bring a vector of some kilobytes beside fields of up to 40 KB."""


async def search_index(
    index: AsyncIndex,
    namespace: Namespace,
    query: HybridQuery,
    filter_: Filter,
    *,
    dimension: int,
    ledger: StoreLedger | None,
) -> Sequence[StoredMatch]:
    """Return the best records among those that satisfy the filter; it acts before either ranking.

    Without a ledger, and so without sparse values in the index, by vector alone; without a vector by
    words alone.
    """
    depth = min(candidate_depth(query.limit), max(MAX_DEPTH, query.limit))
    search = _Search(index, namespace, filter_, depth)
    words = await _weigh_words(namespace, query.text, ledger) if ledger else None
    dense, keyword = await asyncio.gather(
        search.find_near(query.vector),
        search.find_words(query.vector or any_axis(dimension), words),
    )
    found = {hit.id: hit.fields for hit in (*dense, *keyword)}
    best = fuse_rankings(
        _rank(dense),
        _rank(keyword),
        exact=_find_exact(keyword, pick_keywords(query.text)),
        limit=query.limit,
    )
    return [read_match(found[hit.chunk_id], hit.score) for hit in best]


def any_axis(dimension: int) -> Vector:
    """Return a vector of length one, for where Pinecone wants one and it does not matter which."""
    return [1.0, *[0.0] * (dimension - 1)]


@dataclass(frozen=True, slots=True)
class _Hit:
    """A record that was found, with its fields."""

    id: str
    score: float
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Search:
    """Where both halves look."""

    index: AsyncIndex
    namespace: Namespace
    filter: Filter
    depth: int

    async def find_near(self, vector: Vector | None) -> Sequence[_Hit]:
        return [] if vector is None else await self._find(vector, None)

    async def find_words(self, vector: Vector, words: SparseVector | None) -> Sequence[_Hit]:
        if words is None:
            return []
        hits = await self._find([number * FAINT for number in vector], words)
        return [hit for hit in hits if hit.score > NO_WORD]

    async def _find(self, vector: Vector, words: SparseVector | None) -> Sequence[_Hit]:
        """Return the best records; where their fields are too much for one answer, read in parts."""
        try:
            found = await self._ask(vector, words, fields=True)
        except ApiError as error:
            if error.status_code not in TOO_MUCH:
                raise
        else:
            return [_Hit(item.id, item.score, item.metadata or {}) for item in found]
        found = await self._ask(vector, words, fields=False)
        fields = await self._read_fields([item.id for item in found])
        # What was deleted between the two is no answer any more.
        return [_Hit(item.id, item.score, fields[item.id]) for item in found if item.id in fields]

    async def _ask(
        self, vector: Vector, words: SparseVector | None, *, fields: bool
    ) -> Sequence[Any]:
        sparse = {"indices": list(words.indices), "values": list(words.values)} if words else None
        answer = await self.index.query(
            vector=list(vector),
            sparse_vector=sparse,
            top_k=self.depth,
            namespace=self.namespace.name,
            filter=self.filter,
            include_metadata=fields,
            timeout=SEARCH_SECONDS,
        )
        return answer.matches

    async def _read_fields(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        parts = await asyncio.gather(
            *(
                self.index.fetch(
                    ids=list(ids[start : start + IDS_PER_READING]),
                    namespace=self.namespace.name,
                    timeout=SEARCH_SECONDS,
                )
                for start in range(0, len(ids), IDS_PER_READING)
            )
        )
        return {key: item.metadata or {} for part in parts for key, item in part.vectors.items()}


async def _weigh_words(
    namespace: Namespace, question: str, ledger: StoreLedger
) -> SparseVector | None:
    terms = list_question_terms(question)
    if not terms:
        return None
    records, held = await ledger.read_terms(namespace, terms)
    return weigh_question(terms, held, records)


def _rank(hits: Iterable[_Hit]) -> Sequence[Ranked]:
    return [Ranked(ChunkId(hit.id), hit.score) for hit in hits]


def _find_exact(hits: Iterable[_Hit], keywords: Sequence[str]) -> frozenset[ChunkId]:
    """Return the ids of records that hold every keyword, the parts of each side by side."""
    wanted = [_spell(keyword) for keyword in keywords]
    if not wanted:
        return frozenset()
    return frozenset(
        ChunkId(hit.id) for hit in hits if all(text in _spell_record(hit.fields) for text in wanted)
    )


def _spell_record(metadata: Mapping[str, Any]) -> str:
    return _spell(" ".join([metadata["title"], *metadata["heading_path"], metadata["text"]]))


def _spell(text: str) -> str:
    """Return the text's words, each between spaces of its own."""
    return "".join(f" {word} " for word in split_words(text))
