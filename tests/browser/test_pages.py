"""Every page: for everybody, on any screen, and whatever a wiki's page contains."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driving import NARROW, open_tab
from tests.browser.wiki import HOSTILE_TITLE, LAB, LONG_WORD
from tests.e2e.service_process import open_api

TENANT = "5c1d0f6e-2a3b-4c4d-8e5f-60718293a4b5"
"""Of its own: what the story does is not seen here."""


@pytest.fixture(scope="module")
def lab(url, site):
    """The hostile space, brought in; the address of the page that shows its document."""
    with open_api(url, TENANT) as api:
        job = api.wait(api.upload(site, LAB))
        assert job["status"] == "succeeded", job
        found = api.search("turnip")
        return next(hit["id"] for hit in found if hit["title"] == HOSTILE_TITLE).partition("#")[0]


@pytest.fixture(scope="module")
def paths(lab):
    """Every page that shows something of a wiki, and the forms."""
    return [
        "/",
        "/connect",
        "/spaces",
        "/jobs",
        "/documents",
        f"/documents?site={lab.split(':')[1]}&space={LAB}",
        f"/documents/one?id={lab}&as=staff,anna@example.com",
        "/search",
        "/search?q=turnip+click&as=groups&groups=staff",
        "/search/why",
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_shuts_anybody_out(browser, url, paths, dark):
    with open_tab(browser, url, dark=dark) as tab:
        tab.go("/sign-in")
        assert tab.find_barriers() == []
        tab.sign_in(tenant=TENANT)
        for path in paths:
            tab.go(path)
            assert tab.find_barriers() == [], path


def test_no_page_scrolls_sideways_on_a_narrow_screen(browser, url, paths):
    with open_tab(browser, url, width=NARROW) as tab:
        tab.sign_in(tenant=TENANT)
        for path in paths:
            tab.go(path)
            assert tab.read_width() <= NARROW, path


def test_a_hostile_page_is_shown_as_text_and_nothing_of_it_runs(browser, url, lab):
    with open_tab(browser, url) as tab:
        tab.sign_in(tenant=TENANT)
        for path in ("/documents", f"/documents/one?id={lab}", "/search?q=turnip+script"):
            tab.go(path)
            shown = tab.page.inner_text("main")
            if "documents/one" in path:
                assert HOSTILE_TITLE in shown
                assert "<svg onload=" in shown
                assert LONG_WORD[:300] in shown
                assert "</pre><script>window.ran = 9</script>" in shown
            assert tab.page.evaluate("window.ran") is None
            assert tab.page.locator("main script, main iframe, main style").count() == 0
            links = tab.page.locator("main a")
            hrefs = links.evaluate_all("links => links.map(link => link.protocol)")
            assert set(hrefs) <= {"http:"}


def test_the_tree_opens_where_one_asks_for_it(browser, url, lab):
    with open_tab(browser, url) as tab:
        tab.sign_in(tenant=TENANT)
        tab.go(f"/documents?site={lab.split(':')[1]}&space={LAB}")
        below = tab.page.get_by_text("1 document below")
        below.focus()
        tab.page.keyboard.press("Enter")
        expect(tab.page.get_by_role("link", name="z" * 250)).to_be_visible()
        tab.page.get_by_role("link", name="z" * 250).click()
        expect(tab.page.get_by_role("heading", level=1)).to_have_text("z" * 250)


def test_documents_and_search_work_without_scripts(browser, url, lab):
    with open_tab(browser, url, scripts=False) as tab:
        tab.sign_in(tenant=TENANT)
        tab.go(f"/documents?site={lab.split(':')[1]}&space={LAB}")
        tab.page.get_by_text("1 document below").click()
        tab.page.get_by_role("link", name=re.compile("Show what is below")).click()
        tab.page.get_by_role("link", name="z" * 250).click()
        expect(tab.page.get_by_role("heading", level=1)).to_have_text("z" * 250)
        tab.go("/search")
        tab.page.get_by_label("Question").fill("turnip")
        tab.page.get_by_role("button", name="Search").click()
        expect(tab.page.locator("mark").first).to_have_text("turnip")
