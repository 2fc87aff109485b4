import pytest

from tests.unit.services.service_fakes import open_ports


@pytest.fixture
async def ports(tmp_path):
    async with open_ports(tmp_path) as ports:
        yield ports
