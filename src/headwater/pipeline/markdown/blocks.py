"""Rules for headings, lists, quotations and the other blocks of text."""

from collections.abc import Iterable

from headwater.pipeline.markdown.text import (
    demote_heading,
    flatten_blocks,
    is_list,
    is_paragraph,
    make_fence,
    make_paragraph,
    prefix_lines,
    wrap_emphasis,
)
from headwater.pipeline.markdown.visitor import Made, Rule, Visitor, drop
from headwater.pipeline.storage_names import AC, Element, read_text

_MAX_NUMBER = 9
"""CommonMark reads no longer list numbers."""

_CONTAINERS = (
    "r", "html", "body", "p", "div", "section", "article", "header", "footer", "main", "aside", "nav",
    "figure", "figcaption", "details", "summary", "address", "dl", "form", "fieldset", "caption",
    f"{AC}layout", f"{AC}layout-section", f"{AC}layout-cell", f"{AC}rich-text-body", f"{AC}caption",
)  # fmt: skip


def render_contents(element: Element, visitor: Visitor) -> list[str]:
    """Render what is inside and nothing of the element itself."""
    return visitor.render_blocks(element)


def make_label(label: str, title: str, blocks: list[str]) -> list[str]:
    """Return blocks after a bold label; a paragraph that comes first starts on the label's line."""
    if not blocks and not title:
        return []
    if not title and not is_paragraph(blocks[0]):
        return [f"**{label}:**", *blocks]
    if title:
        return [f"**{': '.join(filter(None, (label, title)))}**", *blocks]
    return [f"**{label}:** {blocks[0]}", *blocks[1:]]


def make_list(items: Iterable[tuple[str, list[str]]]) -> list[str]:
    """Return one list block of (marker, blocks of the item); items without blocks are left out."""
    written = [_write_item(f"{marker} ", blocks) for marker, blocks in items if blocks]
    return ["\n".join(written)] if written else []


def _write_item(marker: str, blocks: list[str]) -> str:
    text = demote_heading(blocks[0])
    for block in blocks[1:]:
        text += ("\n" if is_list(block) else "\n\n") + demote_heading(block)
    return marker + prefix_lines(text, " " * len(marker))[len(marker) :]


def _render_heading(element: Element, visitor: Visitor) -> list[str]:
    text = " ".join(visitor.render_inline(element).split())
    if text.startswith("**") and text.endswith("**") and text.count("**") == 2:  # noqa: PLR2004  (a pair)
        text = text[2:-2]
    return [f"{'#' * int(str(element.tag)[1])} {text}"] if text else []


def _render_list(element: Element, visitor: Visitor) -> list[str]:
    items = [_render_item(child, visitor) for child in element]
    loose = make_paragraph(" ".join((element.text or "", *(child.tail or "" for child in element))))
    items = [item for item in [*items, [loose] if loose else []] if item]
    first = _read_start(element) if element.tag == "ol" else None
    markers = ("-" if first is None else f"{first + place}." for place in range(len(items)))
    return make_list(zip(markers, items, strict=True))


def _render_item(child: Element, visitor: Visitor) -> list[str]:
    if child.tag == "li":
        return visitor.render_blocks(child)
    return visitor.render_child(child)


def _read_start(element: Element) -> int:
    start = element.get("start", "")
    return int(start) if start.isascii() and start.isdigit() and len(start) < _MAX_NUMBER else 1


def _render_quote(element: Element, visitor: Visitor) -> list[str]:
    blocks = [demote_heading(block) for block in visitor.render_blocks(element)]
    return [prefix_lines("\n\n".join(blocks), "> ")] if blocks else []


def _render_preformatted(element: Element, visitor: Visitor) -> list[str]:
    if next(element.iterdescendants(f"{AC}*"), None) is not None:
        return visitor.render_blocks(element)
    code = read_text(element)
    return [make_fence(code.strip("\n"))] if code.strip() else []


def _render_rule(_element: Element, _visitor: Visitor) -> list[str]:
    return ["---"]


def _render_term(element: Element, visitor: Visitor) -> list[str]:
    text = flatten_blocks(visitor.render_blocks(element))
    return [wrap_emphasis(text, "**")] if text else []


def _render_tasks(element: Element, visitor: Visitor) -> list[str]:
    tasks = list(element.iterchildren(f"{AC}task"))
    strays = visitor.render_blocks(element, skip=(f"{AC}task",))
    return [*make_list(_render_task(task, visitor) for task in tasks), *strays]


def _render_task(task: Element, visitor: Visitor) -> tuple[str, list[str]]:
    status = task.find(f"{AC}task-status")
    done = status is not None and read_text(status).strip() == "complete"
    return f"- [{'x' if done else ' '}]", visitor.render_blocks(task)


def _render_lone_task(element: Element, visitor: Visitor) -> Made:
    return make_list([_render_task(element, visitor)])


def _render_lone_item(element: Element, visitor: Visitor) -> list[str]:
    return make_list([("-", visitor.render_blocks(element))])


BLOCK_RULES: dict[str, Rule] = {
    **dict.fromkeys(_CONTAINERS, render_contents),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), _render_heading),
    **dict.fromkeys(("ul", "ol"), _render_list),
    **dict.fromkeys(("dd", f"{AC}task-body"), render_contents),
    **dict.fromkeys(("script", "style", "title", "head", "meta", "link"), drop),
    **dict.fromkeys((f"{AC}task-id", f"{AC}task-uuid", f"{AC}task-status"), drop),
    "li": _render_lone_item,
    "dt": _render_term,
    "blockquote": _render_quote,
    "pre": _render_preformatted,
    "hr": _render_rule,
    f"{AC}task-list": _render_tasks,
    f"{AC}task": _render_lone_task,
}
