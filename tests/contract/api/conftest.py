import pytest

from tests.contract.api.fakes import World, open_client


@pytest.fixture
def world():
    return World()


@pytest.fixture
async def client(world):
    async with open_client(world) as client:
        yield client
