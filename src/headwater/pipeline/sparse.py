"""Keyword search as sparse vectors: hashed terms, BM25's term weight on the record, rarity on the question.

Rarity moves with every page that comes or goes; on the question's side it costs nothing to move, on the
records' it would rewrite them all. Weights: Robertson, Zaragoza, "The Probabilistic Relevance Framework:
BM25 and Beyond" (2009), without length norm, since chunks are of one size.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from headwater.pipeline.keywords import is_code, pick_keywords, split_words

SATURATION: Final = 1.2
"""BM25's k1: how soon a word's further occurrences stop counting."""

LONGEST_CODE: Final = 4
"""Words: ``OPS-12``, ``svc_auth_2``, ``2026-11-22`` are found unbroken up to so many parts."""

MAX_TERMS: Final = 2_048
"""What stores take in one sparse vector; a chunk has some hundreds."""

_IDEOGRAPHS: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]{2,}")


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Weights by hashed term (32 bits); terms are distinct."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


def weigh_text(text: str) -> SparseVector | None:
    """Return the sparse vector of a chunk's text; ``None`` for one without any word."""
    counts = Counter(_list_terms(text)).most_common(MAX_TERMS)
    if not counts:
        return None
    weights = [(1 + SATURATION) * count / (count + SATURATION) for _, count in counts]
    return SparseVector(tuple(term for term, _ in counts), tuple(weights))


def list_question_terms(question: str) -> Sequence[int]:
    """Return the hashed terms that a question asks for, function words left out."""
    spelled = {
        part
        for keyword in pick_keywords(question)
        for part in (_spell_code(keyword) if is_code(keyword) else _split_parts(keyword))
    }
    return sorted(map(hash_term, spelled))[:MAX_TERMS]


def weigh_question(terms: Sequence[int], held: Mapping[int, int], records: int) -> SparseVector:
    """Return the question's vector: each term by its rarity among ``records``.

    ``held`` says how many records hold a term, as far as they were counted: one that was not counted
    is as rare as can be.
    """
    weights = (math.log(1 + max(records, 1) / max(held.get(term, 1), 1)) for term in terms)
    return SparseVector(tuple(terms), tuple(weights))


def hash_term(term: str) -> int:
    """Return a term's index: the same in every process and version."""
    return int.from_bytes(blake2b(term.encode("utf-8", "replace"), digest_size=4).digest(), "big")


def _list_terms(text: str) -> Iterator[int]:
    words = split_words(text)
    for word in words:
        yield from map(hash_term, _split_ideographs(word))
    for size in range(2, LONGEST_CODE + 1):
        for start in range(len(words) - size + 1):
            run = words[start : start + size]
            if any(map(is_code, run)):
                yield hash_term(" ".join(run))


def _split_parts(keyword: str) -> Iterator[str]:
    for word in split_words(keyword):
        yield from _split_ideographs(word)


def _spell_code(keyword: str) -> Iterator[str]:
    words = split_words(keyword)[:LONGEST_CODE]
    if words:
        yield " ".join(words)


def _split_ideographs(word: str) -> Iterator[str]:
    """Yield the word, or its pairs where a script has no spaces between words."""
    if not _IDEOGRAPHS.search(word):
        yield word
        return
    yield from (word[place : place + 2] for place in range(len(word) - 1))
