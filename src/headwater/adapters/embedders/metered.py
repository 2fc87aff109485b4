"""Any embedder, with its busy time counted."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from headwater.adapters.metrics import EMBEDDED_TEXTS, EMBEDDER_SECONDS
from headwater.ports import Embedder, EmbeddingKind, Vector


@dataclass(slots=True)
class MeteredEmbedder:
    """Counts the time during which at least one call is under way: its rate is the share."""

    inner: Embedder
    _calls: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)

    @property
    def model(self) -> str:
        """See :class:`headwater.ports.Embedder`."""
        return self.inner.model

    @property
    def dimension(self) -> int:
        """See :class:`headwater.ports.Embedder`."""
        return self.inner.dimension

    @property
    def max_tokens(self) -> int:
        """See :class:`headwater.ports.Embedder`."""
        return self.inner.max_tokens

    def count_tokens(self, text: str) -> int:
        """See :class:`headwater.ports.Embedder`."""
        return self.inner.count_tokens(text)

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> Sequence[Vector]:
        """See :class:`headwater.ports.Embedder`."""
        if not self._calls:
            self._since = time.perf_counter()
        self._calls += 1
        try:
            vectors = await self.inner.embed(texts, kind=kind)
        finally:
            self._calls -= 1
            self._count_until_now()
        EMBEDDED_TEXTS.inc(len(texts))
        return vectors

    def _count_until_now(self) -> None:
        """Count at every call's end: where calls overlap for hours, none is ever the last."""
        now = time.perf_counter()
        EMBEDDER_SECONDS.inc(now - self._since)
        self._since = now
