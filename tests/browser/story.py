"""What somebody does who connects a wiki, step by step, as the console's words lead through it."""

import re

from playwright.sync_api import Page, expect

from tests.browser.driving import Tab
from tests.browser.wiki import SPACE


def connect(tab: Tab, site) -> None:
    """Connect the session to a Confluence."""
    page = tab.page
    go_to(page, "Connect")
    page.get_by_label("Address of your Confluence").fill(site.web_url)
    page.get_by_label("User").fill(site.email)
    page.get_by_label("API token").fill(site.token)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Connected to {site.web_url}")


def choose_space(tab: Tab, words: str, name: str) -> None:
    """Find a space in the list, which narrows down as one types, and open its form."""
    page = tab.page
    go_to(page, "Spaces")
    page.get_by_label("Key or name").press_sequentially(words)
    expect(page.get_by_role("status")).to_contain_text("1 space")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Bring in"))


def plan(tab: Tab) -> None:
    """Ask for the plan of the space whose form is open, with Confluence's own restrictions."""
    page = tab.page
    page.get_by_label("Whoever may read it in Confluence").check()
    page.get_by_role("button", name="Plan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Plan for"))


def start(tab: Tab) -> None:
    """Start what is planned; the job's page opens."""
    tab.page.get_by_role("button", name="Start").click()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text(f"Space {SPACE}")


def read_settled(page: Page) -> int:
    """Return how many documents the job's page says are settled."""
    text = page.get_by_text(re.compile(r"\d+ of \d+ documents? settled")).inner_text()
    return int(re.match(r"\d+", text)[0])  # type: ignore[index]


def see_status(page: Page, status: str) -> None:
    """Wait until the job's page says so, by itself."""
    expect(page.locator("#job-progress .badge").first).to_have_text(status)


def ask(tab: Tab, question: str, *groups: str) -> list[str]:
    """Ask as a member of these groups; return the titles that are found."""
    page = tab.page
    go_to(page, "Search")
    page.get_by_label("Question").fill(question)
    page.get_by_label("a reader who is only in these groups").check()
    page.get_by_role("combobox", name="Groups").fill(", ".join(groups))
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name=re.compile(r"\d+ results?"))).to_be_visible()
    return page.locator(".hits h3").all_inner_texts()


def go_to(page: Page, name: str) -> None:
    """Follow a link of the navigation."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()
