"""A browser that notices what a person would not: errors in its console, requests to other hosts."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.service_process import make_token

CHROMIUM = shutil.which("chromium")
PATIENCE = 60_000.0
"""Milliseconds for anything to happen on a busy machine."""

_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

WIDE = 1280
NARROW = 390


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Run Debian's Chromium without a screen."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
        yield browser
        browser.close()


class Tab:
    """One page of a browser, at the console's address."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.troubles: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("request", lambda request: self._see(request.url))

    def _hear(self, message):
        if message.type in {"error", "warning"}:
            self.troubles.append(f"{message.type}: {message.text}")

    def _see(self, url):
        if urlsplit(url).netloc != urlsplit(self.url).netloc:
            self.troubles.append(f"asked {url}")

    def go(self, path: str) -> None:
        self.page.goto(f"{self.url}/console{path}")

    def sign_in(self, **claims) -> None:
        self.go("/sign-in")
        self.page.get_by_label("Token").fill(make_token(**claims))
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    def read_width(self) -> int:
        """Return how wide the page is, in pixels: more than the screen has, where it scrolls sideways."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def find_barriers(self) -> Sequence[str]:
        """Return what axe finds serious or critical for people with disabilities."""
        # Evaluated from outside, since the page's own policy lets no script in.
        self.page.evaluate(_AXE)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{rule['id']} at {node['target']}: {node['failureSummary']}"
            for rule in found["violations"]
            if rule["impact"] in {"serious", "critical"}
            for node in rule["nodes"]
        ]


@contextmanager
def open_tab(
    browser: Browser, url: str, *, width: int = WIDE, dark: bool = False, scripts: bool = True
) -> Iterator[Tab]:
    """Open a tab with cookies of its own; at the end it must not have seen any trouble."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    tab = Tab(context.new_page(), url)
    try:
        yield tab
    finally:
        context.close()
    assert tab.troubles == []
