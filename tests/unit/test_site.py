"""The documentation as a site: whole, with every page in it, and with nothing from another host."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]*\ssrc="(?P<src>[^"]+)"|<link[^>]*\shref="(?P<href>[^"]+)"|url\((?P<url>[^)]+)\)"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built in a process of its own; a warning ends it."""
    folder = tmp_path_factory.mktemp("site")
    ended = subprocess.run(
        [Path(sys.executable).with_name("mkdocs"), "build", "--strict", "--site-dir", folder],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return folder


def test_every_page_is_in_the_site_and_reachable_from_its_first(site):
    written = {
        path.relative_to(ROOT / "docs").with_suffix(".html") for path in ROOT.glob("docs/**/*.md")
    }
    assert {page for page in written if not (site / page).exists()} == set()
    first = (site / "index.html").read_text(encoding="utf-8")
    folders = {"tutorial", "guides", "reference", "explanation", "adr"}
    assert folders <= {str(page.parent) for page in written if f'href="{page}"' in first}


def test_no_page_loads_anything_from_another_host(site):
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    loaded = {
        (page.name, found)
        for page in pages
        for match in LOADED.finditer(page.read_text(encoding="utf-8"))
        if (found := next(filter(None, match.groups()))).startswith(("http:", "https:", "//"))
    }
    assert len(pages) > 40
    assert loaded == set()


def test_files_of_the_project_are_named_and_not_linked(site):
    text = (site / "guides" / "upgrading.html").read_text(encoding="utf-8")
    assert "<code>CHANGELOG.md</code>" in text
    assert "../../CHANGELOG.md" not in text
