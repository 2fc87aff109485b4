"""Finding the index, or creating it, and refusing one that cannot hold what we write."""

from dataclasses import dataclass
from typing import Final

from pinecone import AsyncPinecone, ServerlessSpec
from pinecone.errors import ConflictError, NotFoundError
from pinecone.models.indexes.index import IndexModel
from pinecone.models.indexes.schema import DenseVectorField

from headwater.domain.errors import ConfigError, RetryableError

METRIC: Final = "dotproduct"
"""The one metric under which sparse values count in a query; vectors of length one rank as by cosine."""


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Which index, and where it is made when there is none."""

    name: str
    cloud: str
    region: str


@dataclass(frozen=True, slots=True)
class OpenedIndex:
    """An index that holds our records; ``hybrid`` where it finds words too."""

    host: str
    dimension: int
    hybrid: bool


async def open_index(
    client: AsyncPinecone, settings: IndexSettings, *, dimension: int | None
) -> OpenedIndex:
    """Return the index, created if there is none; ``ConfigError`` for one of another make.

    Without a dimension it has to be there, and may have any.
    """
    if dimension is None:
        model = await client.indexes.describe(settings.name)
    else:
        model = await _find_or_create(client, settings, dimension)
    dense = [field for field in model.schema.fields.values() if isinstance(field, DenseVectorField)]
    held = [field.dimension for field in dense]
    if len(held) != 1 or dimension not in {None, *held}:
        raise ConfigError(
            f"HEADWATER_PINECONE_INDEX: the index {settings.name!r} holds vectors of"
            f" {', '.join(map(str, held)) or 'no'} numbers, the embedder makes {dimension}."
            " Name another index, which is filled while this one answers, or set the embedder back."
        )
    (metric,) = [field.metric for field in dense]
    if metric not in {METRIC, "cosine"}:
        raise ConfigError(
            f"HEADWATER_PINECONE_INDEX: the index {settings.name!r} compares by {metric};"
            f" name one with {METRIC}, or one that does not exist and will be created."
        )
    if not model.host:
        raise RetryableError(f"The Pinecone index {settings.name!r} is not ready yet.")
    return OpenedIndex(model.host, held[0], hybrid=metric == METRIC)


async def _find_or_create(
    client: AsyncPinecone, settings: IndexSettings, dimension: int
) -> IndexModel:
    try:
        return await client.indexes.describe(settings.name)
    except NotFoundError:
        spec = ServerlessSpec(cloud=settings.cloud, region=settings.region)
    try:
        return await client.indexes.create(
            name=settings.name, dimension=dimension, metric=METRIC, spec=spec
        )
    except ConflictError:  # another process was first
        return await client.indexes.describe(settings.name)
