import pytest

from tests.integration.sync.lab import open_lab


@pytest.fixture
async def lab(tmp_path):
    async with open_lab(tmp_path) as opened:
        yield opened
