"""A catalog's vectors are in one embedded store, whoever opens it."""

import pytest

from headwater.adapters.catalog.homes import StoreHome
from headwater.domain.errors import ConfigError
from tests.contract.catalog_samples import ENGINES, open_engine


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


async def test_the_first_store_is_the_catalogs_and_is_welcome_again(stores):
    await stores.homes.settle(StoreHome("one", "alpha"))
    await stores.homes.settle(StoreHome("one", "alpha"))
    # The machine is for people: a container of the same folder has another name each time.
    await stores.homes.settle(StoreHome("one", "beta"))


async def test_a_second_store_is_refused_and_both_machines_are_named(stores):
    await stores.homes.settle(StoreHome("one", "alpha"))
    with pytest.raises(ConfigError, match=r"on alpha, .* on beta .*VECTOR_STORE=pinecone"):
        await stores.homes.settle(StoreHome("two", "beta"))
