"""Documents into chunks: by heading, then by block, each within the embedder's window.

What is embedded is the page's title, the headings above, and the chunk's text together; a chunk's
vector is a function of exactly this and the model, so equal documents must give equal chunks.
Sections too small to say much join their neighbours under the headings they share.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from headwater.domain.content import Chunk, Document
from headwater.pipeline.pieces import is_table, pack, split_block, split_prose
from headwater.pipeline.sections import Section, is_fenced, split_blocks, split_sections

CHUNKING_VERSION = "1"
"""Part of every document's recipe: bump it on any change of what comes out here."""

CountTokens = Callable[[str], int]

MAX_CHARACTERS_PER_TOKEN = 12
"""Prose has 3 to 5. A tokenizer may count a word it does not know, however long, as one token."""

_HASH_LENGTH = 32
_PREFIX_SHARE = 0.5
"""Title and headings take at most this share of the window; the rest is the text's."""

_JOIN_SHARE = 0.5
"""Sections are joined up to this share of the window: what says enough alone stays alone."""


@dataclass(frozen=True, slots=True)
class ChunkPolicy:
    """How documents are cut, in tokens of the embedder. Part of every document's recipe.

    ``max_tokens``: title, headings and text together, the embedder's special tokens included.
    ``overlap_tokens``: of the text before, repeated where a section is cut; at most half of a chunk's
    text, whatever is asked for.
    ``min_tokens``: sections with less text join a neighbour.
    ``join_below``: only under so many shared headings; 1 keeps the pages of a file apart.
    """

    max_tokens: int
    overlap_tokens: int = 0
    min_tokens: int = 40
    join_below: int = 0

    def __post_init__(self) -> None:
        if self.max_tokens < 16 or not 0 <= self.overlap_tokens < self.max_tokens:  # noqa: PLR2004  (stated below)
            raise ValueError("max_tokens is at least 16, overlap_tokens less than that")


@dataclass(frozen=True, slots=True)
class _Passage:
    """Text under one heading path, on its way to become one chunk or several."""

    path: tuple[str, ...]
    text: str


def split_document(
    document: Document, policy: ChunkPolicy, count_tokens: CountTokens
) -> tuple[Chunk, ...]:
    """Return a document's chunks in reading order, none larger than the window, no text left out.

    A document without text gives one chunk of its title, so that it can be found by name; one
    without title and text gives none. ``count_tokens`` counts special tokens too.
    """
    ruler = _Ruler(document.title, policy, count_tokens)
    passages = _join_small(_make_passages(document.markdown), ruler)
    cut = [piece for passage in passages for piece in _cut_passage(passage, ruler)]
    if not cut and document.title.strip():
        cut = list(_cut_passage(_Passage((), " ".join(document.title.split())), ruler))
    return tuple(_make_chunk(ordinal, piece, ruler) for ordinal, piece in enumerate(cut))


class _Ruler:
    """Measures text against the window, counting each text once."""

    def __init__(self, title: str, policy: ChunkPolicy, count_tokens: CountTokens) -> None:
        self.policy = policy
        self._title = " ".join(title.split())
        self._count_tokens = count_tokens
        self._special = count_tokens("")
        self._prefixes: dict[tuple[str, ...], str] = {}
        self._counts: dict[str, int] = {}

    def measure(self, text: str) -> int:
        """Return the text's size in tokens without special ones; long text counts by length at least."""
        by_length = -(-len(text) // MAX_CHARACTERS_PER_TOKEN)
        if by_length > self.policy.max_tokens:
            return by_length
        if text not in self._counts:
            self._counts[text] = max(by_length, self._count_tokens(text) - self._special)
        return self._counts[text]

    def room(self, path: tuple[str, ...]) -> int:
        """Return how many tokens of text fit under a heading path."""
        return self.policy.max_tokens - self._special - self.measure(self.prefix(path)) - 1

    def embed(self, path: tuple[str, ...], text: str) -> str:
        """Return the text as it is embedded: title, headings, text."""
        return f"{self.prefix(path)}{text}"

    def fits(self, path: tuple[str, ...], text: str) -> bool:
        """Tell for certain whether the text, as it is embedded, is within the window."""
        return self._count_tokens(self.embed(path, text)) <= self.policy.max_tokens

    def prefix(self, path: tuple[str, ...]) -> str:
        """Return title and headings with a blank line after; shortened where they are too long."""
        if path not in self._prefixes:
            self._prefixes[path] = self._make_prefix(path)
        return self._prefixes[path]

    def _make_prefix(self, path: tuple[str, ...]) -> str:
        headings = path[1:] if path[:1] == (self._title,) else path
        limit = int(self.policy.max_tokens * _PREFIX_SHARE) - self._special
        for kept in (headings, headings[-2:], headings[-1:]):
            prefix = _write_prefix(self._title, kept)
            if self.measure(prefix) <= limit:
                return prefix
        return self._shorten(headings[-1:], limit)

    def _shorten(self, last: tuple[str, ...], limit: int) -> str:
        share = limit // 2 if last else limit
        parts = [self._cut(part, share - 2) for part in (self._title, *last)]
        prefix = _write_prefix(parts[0], tuple(parts[1:]))
        return prefix if self.measure(prefix) <= limit else ""

    def _cut(self, text: str, limit: int) -> str:
        if self.measure(text) <= limit:
            return text
        pieces = split_prose(text, max(1, limit - 1), self.measure)
        return f"{pieces[0]}…"


def _write_prefix(title: str, headings: tuple[str, ...]) -> str:
    lines = [line for line in (title, " > ".join(headings)) if line]
    return "\n".join(lines) + "\n\n" if lines else ""


def _make_passages(markdown: str) -> list[_Passage]:
    sections = split_sections(markdown)
    pairs = zip_longest(sections, sections[1:])
    return [passage for section, after in pairs for passage in _make_passage(section, after)]


def _make_passage(section: Section, after: Section | None) -> Iterator[_Passage]:
    """Yield a section's text; a heading with nothing under it is text of the section above."""
    if section.body:
        yield _Passage(section.path, section.body)
    elif after is None or after.path[: len(section.path)] != section.path:
        yield _Passage(section.path[:-1], section.heading)


def _join_small(passages: list[_Passage], ruler: _Ruler) -> list[_Passage]:
    joined: list[_Passage] = []
    for passage in passages:
        merged = _join(joined[-1], passage, ruler) if joined else None
        if merged:
            joined[-1] = merged
        else:
            joined.append(passage)
    return joined


def _join(first: _Passage, second: _Passage, ruler: _Ruler) -> _Passage | None:
    """Return two passages as one, if either is small, both are close, and the whole is not large."""
    shared = _share_path(first.path, second.path)
    least = max(len(first.path), len(second.path)) - 1
    if len(shared) < max(least, ruler.policy.join_below):
        return None
    sizes = ruler.measure(first.text), ruler.measure(second.text)
    if min(sizes) >= ruler.policy.min_tokens or sum(sizes) > ruler.policy.max_tokens * _JOIN_SHARE:
        return None
    texts = (_write_under(shared, passage) for passage in (first, second))
    merged = _Passage(shared, "\n\n".join(texts))
    return merged if ruler.measure(merged.text) <= ruler.room(shared) else None


def _share_path(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    shared = []
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        shared.append(one)
    return tuple(shared)


def _write_under(shared: tuple[str, ...], passage: _Passage) -> str:
    """Return a passage's text with those of its headings that the shared path does not have."""
    own = passage.path[len(shared) :]
    headings = (f"{'#' * min(6, len(shared) + 1 + at)} {text}" for at, text in enumerate(own))
    return "\n\n".join([*headings, passage.text])


def _cut_passage(passage: _Passage, ruler: _Ruler) -> Iterator[_Passage]:
    room = ruler.room(passage.path)
    if ruler.measure(passage.text) <= room and ruler.fits(passage.path, passage.text):
        yield passage
        return
    before = ""
    overlap = min(ruler.policy.overlap_tokens, room // 2)
    for text in _pack_blocks(passage.text, room - overlap, ruler):
        for piece in _ensure_fit(_Passage(passage.path, text), room - overlap, ruler):
            yield _repeat_tail(before, piece, overlap, ruler)
            before = piece.text


def _pack_blocks(text: str, limit: int, ruler: _Ruler) -> Iterator[str]:
    """Yield as many whole blocks together as fit; a block too large by itself is cut."""
    return pack(_cut_blocks(text, limit, ruler), "\n\n", limit, ruler.measure)


def _cut_blocks(text: str, limit: int, ruler: _Ruler) -> Iterable[str]:
    for block in split_blocks(text):
        yield from split_block(block, limit, ruler.measure)


def _ensure_fit(passage: _Passage, limit: int, ruler: _Ruler) -> Iterator[_Passage]:
    """Cut again, smaller, what a tokenizer counts higher together than apart."""
    if limit <= 1 or ruler.fits(passage.path, passage.text):
        yield passage
        return
    for text in _pack_blocks(passage.text, limit // 2, ruler):
        yield from _ensure_fit(_Passage(passage.path, text), limit // 2, ruler)


def _repeat_tail(before: str, piece: _Passage, overlap: int, ruler: _Ruler) -> _Passage:
    last = before.rpartition("\n\n")[2]
    if not overlap or not last or is_fenced(last) or is_table(last):
        return piece
    tail = _Passage(piece.path, f"{_last_words(last, overlap, ruler)}\n\n{piece.text}")
    return tail if ruler.fits(tail.path, tail.text) else piece


def _last_words(text: str, limit: int, ruler: _Ruler) -> str:
    words = text.split()
    low, high = 0, min(len(words), limit)
    while low < high:
        middle = (low + high + 1) // 2
        enough = ruler.measure(" ".join(words[-middle:])) <= limit
        low, high = (middle, high) if enough else (low, middle - 1)
    return " ".join(words[len(words) - low :])


def _make_chunk(ordinal: int, passage: _Passage, ruler: _Ruler) -> Chunk:
    embedded = ruler.embed(passage.path, passage.text)
    digest = hashlib.sha256(embedded.encode()).hexdigest()[:_HASH_LENGTH]
    return Chunk(ordinal, passage.path, passage.text, embedded, digest)
