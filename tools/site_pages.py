"""The site's navigation, from the pages that are there: a page that is added is in it by itself.

MkDocs calls the functions that begin with ``on_``. Pages that are named here come first and in this order; the rest of their
folder follows by name. Titles are the pages' own headings.
"""

import posixpath
import re
from pathlib import Path
from typing import Any, Final

SECTIONS: Final[dict[str, tuple[str, list[str]]]] = {
    "Tutorial": ("tutorial", []),
    "Guides": (
        "guides",
        [
            "cloud.md",
            "scoped-tokens.md",
            "data-center.md",
            "what-comes-in.md",
            "access.md",
            "blacklists.md",
            "scheduling.md",
            "ocr.md",
            "console.md",
            "python-client.md",
            "mcp.md",
            "operations.md",
        ],
    ),
    "Reference": ("reference", ["settings.md", "cli.md", "api.md", "errors.md", "metrics.md"]),
    "Explanation": ("explanation", ["how-sync-decides.md", "how-access-works.md"]),
    "Decisions": ("adr", []),
}
"""By title: a folder, and which of its pages come first."""

LINK: Final = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<path>\.\.?/[^)#]+)(#[^)]*)?\)")

ABOUT: Final = ["architecture.md", "security.md", "glossary.md"]
"""Pages beside the folders, under Explanation."""


def make_nav(docs: Path) -> list[Any]:
    """Return the navigation of a folder of pages."""
    nav: list[Any] = [{"Headwater": "index.md"}]
    for title, (folder, first) in SECTIONS.items():
        pages = list_pages(docs / folder, first)
        about = ABOUT if title == "Explanation" else []
        if pages or about:
            nav.append({title: [*(f"{folder}/{name}" for name in pages), *about]})
    return nav


def list_pages(folder: Path, first: list[str]) -> list[str]:
    """Return a folder's pages, those that come first in their order."""
    found = sorted(path.name for path in folder.glob("*.md"))
    return [*(name for name in first if name in found), *(n for n in found if n not in first)]


def on_config(config: Any) -> Any:
    """Put the navigation into the site's configuration (MkDocs calls it)."""
    config.nav = make_nav(Path(config.docs_dir))
    return config


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Name files of the project where a page links to them: the site holds pages only."""
    folder = posixpath.dirname(page.file.src_uri)

    def name_file(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", folder, link["path"]))
        return link[0] if path.startswith("docs/") else f"{link['text']} (`{path}`)"

    return LINK.sub(name_file, markdown)
