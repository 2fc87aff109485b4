"""The in-memory twin: vectors from words by hashing, the same everywhere, no model needed."""

import math
import re
from collections.abc import Sequence
from hashlib import blake2b

from headwater.adapters.embedders.window import refuse_long
from headwater.ports import EmbeddingKind, Vector

_WORD = re.compile(r"\w+|[^\w\s]")
_DIMENSIONS_PER_WORD = 4
_SPECIAL_TOKENS = 2


class MemoryEmbedder:
    """Texts that share words get close vectors. A token is a word or a punctuation mark."""

    def __init__(self, *, dimension: int = 64, max_tokens: int = 256) -> None:
        self._dimension = dimension
        self._max_tokens = max_tokens
        self.texts_embedded = 0
        """How many texts were embedded so far: tests of reuse read it."""

    @property
    def model(self) -> str:
        """Names the rule and its two settings."""
        return f"memory-words-d{self._dimension}-w{self._max_tokens}"

    @property
    def dimension(self) -> int:
        """The length of every vector."""
        return self._dimension

    @property
    def max_tokens(self) -> int:
        """The window in tokens, two special ones included."""
        return self._max_tokens

    def count_tokens(self, text: str) -> int:
        """Return the number of words and punctuation marks, and two."""
        return len(_WORD.findall(text)) + _SPECIAL_TOKENS

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> list[Vector]:  # noqa: ARG002  (questions and passages are alike here)
        """Return one vector per text, in order; ``DocumentError`` names the first that is too long."""
        refuse_long([self.count_tokens(text) for text in texts], self._max_tokens)
        self.texts_embedded += len(texts)
        return [self._hash_words(text) for text in texts]

    async def close(self) -> None:
        """Nothing is held open."""

    def _hash_words(self, text: str) -> Vector:
        vector = [0.0] * self._dimension
        for word in _WORD.findall(text.casefold()):
            for place, sign in self._places(word):
                vector[place] += sign
        vector[0] += 0.5  # no text, and no words that cancel out, have length zero
        length = math.hypot(*vector)
        return [value / length for value in vector]

    def _places(self, word: str) -> list[tuple[int, float]]:
        digest = blake2b(word.encode(), digest_size=_DIMENSIONS_PER_WORD * 5).digest()
        pieces = (digest[start : start + 5] for start in range(0, len(digest), 5))
        return [
            (int.from_bytes(piece[:4]) % self._dimension, 1.0 if piece[4] & 1 else -1.0)
            for piece in pieces
        ]
