"""Cleaning the Markdown and text that readers give."""

import re
from collections import Counter

_ESCAPE = re.compile(r"\\([!\"#$%&'()*+,\-./:;<=>?@\[\]^_`{|}~\\])")
_FENCE = re.compile(r"^\s{0,3}(```+|~~~+)")
_HEADING = re.compile(r"^(#{1,6})(?=\s)")
_BLANK_ROW = re.compile(r"^\s*\|(\s*\|)+\s*$")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff\ufffe\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPACES = re.compile("[\u00a0\u2007\u202f]")
_BULLETS = re.compile("[\uf0b7\uf0a7\uf0d8\uf076\uf0fc]")
_BLANK_LINES = re.compile(r"\n{3,}")
_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=\s]{64,}")
_UNDERLINE = re.compile("</?u>")
_WORD = re.compile(r"\w+")
DEEPEST_HEADING = 6


def clean_text(text: str) -> str:
    """Return text without soft hyphens, controls, odd spaces and piles of blank lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    visible = _SPACES.sub(" ", _INVISIBLE.sub("", lines))
    trimmed = "\n".join(line.rstrip() for line in _BULLETS.sub("\u2022", visible).split("\n"))
    return _BLANK_LINES.sub("\n\n", trimmed).strip("\n")


def clean_markdown(text: str) -> str:
    """Return Markdown as it reads: without escapes, blank table rows and embedded pictures.

    What stands in code stays. A bar in a cell and a number sign at a line's start stay escaped, else
    they would make another cell or a heading.
    """
    kept: list[str] = []
    fence = ""
    for line in clean_text(_UNDERLINE.sub("", _DATA_URI.sub("", text))).split("\n"):
        mark = _FENCE.match(line)
        if fence:
            kept.append(line)
            fence = "" if mark and line.strip().startswith(fence) else fence
        elif mark:
            kept.append(line)
            fence = mark.group(1)
        elif not _BLANK_ROW.match(line):
            kept.append(_unescape(line))
    return "\n".join(kept)


def _unescape(line: str) -> str:
    table = line.lstrip().startswith("|")

    def replace(match: re.Match[str]) -> str:
        sign = match.group(1)
        held = (table and sign == "|") or (sign == "#" and not line[: match.start()].strip())
        return match.group(0) if held else sign

    return _ESCAPE.sub(replace, line)


def place_below(text: str) -> str:
    """Return Markdown fit to stand below a second-level heading."""
    levels = [
        len(line) - len(line.lstrip("#")) for line in text.split("\n") if _HEADING.match(line)
    ]
    return demote_headings(text, max(0, 3 - min(levels, default=3)))


def demote_headings(text: str, levels: int) -> str:
    """Return Markdown whose headings stand ``levels`` deeper, six at most; code is left alone."""
    kept: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark:
            fence = "" if fence and line.strip().startswith(fence) else fence or mark.group(1)
        kept.append(line if fence or mark else _demote(line, levels))
    return "\n".join(kept)


def _demote(line: str, levels: int) -> str:
    match = _HEADING.match(line)
    if match is None:
        return line
    depth = min(len(match.group(1)) + levels, DEEPEST_HEADING)
    return "#" * depth + line[match.end() :]


def fence_code(text: str, language: str) -> str:
    """Return a code block; the fence is longer than any inside."""
    runs = re.findall(r"`{3,}", text)
    fence = "`" * (max(map(len, runs), default=2) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def one_line(text: str) -> str:
    """Return text fit for a heading or a table cell."""
    return " ".join(text.split())


def measure_recall(expected: str, found: str) -> float:
    """Return the share of expected words (as often as they stand there) that are found; 0 without any."""
    words, others = (Counter(_WORD.findall(text.casefold())) for text in (expected, found))
    return (words & others).total() / words.total() if words else 0.0
