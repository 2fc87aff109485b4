"""The walk over a page's tree. It knows how text flows into paragraphs, and no construct by name."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping

from headwater.pipeline.markdown.text import flatten_blocks, make_paragraph, normalise_space
from headwater.pipeline.storage_names import AC, RI, Element

MAX_DEPTH = 100
"""Elements inside one another; a page edited by people stays below 40. Four Python frames each."""

MAX_LOSS_NAMES = 100
MAX_NAME_LENGTH = 60

_BLOCK_TAGS = (
    "p", "div", "ul", "ol", "dl", "table", "pre", "blockquote", "hr",
    "h1", "h2", "h3", "h4", "h5", "h6",
    f"{AC}rich-text-body", f"{AC}plain-text-body", f"{AC}task-list", f"{AC}layout", f"{AC}adf-extension",
)  # fmt: skip

_APART = frozenset({f"{AC}structured-macro", f"{AC}macro", f"{AC}link", "time"})
"""What Confluence shows as a thing of its own: a status, a person, a date. No part of a word beside it."""

Made = str | list[str]
"""What a rule returns: text that flows on, or blocks that stand by themselves."""


class Visitor:
    """Renders one page by a table of rules, and counts what is lost on the way."""

    def __init__(self, rules: Mapping[str, "Rule"]) -> None:
        self._rules = rules
        self._depth = 0
        self.losses: Counter[str] = Counter()

    def lose(self, name: str, times: int = 1) -> None:
        """Count a construct that is not rendered in full."""
        if times < 1:
            return
        short = normalise_space(name).strip()[:MAX_NAME_LENGTH] or "unnamed"
        known = short in self.losses or len(self.losses) < MAX_LOSS_NAMES
        self.losses[short if known else "other"] += times

    def render_blocks(self, element: Element, *, skip: Collection[str] = ()) -> list[str]:
        """Return what is inside an element as Markdown blocks, in reading order.

        Children named in ``skip`` are left out: whoever asks renders them.
        """
        if self._depth >= MAX_DEPTH:
            return self._give_up(element)
        self._depth += 1
        flow = _Flow()
        flow.add_text(element.text)
        for child in element:
            if child.tag not in skip:
                flow.add(self._render(child), stands_apart=child.tag in _APART)
            flow.add_text(child.tail)
        self._depth -= 1
        return flow.end()

    def render_inline(self, element: Element) -> str:
        """Return what is inside an element as one run of text; blocks in it are flattened."""
        if self._depth >= MAX_DEPTH:
            return " ".join(self._give_up(element))
        self._depth += 1
        run = _Run()
        run.add(normalise_space(element.text or ""))
        for child in element:
            made = self._render(child)
            text = made if isinstance(made, str) else f" {flatten_blocks(made)} "
            run.add(text, stands_apart=child.tag in _APART)
            run.add(normalise_space(child.tail or ""))
        self._depth -= 1
        return run.end()

    def render_mixed(self, element: Element) -> Made:
        """Return what is inside an element as text if it all flows, else as blocks."""
        if holds_blocks(element):
            return self.render_blocks(element)
        return self.render_inline(element)

    def render_child(self, element: Element) -> list[str]:
        """Return one element by its own rule, as blocks."""
        flow = _Flow()
        flow.add(self._render(element))
        return flow.end()

    def _render(self, element: Element) -> Made:
        tag = str(element.tag)
        rule = self._rules.get(tag) or self._rules.get(_plain_name(tag))
        return rule(element, self) if rule else self._render_unknown(element)

    def _render_unknown(self, element: Element) -> Made:
        self.lose(_plain_name(str(element.tag)))
        return self.render_mixed(element)

    def _give_up(self, element: Element) -> list[str]:
        self.lose("nested-too-deep")
        text = make_paragraph(normalise_space(" ".join(map(str, element.itertext()))))
        return [text] if text else []


Rule = Callable[[Element, Visitor], Made]


def holds_blocks(element: Element) -> bool:
    """Tell whether something below an element cannot stand inside a paragraph."""
    return len(element) > 0 and next(element.iterdescendants(*_BLOCK_TAGS), None) is not None


def drop(_element: Element, _visitor: Visitor) -> str:
    """Render nothing: the rule for what says nothing."""
    return ""


def _plain_name(tag: str) -> str:
    """Return ``ac:x``, ``ri:x``, or the bare name of an element in any other namespace."""
    for namespace, prefix in ((AC, "ac:"), (RI, "ri:")):
        if tag.startswith(namespace):
            return prefix + tag.removeprefix(namespace)
    return tag.rpartition("}")[2]


class _Run:
    """Inline text in the making."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open_end = False

    def add(self, text: str, *, stands_apart: bool = False) -> None:
        """Add text; what stands apart gets a blank where it would join a word."""
        if not text:
            return
        is_joint = bool(self._parts) and (stands_apart or self._open_end)
        if is_joint and self._parts[-1][-1].isalnum() and (text[0].isalnum() or text[0] == "@"):
            self._parts.append(" ")
        self._parts.append(text)
        self._open_end = stands_apart

    def end(self) -> str:
        if not self._parts:
            return ""
        text = "".join(self._parts)
        self._parts.clear()
        self._open_end = False
        return text


class _Flow:
    """Blocks in the making: text runs on until a block or the end closes the paragraph."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._run = _Run()

    def add_text(self, text: str | None) -> None:
        if text:
            self._run.add(normalise_space(text))

    def add(self, made: Made, *, stands_apart: bool = False) -> None:
        if isinstance(made, str):
            self._run.add(made, stands_apart=stands_apart)
        else:
            self._close_paragraph()
            self._blocks.extend(made)

    def end(self) -> list[str]:
        self._close_paragraph()
        return self._blocks

    def _close_paragraph(self) -> None:
        text = self._run.end()
        if text and not text.isspace():
            self._blocks.append(make_paragraph(text))
