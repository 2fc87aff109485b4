"""Embedders to measure with: one that costs nothing, and a watch on any other."""

from collections.abc import Sequence
from time import monotonic
from zlib import crc32

import numpy as np

from headwater.ports import Embedder, EmbeddingKind, Vector

DIMENSION = 384
CHARACTERS_PER_TOKEN = 4


class ConstantEmbedder:
    """Random vectors, the same for the same text, in the same few microseconds for any text."""

    model = "constant"
    dimension = DIMENSION
    max_tokens = 256

    def count_tokens(self, text: str) -> int:
        """Return what English text comes to."""
        return len(text) // CHARACTERS_PER_TOKEN + 2

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> list[Vector]:  # noqa: ARG002  (questions and passages are alike here)
        """Return one vector per text."""
        return [_make_vector(text) for text in texts]


def _make_vector(text: str) -> Vector:
    numbers = np.random.default_rng(crc32(text.encode())).standard_normal(DIMENSION)
    vector: Vector = (numbers / np.linalg.norm(numbers)).tolist()
    return vector


class WatchedEmbedder:
    """Passes every call on, and sums up how long at least one of them was under way."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.model = embedder.model
        self.dimension = embedder.dimension
        self.max_tokens = embedder.max_tokens
        self.busy = 0.0
        """Seconds."""
        self.texts = 0
        self._under_way = 0
        self._since = 0.0

    def count_tokens(self, text: str) -> int:
        """Ask the embedder; counting is no embedding."""
        return self._embedder.count_tokens(text)

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> Sequence[Vector]:
        """Ask the embedder, and take the time."""
        self.texts += len(texts)
        self._enter()
        try:
            return await self._embedder.embed(texts, kind=kind)
        finally:
            self._leave()

    def _enter(self) -> None:
        if not self._under_way:
            self._since = monotonic()
        self._under_way += 1

    def _leave(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self.busy += monotonic() - self._since
