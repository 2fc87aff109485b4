"""Takes the pictures of the console that the documentation shows: ``make screenshots``.

Each page on a wide and on a narrow screen, from a service that is run for it beside the sample wiki.
"""

import io
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, expect

from headwater.sandbox.server import Sandbox, run_sandbox_thread
from tests.browser import story
from tests.browser.driving import NARROW, WIDE, Tab, open_chromium, open_tab
from tests.browser.wiki import SPACE, Gate, list_notes, make_wiki
from tests.e2e.service_process import TENANT, open_api, run_service

TARGET: Final = Path(__file__).parents[2] / "docs" / "images"
COLOURS: Final = 96
"""Of a picture: enough for flat pages, and a third of the size."""

CLAIMS: Final = {"groups": ["all-staff", "hr-team"], "email": "mara.lindqvist@fjordkraft.example"}


def take_all() -> None:
    """Tell the whole story once, and take a picture of each page on the way."""
    TARGET.mkdir(parents=True, exist_ok=True)
    gate = Gate()
    with run_stage() as (browser, url, site), open_tab(browser, url) as tab:
        with gate.holding(site):
            tab.go("/sign-in")
            take(tab, "sign-in")
            tab.sign_in(**CLAIMS)
            bring_in(tab, site, gate)
        keep_in_step(tab, url, site)
        read(tab, site)


def bring_in(tab: Tab, site: Sandbox, gate: Gate) -> None:
    """Connect, plan, start, watch, and look at what failed."""
    story.go_to(tab.page, "Connect")
    take(tab, "connect")
    story.connect(tab, site)
    take(tab, "connection")
    story.go_to(tab.page, "Spaces")
    take(tab, "spaces")
    story.choose_space(tab, "people", "People & Culture")
    take(tab, "space")
    story.plan(tab)
    take(tab, "plan")
    story.start(tab)
    expect(tab.page.get_by_text(re.compile(r"[1-9]\d* of \d+ documents settled"))).to_be_visible()
    take(tab, "job-running")
    gate.open()
    story.see_status(tab.page, "partial")
    take(tab, "job-failures")


def keep_in_step(tab: Tab, url: str, site: Sandbox) -> None:
    """Bring in the other spaces, edit some pages, and let many vanish at once."""
    with open_api(url, TENANT) as api:
        for space in ("IT", "ENG"):
            api.wait(api.upload(site, space))
        for number, space in enumerate(("IT", "ENG", SPACE) * 4):
            site.world.create_page(space, f"Weekly report {number}", "<p>All is well.</p>")
            time.sleep(1)  # edits of different ages
        for space in ("IT", "ENG", SPACE):
            api.wait(api.upload(site, space, incremental=True))
    for note in list_notes(site.world)[:40]:
        site.world.purge(note)
    story.choose_space(tab, "people", "People & Culture")
    story.plan(tab)
    story.start(tab)
    story.see_status(tab.page, "partial")
    tab.page.get_by_role("link", name="Look at what is held").click()
    take(tab, "held")
    story.go_to(tab.page, "Jobs")
    take(tab, "jobs")


def read(tab: Tab, site: Sandbox) -> None:
    """Look at documents, search, and the overview."""
    story.go_to(tab.page, "Documents")
    take(tab, "documents")
    tab.page.get_by_role("link", name="People & Culture").click()
    for below in tab.page.locator("summary").all()[:2]:
        below.click()
    expect(tab.page.locator(".tree .tree")).to_have_count(2)
    take(tab, "tree")
    tab.go("/search")
    story.ask(tab, "How is the merit cycle decided?", "all-staff", "hr-team", "hr-compensation")
    take(tab, "search")
    tab.page.locator(".hits a").first.click()
    take(tab, "document")
    hidden = next(
        item for item in site.world.tree.contents.values() if item.title == "Merit cycle 2027"
    )
    tab.go(f"/search/why?groups=all-staff&url={site.web_url}/pages/{hidden.id}")
    take(tab, "why")
    story.go_to(tab.page, "Overview")
    take(tab, "overview")
    tab.page.emulate_media(color_scheme="dark")
    take(tab, "overview-dark")


def take(tab: Tab, name: str) -> None:
    """Store a picture of the page at both widths."""
    for width, height in ((WIDE, 900), (NARROW, 844)):
        tab.page.set_viewport_size({"width": width, "height": height})
        picture = Image.open(io.BytesIO(tab.page.screenshot(animations="disabled")))
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(TARGET / f"{name}-{width}.png", optimize=True)
    tab.page.set_viewport_size({"width": WIDE, "height": 900})


@contextmanager
def run_stage() -> Iterator[tuple[Browser, str, Sandbox]]:
    """Run browser, service and Confluence, with a data dir that is thrown away."""
    world = make_wiki(clock=lambda: datetime.now(UTC))
    with (
        tempfile.TemporaryDirectory() as folder,
        run_sandbox_thread(world) as site,
        run_service(folder, "serve") as service,
        open_chromium() as browser,
    ):
        yield browser, service.url, site


if __name__ == "__main__":
    take_all()
