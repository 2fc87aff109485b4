"""Pieces of Markdown: what every rule needs to write, and nothing about Confluence."""

import re
from collections.abc import Iterable

_SPACE = re.compile(r"[\s\xa0\u2000-\u200a\u202f\u205f\u3000]+")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")
_BREAK = re.compile(r" *\n[ \n]*")
_SPACES = re.compile(r" {2,}")
_STRUCTURAL_START = re.compile(
    r"^(?:(?P<number>\d{1,9})(?=[.)](?:\s|$))"
    r"|(?=#{1,6}(?:\s|$)|[-+*](?:\s|$)|>|\||`{3,}[^`\n]*$|~{3,}|=+$|--+$|(?:\*\s*){3,}$))",
    re.MULTILINE,
)
_HEADING = re.compile(r"#{1,6} (.*)")
_BACKTICKS = re.compile(r"`+")
_BLOCK_START = re.compile(r"#{1,6} |[>|]|- |\d{1,9}\. |`{3,}[^`\n]*(?:\n|$)|---$")
_LIST_START = re.compile(r"- |\d{1,9}\. ")
_FENCE = re.compile(r"[\s>]*(?:(?:- |\d+\. ) *)*(`{3,}|~{3,})")
_QUOTE_OR_INDENT = re.compile(r"^(?:\s*> ?)*\s*")
_DELIMITER_ROW = re.compile(r"\|(?: ?:?-+:? ?\|)+")
_UNSAFE_SCHEME = re.compile(r"\s*(?:javascript|vbscript|data|file):", re.IGNORECASE)
_OPEN_PIPE = re.compile(r"(?<!\\)\|")


def normalise_space(text: str) -> str:
    """Return text with every run of white space as one blank, and without invisible characters."""
    return _SPACE.sub(" ", _INVISIBLE.sub("", text))


def make_paragraph(run: str) -> str:
    """Return a run of inline text as a paragraph: tidy, and with no line that reads as structure."""
    tidy = _SPACES.sub(" ", _BREAK.sub("\n", run)).strip()
    return _STRUCTURAL_START.sub(_escape_start, tidy)


def _escape_start(match: re.Match[str]) -> str:
    return f"{match['number'] or ''}\\"


def wrap_emphasis(text: str, mark: str) -> str:
    """Return text between marks, its outer blanks outside of them; blank text gets none."""
    core = text.strip()
    if not core or (core.startswith(mark) and core.endswith(mark)):
        return text
    start = text.index(core)
    return f"{text[:start]}{mark}{core}{mark}{text[start + len(core) :]}"


def make_code_span(text: str) -> str:
    """Return text as inline code; the marks grow where the text holds some."""
    core = text.replace("\n", " ")
    if not core.strip():
        return core
    mark = "`" * (_longest_run(core) + 1 if "`" in core else 1)
    pad = " " if core[0] == "`" or core[-1] == "`" else ""
    return f"{mark}{pad}{core}{pad}{mark}"


def make_fence(code: str, language: str = "") -> str:
    """Return code, byte for byte, between fences longer than any run of backticks in it."""
    fence = "`" * max(3, _longest_run(code) + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)


def make_link(text: str, destination: str) -> str:
    """Return a link; just the text where the destination says no more, or is none to follow."""
    target = normalise_space(destination).strip()
    if not target or _UNSAFE_SCHEME.match(target):
        return text
    if text.strip() in {"", target}:
        return target
    return f"[{text.strip()}]({_quote_destination(target)})"


def make_image(label: str, destination: str) -> str:
    """Return an image; its label alone where there is no file to name."""
    target = normalise_space(destination).strip()
    if not target or _UNSAFE_SCHEME.match(target):
        return label
    return f"![{label}]({_quote_destination(target)})"


def escape_brackets(text: str) -> str:
    """Return plain text as it may stand between square brackets."""
    return text.replace("[", "\\[").replace("]", "\\]")


def _quote_destination(target: str) -> str:
    if not any(character in target for character in " ()<>"):
        return target
    return f"<{target.replace('<', '%3C').replace('>', '%3E')}>"


def is_paragraph(block: str) -> bool:
    """Tell a paragraph from a heading, list, table, quotation, rule or fence."""
    return _BLOCK_START.match(block) is None


def is_list(block: str) -> bool:
    """Tell whether a block is a list."""
    return _LIST_START.match(block) is not None


def demote_heading(block: str) -> str:
    """Return a heading as a bold line, for where a heading cannot stand; other blocks as they are."""
    heading = _HEADING.fullmatch(block)
    return wrap_emphasis(heading[1], "**") if heading else block


def prefix_lines(block: str, prefix: str) -> str:
    """Return a block with the prefix before each line; blank lines get no trailing blank."""
    return "\n".join((prefix + line) if line else prefix.rstrip() for line in block.split("\n"))


def escape_cell(text: str) -> str:
    """Return one line of Markdown as it may stand in a table cell."""
    return _OPEN_PIPE.sub(r"\\|", text)


def flatten_blocks(blocks: Iterable[str]) -> str:
    """Return blocks as one line that can still be read: for table cells, headings and links."""
    pieces: list[str] = []
    fence = ""
    for line in "\n".join(blocks).split("\n"):
        mark = _FENCE.match(line)
        if fence:
            closes = (
                mark is not None and line.strip("> \t") == mark[1] and mark[1].startswith(fence)
            )
            pieces.append("" if closes else make_code_span(line.strip()))
            fence = "" if closes else fence
        elif mark:
            fence = mark[1]
        else:
            pieces.append(_flatten_line(line))
    return _SPACES.sub(" ", " ".join(piece for piece in pieces if piece)).strip()


def _flatten_line(line: str) -> str:
    bare = _QUOTE_OR_INDENT.sub("", line)
    if bare.startswith("|"):
        return "" if _DELIMITER_ROW.fullmatch(bare) else _flatten_row(bare)
    if bare.startswith("- "):
        return bare[2:] if bare.startswith("- [") else f"• {bare[2:]}"
    return demote_heading(bare)


def _flatten_row(row: str) -> str:
    cells = (cell.strip() for cell in _OPEN_PIPE.split(row.strip("| ")))
    return ", ".join(cell for cell in cells if cell) + ";"
