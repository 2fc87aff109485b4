import pytest

from tests.integration.console.browsing import open_browser
from tests.integration.sync.lab import TENANT, open_light_lab


@pytest.fixture
async def lab(tmp_path):
    async with open_light_lab(tmp_path) as lab:
        yield lab


@pytest.fixture
async def browser(lab):
    """A browser with which somebody of the lab's tenant is signed in, who may do everything."""
    async with open_browser(lab.ports, tenant=str(TENANT)) as browser:
        await browser.sign_in()
        yield browser
