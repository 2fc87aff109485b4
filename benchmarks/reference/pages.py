"""Pages in storage format with the Markdown that somebody else made of them, and how much of it we have.

They lie beside the repository, under ``../shared/data``, and are no part of it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Final

REFERENCE: Final = Path(__file__).parents[2] / "../shared/data/storage"

REAL: Final = "querypie"
"""Pages of a real Confluence Cloud; the other sources are converters' test documents."""

_SPACES: Final = {
    "space-18f-handbook": ("storage.pages.jsonl", "storage", "pages"),
    "space-querypie": ("storage-en.pages.jsonl", "storage-en", "en"),
}
"""Whole spaces that a converter wrote from Markdown: list of pages, folder of bodies, folder of Markdown."""

_SUFFIXES: Final = frozenset({".xhtml", ".xml", ".conf", ".html", ".txt"})
_VARIANT: Final = re.compile(r"-(?:stripnewlines|droph1)$")

_FRONT_MATTER: Final = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_IMPORT: Final = re.compile(r"^(?:import|export) .*$", re.MULTILINE)
_IMAGE: Final = re.compile(r"<img\b[^<>]*/?>")
_TITLE: Final = re.compile(r"\A\s*# .*\n")
_NOTATION: Final = re.compile(
    r"```confluence-block\n.*?\n```|`\{cf:[^`]*\}`|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL
)
"""What one converter notes to put back when it writes the page again, and a site generator's tags."""

_COMMENT: Final = re.compile(r"<!--.*?-->|\{/\*.*?\*/\}", re.DOTALL)
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]*>")
_SPAN: Final = re.compile(r"(```+)(?:.*?)\1|(?<!`)(`+)(?!`)(?:.+?)(?<!`)\2(?!`)", re.DOTALL)
_DESTINATION: Final = re.compile(
    r"\]\((?:<[^<>]*>|[^()\s]*(?:\([^()]*\)[^()\s]*)*)(?: \"[^\"]*\")?\)"
)
_ADDRESS: Final = re.compile(r"\b(?:https?://|mailto:|www\.)[^\s<>()\"|]+")
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Pair:
    """A page, and its words by another hand."""

    source: str
    path: Path
    body: str
    expected: str
    """Without front matter, imports and the page's title."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Words that we have of those expected, and how many of ours were."""

    expected: int
    found: int
    shared: int

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(
            self.expected + other.expected, self.found + other.found, self.shared + other.shared
        )

    @property
    def recall(self) -> float:
        """The share of the expected words that are there."""
        return self.shared / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """The share of the words there that were expected."""
        return self.shared / self.found if self.found else 1.0


def compare(expected: str, found: str) -> Agreement:
    """Count words, each as often as it stands there."""
    wanted, there = count_words(expected), count_words(found)
    return Agreement(wanted.total(), there.total(), (wanted & there).total())


def count_words(markdown: str) -> Counter[str]:
    """Return a document's words; no numbers, no addresses, no tags outside of code."""
    text = _IMAGE.sub(" ", _NOTATION.sub(" ", markdown))
    bare = _ADDRESS.sub(" ", _DESTINATION.sub("] ", _strip_tags(text)))
    words = _WORD.findall(unescape(bare).replace("_", " ").casefold())
    return Counter(word for word in words if not word.isdigit())


def _strip_tags(text: str) -> str:
    parts, end = [], 0
    for span in _SPAN.finditer(text):
        parts += [_TAG.sub(" ", _COMMENT.sub(" ", text[end : span.start()])), span[0]]
        end = span.end()
    return "".join([*parts, _TAG.sub(" ", _COMMENT.sub(" ", text[end:]))])


def list_pairs(folder: Path = REFERENCE) -> list[Pair]:
    """Return every page that has its expected Markdown beside it; none where the data is absent."""
    return [
        _make_pair(body.relative_to(folder).parts[0], body, markdown)
        for body, markdown in sorted(_match_files(folder))
    ]


def list_space_pairs(folder: Path = REFERENCE.parent) -> Iterator[Pair]:
    """Yield the pages of whole spaces beside the Markdown that they were written from."""
    for name, (listing, bodies, markdown) in _SPACES.items():
        space = folder / name
        for row in _read_lines(space / listing):
            if row["markdown"] and row["storage"]:
                body = space / bodies / row["storage"]
                yield _make_pair(name, body, space / markdown / row["markdown"])


def _read_lines(path: Path) -> list[dict[str, str]]:
    lines = path.read_text("utf-8").split("\n") if path.is_file() else []
    return [json.loads(line) for line in lines if line]


def _make_pair(source: str, body: Path, markdown: Path) -> Pair:
    expected = _IMPORT.sub("", _FRONT_MATTER.sub("", markdown.read_text("utf-8")))
    if source == REAL:  # the first heading is the page's title, which is not in its body
        expected = _TITLE.sub("", expected)
    return Pair(source, body, body.read_text("utf-8"), expected)


def _match_files(folder: Path) -> Iterator[tuple[Path, Path]]:
    for body in folder.glob("**/*"):
        if body.suffix in _SUFFIXES:
            for markdown in _name_expected(body):
                if markdown.is_file():
                    yield body, markdown
                    break


def _name_expected(body: Path) -> Iterator[Path]:
    stem = _VARIANT.sub("", body.stem)
    if body.name == "page.xhtml":
        yield body.with_name("original.mdx")
    if body.name == "input.xml":
        yield body.with_name("expected.md")
    yield body.with_name(f"{body.stem}.expected.md")
    for place, counterpart in (("target", "source"), ("expected", "input")):
        if place in body.parts:
            inside = [counterpart if part == place else part for part in body.parts]
            yield Path(*inside).with_name(f"{stem}.md")
    yield body.with_name(f"{stem}.md")


def list_bodies(folder: Path = REFERENCE) -> Iterator[tuple[str, str]]:
    """Yield every body there is, pairs or not, under the name of its source."""
    for path in sorted(folder.glob("**/*")):
        if path.suffix in _SUFFIXES:
            yield path.relative_to(folder).parts[0], path.read_text("utf-8", errors="replace")
    for row in _read_lines(folder / "fragments.jsonl"):
        yield "fragments", row["storage"]
