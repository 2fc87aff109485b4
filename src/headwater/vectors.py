"""Opening what makes vectors and what keeps them, as the settings name them.

Adapters are imported where they are opened, as in ``bootstrap``.
"""

from contextlib import AsyncExitStack
from pathlib import Path
from platform import node
from typing import TYPE_CHECKING

import structlog

from headwater.adapters.keys import load_or_create_key
from headwater.config import EmbedderKind, Settings, VectorStoreKind
from headwater.domain.errors import ConfigError
from headwater.domain.secrets import Secret
from headwater.ports import Embedder, Make, VectorStore
from headwater.services.generations import GenerationalStore

if TYPE_CHECKING:
    from headwater.adapters.catalog.stores import CatalogStores

_log = structlog.get_logger("headwater.vectors")


async def open_vector_store(
    settings: Settings, stack: AsyncExitStack, stores: "CatalogStores", embedder: Embedder
) -> GenerationalStore:
    """Open the store that the settings name, and what it needs while vectors of another make answer.

    ``ConfigError`` for what cannot be used as configured, ``RetryableError`` for what is away.
    """
    make = _make_of(settings, embedder)
    opened = {make.place: await _open_place(settings, stack, stores, embedder.dimension)}
    kept = await stores.generations.list_makes()
    for place in sorted({item.place for item in kept} - {make.place}):
        opened[place] = await _open_earlier_place(settings, stack, stores, place)
    answering = await stores.generations.list_answering()
    is_needed = any(item.model != make.model for item in answering)
    previous = await _open_previous(settings, stack) if is_needed else None
    return GenerationalStore(make, stores.generations, opened, previous)


def _make_of(settings: Settings, embedder: Embedder) -> Make:
    is_remote = settings.vector_store is VectorStoreKind.PINECONE
    return Make(embedder.model, settings.pinecone_index if is_remote else "")


async def _open_place(
    settings: Settings, stack: AsyncExitStack, stores: "CatalogStores", dimension: int
) -> VectorStore:
    if settings.vector_store is VectorStoreKind.PINECONE:
        return await _open_pinecone(settings, stack, stores, dimension)
    from headwater.adapters.lance.loading import load_lancedb  # noqa: PLC0415

    load_lancedb()
    from headwater.adapters.lance.store import LanceStore  # noqa: PLC0415

    folder = settings.data_dir / "vectors"
    if stores.is_shared:
        await _settle_home(stores, folder)
    store = await LanceStore.open(folder, dimension=dimension)
    stack.callback(store.close)
    return store


async def _settle_home(stores: "CatalogStores", folder: Path) -> None:
    """Refuse a second embedded store beside a catalog that other machines may reach."""
    from headwater.adapters.catalog.homes import StoreHome  # noqa: PLC0415

    await stores.homes.settle(StoreHome(load_or_create_key(folder / "store-id"), node()))


async def _open_earlier_place(
    settings: Settings, stack: AsyncExitStack, stores: "CatalogStores", place: str
) -> VectorStore:
    """Open an index that was named before; where it cannot be had, nothing answers until the new one does."""
    from headwater.adapters.memory_store import MemoryStore  # noqa: PLC0415

    try:
        earlier = settings.model_copy(update={"pinecone_index": place})
        return await _open_pinecone(earlier, stack, stores, None)
    except ConfigError as error:
        _log.warning("vectors that answered are gone", index=place, reason=str(error))
        return MemoryStore()


async def _open_pinecone(
    settings: Settings, stack: AsyncExitStack, stores: "CatalogStores", dimension: int | None
) -> VectorStore:
    from headwater.adapters.pinecone.opening import IndexSettings  # noqa: PLC0415
    from headwater.adapters.pinecone.store import open_store  # noqa: PLC0415

    key = _pinecone_key(settings)
    opened = open_store(
        api_key=key,
        host=settings.pinecone_host,
        index=IndexSettings(
            settings.pinecone_index, settings.pinecone_cloud, settings.pinecone_region
        ),
        dimension=dimension,
        ledger=stores.ledger,
    )
    return await stack.enter_async_context(opened)


def _pinecone_key(settings: Settings) -> Secret:
    key = settings.pinecone_api_key
    if key is None:
        raise ConfigError(
            "HEADWATER_PINECONE_API_KEY: needed where HEADWATER_VECTOR_STORE or HEADWATER_EMBEDDER is"
            " pinecone"
        )
    return Secret(key.get_secret_value())


async def _open_previous(settings: Settings, stack: AsyncExitStack) -> Embedder | None:
    if settings.previous_embedder is None:
        return None
    names = [name for name in type(settings).model_fields if name.startswith("previous_embedder")]
    earlier = {name.removeprefix("previous_"): getattr(settings, name) for name in names}
    return await open_embedder(settings.model_copy(update=earlier), stack)


async def open_embedder(settings: Settings, stack: AsyncExitStack) -> Embedder:
    """Open the embedder that the settings name; errors as above."""
    from headwater.adapters.embedders.prefixed import add_prefixes  # noqa: PLC0415

    return add_prefixes(
        await _open_model(settings, stack),
        query=settings.embedder_query_prefix,
        passage=settings.embedder_passage_prefix,
    )


async def _open_model(settings: Settings, stack: AsyncExitStack) -> Embedder:
    if settings.embedder is EmbedderKind.OPENAI:
        return await _open_endpoint(settings, stack)
    if settings.embedder is EmbedderKind.PINECONE:
        return await _open_inference(settings, stack)
    from headwater.adapters.embedders.local import LocalEmbedder  # noqa: PLC0415

    folder = Path(settings.embedder_model) if settings.embedder_model else None
    embedder = await LocalEmbedder.open(settings.data_dir, folder)
    stack.push_async_callback(embedder.close)
    return embedder


async def _open_inference(settings: Settings, stack: AsyncExitStack) -> Embedder:
    from headwater.adapters.embedders.pinecone import PineconeEmbedder  # noqa: PLC0415

    embedder = await PineconeEmbedder.open(
        api_key=_pinecone_key(settings),
        host=settings.pinecone_host,
        model=settings.embedder_model,
    )
    stack.push_async_callback(embedder.close)
    return embedder


async def _open_endpoint(settings: Settings, stack: AsyncExitStack) -> Embedder:
    from headwater.adapters.embedders.openai import OpenAIEmbedder  # noqa: PLC0415

    key = settings.embedder_api_key
    embedder = await OpenAIEmbedder.open(
        base_url=settings.embedder_url,
        model=settings.embedder_model,
        api_key=Secret(key.get_secret_value()) if key else None,
    )
    stack.push_async_callback(embedder.close)
    return embedder
