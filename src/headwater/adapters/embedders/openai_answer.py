"""Reading an embeddings answer strictly: what does not hold every vector asked for is no answer."""

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from headwater.domain.errors import RetryableError
from headwater.ports import Vector


class _Item(BaseModel):
    index: int
    embedding: str | Annotated[list[float], Field(min_length=1)]


class _Answer(BaseModel):
    data: list[_Item]


def read_vectors(content: bytes, *, expected: int) -> list[Vector]:
    """Return the vectors in the order of their ``index``, as sent (not scaled).

    Takes numbers or base64 (float32, little-endian), since servers may ignore which was asked for.
    ``RetryableError`` when the body is none, or its indexes are not 0 to ``expected - 1``.
    """
    try:
        items = sorted(_Answer.model_validate_json(content).data, key=lambda item: item.index)
        vectors = [_decode(item.embedding) for item in items]
    except (ValidationError, Base64Error, ValueError):
        raise _nonsense("is not in OpenAI's format") from None
    if [item.index for item in items] != list(range(expected)):
        raise _nonsense(f"has {len(items)} vectors that do not match the {expected} texts sent")
    return vectors


def _decode(embedding: str | list[float]) -> Vector:
    if isinstance(embedding, list):
        return embedding
    vector: Vector = np.frombuffer(b64decode(embedding, validate=True), "<f4").tolist()
    return vector


def _nonsense(problem: str) -> RetryableError:
    return RetryableError(
        f"The embeddings endpoint's answer {problem}; check that HEADWATER_EMBEDDER_URL leads to an"
        " OpenAI-compatible API."
    )
