"""Markdown cut at its headings, and sections cut into blocks. Fences are never mistaken for either."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(
    r"(?P<lead>[\s>]*(?:(?:[-*+] |\d{1,9}[.)] ) *)*)(?P<mark>`{3,}(?=[^`]*$)|~{3,})"
)
_HEADING = re.compile(r" {0,3}(?P<level>#{1,6})(?:[ \t]+(?P<text>.*?))?(?:[ \t]+#+)?[ \t]*")
_MAX_HEADING = 300
"""Characters; a longer line is text, whatever it begins with, and must not sit in every path below."""

_MARKS = re.compile(r"\*\*|~~|`")
_LINK = re.compile(r"!?\[(?P<text>[^\[\]]*)\]\((?:<[^<>]*>|[^()\s]*)\)")


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading. ``heading`` is its own line as written; empty before the first."""

    path: tuple[str, ...]
    heading: str
    body: str


class FenceTracker:
    """Follows code fences line by line."""

    def __init__(self) -> None:
        self._open = ""

    @property
    def open_mark(self) -> str:
        """The marks of the fence that is open, which close it on a line of their own; else nothing."""
        return self._open

    def is_code(self, line: str) -> bool:
        """Tell whether a line is a fence or inside one; call it once for every line, in order."""
        match = _FENCE.match(line)
        if self._open:
            if match and self._closes(line, match["mark"]):
                self._open = ""
            return True
        self._open = match["mark"] if match else ""
        return match is not None

    def _closes(self, line: str, mark: str) -> bool:
        return mark.startswith(self._open) and line.strip("> \t") == mark


def split_sections(markdown: str) -> list[Section]:
    """Return a document's sections in order; together they hold every line of it."""
    sections: list[Section] = []
    open_headings: list[tuple[int, str]] = []
    heading, lines, fences = "", [], FenceTracker()
    for line in markdown.split("\n"):
        match = None if fences.is_code(line) else _match_heading(line)
        if match is None:
            lines.append(line)
            continue
        sections.append(_make_section(open_headings, heading, lines))
        level = len(match["level"])
        open_headings = [item for item in open_headings if item[0] < level]
        open_headings.append((level, _read_heading(match["text"] or "")))
        heading, lines = line.strip(), []
    sections.append(_make_section(open_headings, heading, lines))
    return [section for section in sections if section.heading or section.body]


def _match_heading(line: str) -> re.Match[str] | None:
    return _HEADING.fullmatch(line) if len(line) <= _MAX_HEADING else None


def _make_section(headings: list[tuple[int, str]], heading: str, lines: list[str]) -> Section:
    path = tuple(text for _, text in headings if text)
    return Section(path, heading, "\n".join(lines).strip("\n").rstrip())


def _read_heading(text: str) -> str:
    """Return a heading's text without marks of emphasis, code and links."""
    return " ".join(_MARKS.sub("", _LINK.sub(lambda link: link["text"], text)).split())


def split_blocks(text: str) -> Iterator[str]:
    """Yield the blocks of a section: what blank lines outside of fences separate."""
    lines: list[str] = []
    fences = FenceTracker()
    for line in text.split("\n"):
        if fences.is_code(line) or line.strip():
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def is_fenced(block: str) -> bool:
    """Tell whether a block begins with a code fence."""
    return _FENCE.match(block.partition("\n")[0]) is not None


def read_fence(line: str) -> tuple[str, str]:
    """Return what stands before a fence on its line, and its marks."""
    match = _FENCE.match(line)
    return (match["lead"], match["mark"]) if match else ("", "")
