"""Any embedder, for models that were trained to see what a text is: ``query: …``, ``passage: …``."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from headwater.domain.errors import ConfigError
from headwater.ports import Embedder, EmbeddingKind, Vector


def add_prefixes(inner: Embedder, *, query: str, passage: str) -> Embedder:
    """Return the embedder with these prefixes before questions and passages; itself if there are none.

    Raises ``ConfigError`` where a prefix takes more than half of the window.
    """
    if not (query or passage):
        return inner
    special = inner.count_tokens("")
    room = max(inner.count_tokens(text) - special for text in (query, passage))
    if room > inner.max_tokens // 2:
        raise ConfigError(
            f"HEADWATER_EMBEDDER_QUERY_PREFIX or _PASSAGE_PREFIX takes {room} of the {inner.max_tokens}"
            " tokens that the embedder sees; shorten it."
        )
    return _PrefixedEmbedder(
        inner, {EmbeddingKind.QUERY: query, EmbeddingKind.PASSAGE: passage}, room
    )


@dataclass(frozen=True, slots=True)
class _PrefixedEmbedder:
    inner: Embedder
    prefixes: dict[EmbeddingKind, str]
    room: int
    """Tokens of the longer prefix, which the window has less."""

    @property
    def model(self) -> str:
        """Names the passages' prefix too: other passages, other vectors. Questions are not kept."""
        passage = self.prefixes[EmbeddingKind.PASSAGE]
        mark = sha256(passage.encode()).hexdigest()[:8]
        return f"{self.inner.model}-p{mark}" if passage else self.inner.model

    @property
    def dimension(self) -> int:
        """See :class:`headwater.ports.Embedder`."""
        return self.inner.dimension

    @property
    def max_tokens(self) -> int:
        """What is left for the text."""
        return self.inner.max_tokens - self.room

    def count_tokens(self, text: str) -> int:
        """Count the text alone."""
        return self.inner.count_tokens(text)

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> Sequence[Vector]:
        """See :class:`headwater.ports.Embedder`."""
        prefix = self.prefixes[kind]
        return await self.inner.embed([f"{prefix}{text}" for text in texts], kind=kind)
