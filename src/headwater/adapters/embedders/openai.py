"""Any endpoint that speaks OpenAI's ``/embeddings``: OpenAI, vLLM, TEI, Ollama, LiteLLM and others.

Wire format: https://platform.openai.com/docs/api-reference/embeddings. The SDK sends; waiting,
reading the answer and naming the errors are done here: the SDK would sleep up to two minutes where
``Retry-After`` says so, and accepts answers of any shape.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Self

import stamina
from httpx2 import URL, InvalidURL, Timeout
from openai import APIConnectionError, APIStatusError, AsyncOpenAI

from headwater.adapters.embedders.estimate import estimate_tokens
from headwater.adapters.embedders.openai_answer import read_vectors
from headwater.adapters.embedders.openai_errors import (
    BatchRefusedError,
    explain_connection,
    explain_status,
)
from headwater.adapters.embedders.window import refuse_long
from headwater.domain.errors import ConfigError, DocumentError, FailureType, RetryableError
from headwater.domain.secrets import Secret
from headwater.ports import EmbeddingKind, Vector

BATCH_TEXTS = 64
BATCH_TOKENS = 16_000
"""By our own count, which is on the high side; far below every known limit on one request."""

DEFAULT_WINDOW = 512
"""Tokens; what the smaller common models take."""

ATTEMPTS = 3
LONGEST_WAIT = 5.0
"""Seconds; a longer ``Retry-After`` is the caller's to wait out, so that the job can say so."""

_TIMEOUT = Timeout(60.0, connect=10.0)
_NO_KEY = "no-key-configured"
_RETRY = stamina.AsyncRetryingCaller(
    attempts=ATTEMPTS, timeout=None, wait_initial=0.2, wait_max=2.0
)


class OpenAIEmbedder:
    """A model behind an endpoint. Open it with :meth:`open`; safe to use from many tasks.

    The endpoint's tokenizer is unknown, so tokens are counted on the high side. A text that passes
    this count and is still too long is refused by the endpoint and becomes a ``DocumentError``.
    """

    def __init__(
        self, client: AsyncOpenAI, model: str, *, dimension: int | None, max_tokens: int
    ) -> None:
        self._client = client
        self._model = model
        self._dimension = dimension
        self._max_tokens = max_tokens

    @classmethod
    async def open(
        cls,
        *,
        base_url: str | None,
        model: str | None,
        api_key: Secret | None = None,
        dimension: int | None = None,
        max_tokens: int = DEFAULT_WINDOW,
    ) -> Self:
        """Connect, and learn the dimension from one short text unless it is given.

        ``ConfigError`` names the setting that does not work; ``RetryableError`` when nothing answers.
        """
        client = _make_client(_check_url(base_url), api_key)
        embedder = cls(client, _check_model(model), dimension=dimension, max_tokens=max_tokens)
        if dimension is None:
            await embedder._probe()
        return embedder

    async def _probe(self) -> None:
        try:
            self._dimension = len((await self._request(["proof"]))[0])
        except BatchRefusedError as error:
            await self.close()
            raise ConfigError(
                f"The embeddings endpoint cannot embed a single word: {error} Check"
                " HEADWATER_EMBEDDER_MODEL and HEADWATER_EMBEDDER_URL."
            ) from error
        except (ConfigError, RetryableError):
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    @property
    def model(self) -> str:
        """Names model and dimension. The address is left out: the same model may move."""
        return f"openai-{self._model}-d{self.dimension}"

    @property
    def dimension(self) -> int:
        """The length of every vector, as the endpoint showed it when this was opened."""
        if self._dimension is None:
            raise RuntimeError("an OpenAIEmbedder is made by open()")
        return self._dimension

    @property
    def max_tokens(self) -> int:
        """The window in tokens as :meth:`count_tokens` counts them."""
        return self._max_tokens

    def count_tokens(self, text: str) -> int:
        """Return a count on the high side."""
        return estimate_tokens(text)

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> list[Vector]:  # noqa: ARG002  (the protocol knows no kinds)
        """Return one vector per text, in order, of length one.

        ``DocumentError`` names the text that is too long, that the endpoint refuses, or for which it
        gives no usable vector; ``RetryableError`` when it is busy, away or answering nonsense;
        ``ConfigError`` when key, model or address stopped working.
        """
        counts = [self.count_tokens(text) for text in texts]
        refuse_long(counts, self._max_tokens)
        vectors: list[Vector] = []
        for start, end in _batches(counts):
            vectors += await self._embed_span(texts, start, end)
        return vectors

    async def _embed_span(self, texts: Sequence[str], start: int, end: int) -> list[Vector]:
        """Embed ``texts[start:end]``; halve a refused batch until it passes or one text is to blame."""
        try:
            vectors = await self._request(texts[start:end])
        except BatchRefusedError as error:
            if end - start == 1:
                raise _blame(start, len(texts), str(error)) from error
            middle = (start + end) // 2
            first_half = await self._embed_span(texts, start, middle)
            return first_half + await self._embed_span(texts, middle, end)
        return [
            self._finish(vector, place, len(texts)) for place, vector in enumerate(vectors, start)
        ]

    def _finish(self, vector: Vector, place: int, total: int) -> Vector:
        if len(vector) != self.dimension:
            raise ConfigError(
                f"The embeddings endpoint now gives {len(vector)} numbers instead of {self.dimension}:"
                " the model behind HEADWATER_EMBEDDER_URL changed. Put it back, or restart to rebuild."
            )
        length = math.hypot(*vector)
        if not math.isfinite(length) or length == 0:
            raise _blame(
                place, total, "the endpoint's vector has no direction (zero, NaN or infinite)"
            )
        return [value / length for value in vector]

    async def _request(self, texts: Sequence[str]) -> list[Vector]:
        return await _RETRY(_choose_wait, self._send, texts)

    async def _send(self, texts: Sequence[str]) -> list[Vector]:
        try:
            answer = await self._client.embeddings.with_raw_response.create(
                model=self._model, input=list(texts), encoding_format="base64"
            )
        except APIConnectionError as error:
            raise explain_connection(error) from error
        except APIStatusError as error:
            # Not chained: some endpoints repeat the key in their answer, which the SDK's error quotes.
            raise explain_status(error, secret=self._client.api_key) from None
        return read_vectors(answer.http_response.content, expected=len(texts))


def _make_client(base_url: str, api_key: Secret | None) -> AsyncOpenAI:
    client = AsyncOpenAI(
        base_url=base_url,
        api_key=_check_key(api_key),
        max_retries=0,
        timeout=_TIMEOUT,
    )
    # The SDK fills these from its own environment variables; only our settings decide.
    client.organization = client.project = None
    return client


def _check_url(base_url: str | None) -> str:
    try:
        url = URL(base_url or "")
    except InvalidURL:
        url = URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError(
            "HEADWATER_EMBEDDER=openai needs HEADWATER_EMBEDDER_URL, the base URL of the endpoint, such"
            " as https://api.openai.com/v1."
        )
    return str(url)


def _check_key(key: Secret | None) -> str:
    text = key.reveal() if key else _NO_KEY
    if not (text.isascii() and text.isprintable()):
        raise ConfigError(
            "HEADWATER_EMBEDDER_API_KEY holds characters that no key has, such as a line break."
            " Copy the key again."
        )
    return text


def _check_model(model: str | None) -> str:
    if not model:
        raise ConfigError(
            "HEADWATER_EMBEDDER=openai needs HEADWATER_EMBEDDER_MODEL, the model's name at the endpoint."
        )
    return model


def _batches(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the bounds of batches that keep both limits."""
    start = tokens = 0
    for place, count in enumerate(counts):
        if place > start and (place - start == BATCH_TEXTS or tokens + count > BATCH_TOKENS):
            yield start, place
            start, tokens = place, 0
        tokens += count
    if counts:
        yield start, len(counts)


def _blame(place: int, total: int, reason: str) -> DocumentError:
    return DocumentError(
        FailureType.VECTOR_EMBEDDING_FAILED,
        f"Text {place + 1} of {total} could not be embedded: {reason}",
    )


def _choose_wait(error: Exception) -> bool | float:
    if not isinstance(error, RetryableError):
        return False
    if error.retry_after is None:
        return True
    return error.retry_after if error.retry_after <= LONGEST_WAIT else False
