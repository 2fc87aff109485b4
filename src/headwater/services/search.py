"""Answering a question from the index, within what the reader may see."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from headwater.domain.access import Reader, Scope, readable_scopes
from headwater.domain.content import DocumentKind, StoredMatch
from headwater.domain.ids import Namespace, SpaceKey, TenantId
from headwater.ports import (
    Embedder,
    EmbeddingKind,
    HybridQuery,
    Ports,
    StoreFilter,
)

SPARE: Final = 10
"""Matches asked for beyond ``top_k``, to replace those that the catalog no longer vouches for."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A question and its filters; an empty set filters nothing. ``top_k`` counts chunks."""

    text: str
    top_k: int
    space: SpaceKey | None = None
    labels: frozenset[str] = field(default_factory=frozenset)
    modified_after: datetime | None = None
    kinds: frozenset[DocumentKind] = field(default_factory=frozenset)


async def search(
    ports: Ports, tenant: TenantId, query: SearchQuery, *, reader: Reader
) -> list[StoredMatch]:
    """Return at most ``top_k`` chunks the reader may see, best first.

    The filter acts inside the store, before ranking. Each hit is then held against the catalog,
    which knows a tightened page before the store's records say so.
    """
    scopes = readable_scopes(await ports.catalog.scope_rules(tenant), reader)
    if not scopes:
        return []
    hybrid = HybridQuery(
        text=query.text,
        vector=await _embed_question(ports.embedder, query.text),
        filter=_filter(query, scopes),
        limit=query.top_k + SPARE,
    )
    found = await ports.store.query(Namespace(tenant), hybrid)
    current = await ports.catalog.current_scopes(
        tenant, list({match.metadata.document_id for match in found})
    )
    # Read again: what was tightened between the first reading and this one must not slip through.
    scopes &= readable_scopes(await ports.catalog.scope_rules(tenant), reader)
    visible = [match for match in found if current.get(match.metadata.document_id) in scopes]
    return visible[: query.top_k]


def _filter(query: SearchQuery, scopes: frozenset[Scope]) -> StoreFilter:
    return StoreFilter(
        scopes=scopes,
        space=query.space,
        labels=query.labels,
        modified_after=query.modified_after,
        kinds=query.kinds,
    )


async def _embed_question(embedder: Embedder, text: str) -> list[float]:
    question = fit_question(embedder, text)
    (vector,) = await embedder.embed([question], kind=EmbeddingKind.QUERY)
    return vector


def fit_question(embedder: Embedder, text: str) -> str:
    """Return the longest beginning of a question, by whole words, that fits the embedder's window.

    Keyword search still sees the whole question.
    """
    words = text.split()
    low, high = 1, len(words)
    if not words or embedder.count_tokens(text) <= embedder.max_tokens:
        return text
    while low < high:
        middle = (low + high + 1) // 2
        if embedder.count_tokens(" ".join(words[:middle])) <= embedder.max_tokens:
            low = middle
        else:
            high = middle - 1
    return _fit_word(embedder, " ".join(words[:low]))


def _fit_word(embedder: Embedder, text: str) -> str:
    while len(text) > 1 and embedder.count_tokens(text) > embedder.max_tokens:
        text = text[: len(text) // 2]
    return text
