"""The whole way of somebody who connects a wiki."""

import re

from playwright.sync_api import expect

from tests.browser import story
from tests.browser.driving import open_tab
from tests.browser.wiki import FILE, NOTES, SPACE, Gate, list_notes, mend_file


def test_a_wiki_is_connected_brought_in_mended_searched_and_kept_in_step(browser, url, site):
    gate = Gate()
    with gate.holding(site), open_tab(browser, url) as tab:
        tab.sign_in()
        story.connect(tab, site)
        bring_in(tab, gate)
        retry(tab, site.world)
        search_as_two_groups(tab)
        approve_a_held_deletion(tab, site.world)


def bring_in(tab, gate):
    """Plan and start a space, watch it come in, and see what failed."""
    page = tab.page
    story.choose_space(tab, "people", "People & Culture")
    story.plan(tab)
    assert "Nothing has been written." in page.inner_text("main")
    story.start(tab)
    expect(page.get_by_text(re.compile(r"[1-9]\d* of \d+ documents settled"))).to_be_visible()
    seen = story.read_settled(page)
    page.evaluate("window.stayed = true")
    gate.open()
    story.see_status(page, "partial")
    assert story.read_settled(page) > seen
    assert page.evaluate("window.stayed")  # it came by events, not by a reload
    expect(page.get_by_role("region", name="Documents that failed")).to_contain_text(FILE)


def retry(tab, world):
    """Retry what failed, once its file can be read."""
    mend_file(world)
    failed = tab.page.url
    tab.page.get_by_role("button", name="Retry what failed").click()
    expect(tab.page).not_to_have_url(failed)
    story.see_status(tab.page, "succeeded")
    assert FILE in story.ask(tab, "trips by train in first class", "all-staff")


def search_as_two_groups(tab):
    """Find with one group what another one does not."""
    question = "merit cycle compensation"
    secret = "Merit cycle 2027"
    assert secret in story.ask(tab, question, "all-staff", "hr-team", "hr-compensation")
    expect(tab.page.locator("mark").first).to_be_visible()
    assert secret not in story.ask(tab, question, "all-staff")


def approve_a_held_deletion(tab, world):
    """Let many pages vanish at once: they stay until somebody approves."""
    page = tab.page
    for note in list_notes(world):
        world.purge(note)
    story.choose_space(tab, SPACE, "People & Culture")
    story.plan(tab)
    expect(page.get_by_text(f"{NOTES - 1} documents would be held")).to_be_visible()
    story.start(tab)
    story.see_status(page, "partial")
    job = page.url
    assert "Notes of week 7" in story.ask(tab, "parking rota of row 7", "all-staff")
    page.goto(job)
    page.get_by_role("link", name="Look at what is held").click()
    page.get_by_role("button", name=f"Remove {NOTES - 1} pages").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Space {SPACE}")
    expect(page.get_by_text(f"{NOTES - 1} held documents were deleted on approval")).to_be_visible()
    assert "Notes of week 7" not in story.ask(tab, "parking rota of row 7", "all-staff")
