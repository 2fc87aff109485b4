"""What search is held against: BM25 on whole documents, and a plain pipeline of character chunks."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from semantic_text_splitter import TextSplitter

from headwater.ports import Vector

K1: Final = 1.2
B: Final = 0.75
"""The usual parameters: how soon a repeated word counts no more, and how much length does."""

CHARACTERS: Final = 1000
OVERLAP: Final = 200

_WORD: Final = re.compile(r"\w+")


class Bm25:
    """BM25 over whole texts, words as they are but for their case."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        counts = {key: Counter(_list_words(text)) for key, text in texts.items()}
        self._lengths = {key: found.total() for key, found in counts.items()}
        self._mean = sum(self._lengths.values()) / len(self._lengths)
        self._postings: dict[str, dict[str, int]] = defaultdict(dict)
        for key, found in counts.items():
            for word, count in found.items():
                self._postings[word][key] = count

    def rank(self, question: str, limit: int) -> list[str]:
        """Return the keys of the texts that fit best, best first."""
        scores: dict[str, float] = defaultdict(float)
        for word in _list_words(question):
            for key, score in self._score(word):
                scores[key] += score
        return sorted(scores, key=lambda key: (-scores[key], key))[:limit]

    def _score(self, word: str) -> Iterator[tuple[str, float]]:
        held = self._postings.get(word, {})
        rarity = math.log(1 + (len(self._lengths) - len(held) + 0.5) / (len(held) + 0.5))
        for key, count in held.items():
            length = 1 - B + B * self._lengths[key] / self._mean
            yield key, rarity * count * (K1 + 1) / (count + K1 * length)


def _list_words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def cut_by_characters(text: str) -> list[str]:
    """Return chunks of a fixed number of characters that overlap, cut at the largest boundary in reach."""
    return TextSplitter(CHARACTERS, overlap=OVERLAP).chunks(text)


class NearestVectors:
    """The nearest vectors by cosine, all of them compared."""

    def __init__(self, keys: Sequence[str], vectors: Sequence[Vector]) -> None:
        self._keys = keys
        self._matrix = _normalise(np.array(vectors, dtype=np.float32))

    def rank(self, vector: Vector, limit: int) -> list[str]:
        """Return the keys of the nearest, nearest first."""
        scores = self._matrix @ _normalise(np.array([vector], dtype=np.float32))[0]
        return [self._keys[place] for place in np.argsort(-scores, kind="stable")[:limit]]


def _normalise(matrix: np.ndarray) -> np.ndarray:
    lengths: np.ndarray = np.linalg.norm(matrix, axis=1, keepdims=True)
    normal: np.ndarray = matrix / np.maximum(lengths, 1e-9)
    return normal
