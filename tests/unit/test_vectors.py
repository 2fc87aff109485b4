"""What is opened to make and keep vectors, while vectors of before still answer."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import cast

import pytest
from structlog.testing import capture_logs

from headwater.adapters.catalog.stores import open_catalog
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.embedders.pinecone import PineconeEmbedder
from headwater.adapters.memory_store import MemoryStore
from headwater.adapters.pinecone.store import PineconeStore
from headwater.config import EmbedderKind, VectorStoreKind, load_settings
from headwater.domain.errors import ConfigError
from headwater.ports import Make
from headwater.vectors import open_embedder, open_vector_store
from tests.contract.catalog_samples import make_ref
from tests.pinecone.inference import DENSE, DIMENSION
from tests.pinecone.server import KEY, run_pinecone

TENANT = make_ref().tenant
PRESENT = MemoryEmbedder(dimension=DIMENSION)


@pytest.fixture(scope="module")
def pinecone():
    with run_pinecone() as server:
        yield server


@pytest.fixture
async def stack():
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def catalog(tmp_path):
    stores = await open_catalog(f"sqlite:///{tmp_path}/catalog.db")
    yield stores
    await stores.close()


@pytest.fixture
def settings(tmp_path, pinecone):
    pinecone.reset()
    return load_settings(
        _env_file=None,
        data_dir=tmp_path,
        pinecone_api_key=KEY,
        pinecone_host=pinecone.url,
        previous_embedder="pinecone",
    )


async def test_the_model_before_is_opened_only_where_its_vectors_answer(settings, catalog, stack):
    store = await open_vector_store(settings, stack, catalog, PRESENT)
    assert store.previous is None
    await catalog.generations.begin(TENANT, Make("of-before"))
    store = await open_vector_store(settings, stack, catalog, PRESENT)
    assert store.previous
    assert store.previous.model == f"pinecone-{DENSE}-d{DIMENSION}"
    assert "set HEADWATER_PREVIOUS_EMBEDDER to it" in (await store.check() or "")


async def test_it_is_said_that_the_model_before_answers(settings, catalog, stack):
    before = f"pinecone-{DENSE}-d{DIMENSION}"
    await catalog.generations.begin(TENANT, Make(before))
    store = await open_vector_store(settings, stack, catalog, PRESENT)
    assert await store.check() == (
        f"vectors of {before} answer until every space of their tenants was synced"
    )


async def test_an_index_of_before_is_opened_beside_the_new_one(settings, catalog, stack):
    remote = settings.model_copy(
        update={"vector_store": VectorStoreKind.PINECONE, "pinecone_index": "first"}
    )
    first = await open_vector_store(remote, stack, catalog, PRESENT)
    await catalog.generations.begin(TENANT, first.make)
    moved = remote.model_copy(update={"pinecone_index": "second"})
    wider = MemoryEmbedder(dimension=2 * DIMENSION)
    store = await open_vector_store(moved, stack, catalog, wider)
    opened = cast("Mapping[str, PineconeStore]", store.stores)
    assert {place: one.dimension for place, one in opened.items()} == {
        "first": DIMENSION,
        "second": 2 * DIMENSION,
    }


async def test_an_index_of_before_that_is_gone_answers_nothing_and_that_is_said(
    settings, catalog, stack
):
    remote = settings.model_copy(update={"vector_store": VectorStoreKind.PINECONE})
    await catalog.generations.begin(TENANT, Make(PRESENT.model, "gone"))
    with capture_logs() as logs:
        store = await open_vector_store(remote, stack, catalog, PRESENT)
    assert isinstance(store.stores["gone"], MemoryStore)
    assert logs[-1]["index"] == "gone"


async def test_pinecone_embeds_where_the_settings_say_so(settings, stack):
    chosen = settings.model_copy(update={"embedder": EmbedderKind.PINECONE})
    embedder = await open_embedder(chosen, stack)
    assert isinstance(embedder, PineconeEmbedder)
    with pytest.raises(ConfigError, match="HEADWATER_PINECONE_API_KEY"):
        await open_embedder(chosen.model_copy(update={"pinecone_api_key": None}), stack)
