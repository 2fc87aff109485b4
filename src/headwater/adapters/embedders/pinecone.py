"""Pinecone's inference: models that it runs, by the official SDK.

The service tells of each model its vectors' length, its window and how many texts a request may carry
(``GET /models/{name}``); a text that is too long is refused, never cut off (``truncate: NONE``).
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, Self

from pinecone import AsyncPinecone
from pinecone.errors import NotFoundError

from headwater.adapters.embedders.estimate import estimate_tokens
from headwater.adapters.embedders.window import refuse_long
from headwater.adapters.pinecone.faults import opening_faults, pinecone_faults
from headwater.domain.errors import ConfigError, DocumentError, FailureType, RetryableError
from headwater.domain.secrets import Secret
from headwater.ports import EmbeddingKind, Vector

DEFAULT_MODEL: Final = "multilingual-e5-large"
DEFAULT_BATCH: Final = 96
"""Texts a request may carry, of a model that does not say."""

DEFAULT_WINDOW: Final = 507
"""Tokens, of a model that does not say."""

_FAILED: Final = FailureType.VECTOR_EMBEDDING_FAILED


@dataclass(frozen=True, slots=True)
class PineconeEmbedder:
    """A model that Pinecone runs. Open it with :meth:`open`; safe to use from many tasks."""

    client: AsyncPinecone
    name: str
    dimension: int
    max_tokens: int
    batch: int

    @classmethod
    async def open(cls, *, api_key: Secret, host: str | None, model: str | None) -> Self:
        """Connect and ask what the model is; ``host`` is another control plane's.

        ``ConfigError`` names the setting that does not work; ``RetryableError`` when nothing answers.
        """
        async with AsyncExitStack() as stack:
            client = AsyncPinecone(api_key=api_key.reveal(), host=host or None)
            await stack.enter_async_context(client)
            embedder = await cls._describe(client, model or DEFAULT_MODEL)
            stack.pop_all()
        return embedder

    @classmethod
    async def _describe(cls, client: AsyncPinecone, name: str) -> Self:
        with opening_faults("describe the model"):
            try:
                found = await client.inference.get_model(model=name)
            except NotFoundError as error:
                raise ConfigError(
                    f"HEADWATER_EMBEDDER_MODEL: Pinecone knows no model {name!r}, or not for this"
                    " project; see its list of models."
                ) from error
        if found.type != "embed" or found.vector_type != "dense" or not found.default_dimension:
            raise ConfigError(
                f"HEADWATER_EMBEDDER_MODEL: {name!r} makes no dense vectors; name a model that does,"
                f" such as {DEFAULT_MODEL}."
            )
        window, batch = found.max_sequence_length, found.max_batch_size
        return cls(
            client, name, found.default_dimension, window or DEFAULT_WINDOW, batch or DEFAULT_BATCH
        )

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()

    @property
    def model(self) -> str:
        """Names model and dimension."""
        return f"pinecone-{self.name}-d{self.dimension}"

    def count_tokens(self, text: str) -> int:
        """Return a count on the high side: the model's own tokenizer is not at hand."""
        return estimate_tokens(text)

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> list[Vector]:
        """Return one vector per text, in order, of length one.

        ``DocumentError`` names the text that is too long, that Pinecone refuses, or for which it gives
        no usable vector; ``RetryableError`` when it is busy or away, or wants key or quota mended.
        """
        refuse_long([self.count_tokens(text) for text in texts], self.max_tokens)
        vectors: list[Vector] = []
        for start, end in _cut(0, len(texts), self.batch):
            vectors += await self._embed_span(texts, kind, start, end)
        return vectors

    async def _embed_span(
        self, texts: Sequence[str], kind: EmbeddingKind, start: int, end: int
    ) -> list[Vector]:
        """Embed ``texts[start:end]``; halve a refused batch until it passes or one text is to blame."""
        try:
            found = await self._request(texts[start:end], kind)
        except DocumentError as error:
            if end - start == 1:
                raise _blame(start, len(texts), str(error)) from error
            middle = (start + end) // 2
            first = await self._embed_span(texts, kind, start, middle)
            return first + await self._embed_span(texts, kind, middle, end)
        return [self._finish(item, place, len(texts)) for place, item in enumerate(found, start)]

    async def _request(self, texts: Sequence[str], kind: EmbeddingKind) -> Sequence[Any]:
        with pinecone_faults("embed", _FAILED):
            answer = await self.client.inference.embed(
                model=self.name,
                inputs=list(texts),
                parameters={"input_type": kind.value, "truncate": "NONE"},
            )
        if len(answer.data) != len(texts):
            raise RetryableError(
                f"Pinecone's inference answered {len(answer.data)} vectors for {len(texts)} texts."
            )
        return answer.data

    def _finish(self, item: Any, place: int, total: int) -> Vector:
        vector = [float(value) for value in item.values]
        length = math.hypot(*vector)
        if len(vector) != self.dimension or not math.isfinite(length) or not length:
            raise _blame(place, total, "Pinecone's vector has another length, or no direction")
        return [value / length for value in vector]


def _cut(start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    for first in range(start, end, size):
        yield first, min(first + size, end)


def _blame(place: int, total: int, reason: str) -> DocumentError:
    return DocumentError(_FAILED, f"Text {place + 1} of {total} could not be embedded: {reason}")
