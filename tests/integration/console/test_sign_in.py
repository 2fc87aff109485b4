"""Who gets in, how long, and what of it the browser holds."""

import pytest

from tests.contract.api.fakes import World, make_token
from tests.integration.console.browsing import open_browser, read_words


@pytest.fixture
async def browser():
    async with open_browser(World().ports()) as browser:
        yield browser


async def test_without_a_session_every_page_leads_to_the_sign_in_and_back(browser):
    answer = await browser.open("/sign-out?x=1")
    assert answer.status_code in {303, 405}
    answer = await browser.open("/sign-in")
    assert answer.status_code == 200
    assert "Sign in" in read_words(answer.text)


async def test_a_valid_token_opens_the_console_and_stays_on_the_server(browser):
    answer = await browser.sign_in()
    assert answer.status_code == 303
    assert answer.headers["location"] == "/console/"
    assert make_token() not in str(answer.headers)


@pytest.mark.parametrize(
    ("claims", "words"),
    [({"exp": 1}, "expired"), ({"tenant_id": "acme"}, "names no tenant"), ({"exp": None}, "lacks")],
    ids=["expired", "tenant", "endless"],
)
async def test_a_token_that_the_api_refuses_opens_nothing(browser, claims, words):
    answer = await browser.sign_in(**claims)
    assert answer.status_code in {401, 403}
    assert words in read_words(answer.text)
    assert "headwater-session" not in str(answer.headers)
