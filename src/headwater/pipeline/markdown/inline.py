"""Rules for what flows inside a paragraph."""

import re
from collections.abc import Callable

from headwater.pipeline.markdown.text import make_code_span, normalise_space, wrap_emphasis
from headwater.pipeline.markdown.visitor import Made, Rule, Visitor, drop, holds_blocks
from headwater.pipeline.storage_names import AC, Element, read_text

EMOTICONS = {
    "smile": "🙂",
    "sad": "🙁",
    "cheeky": "😛",
    "laugh": "😀",
    "wink": "😉",
    "thumbs-up": "👍",
    "thumbs-down": "👎",
    "information": "ℹ️",  # noqa: RUF001  (the emoticon's own character)
    "tick": "✅",
    "cross": "❌",
    "warning": "⚠️",
    "plus": "➕",  # noqa: RUF001  (the emoticon's own character)
    "minus": "➖",  # noqa: RUF001  (the emoticon's own character)
    "question": "❓",
    "light-on": "💡",
    "light-off": "💡",
    "yellow-star": "⭐",
    "red-star": "⭐",
    "green-star": "⭐",
    "blue-star": "⭐",
    "heart": "❤️",
    "broken-heart": "💔",
}
"""Confluence's old emoticons by ``ac:name``; newer ones bring their character along."""

_SHORT_NAME = re.compile(r":[\w+-]+:")
_TRANSPARENT = (
    "u", "ins", "span", "sub", "sup", "small", "big", "mark", "font", "abbr", "cite", "q", "dfn", "label",
    "bdi", "bdo", "center", "nobr", "wbr",
    f"{AC}inline-comment-marker",
)  # fmt: skip


def _emphasise(mark: str) -> Rule:
    def render(element: Element, visitor: Visitor) -> Made:
        if holds_blocks(element):
            return visitor.render_blocks(element)
        return wrap_emphasis(visitor.render_inline(element), mark)

    return render


def _render_transparent(element: Element, visitor: Visitor) -> Made:
    return visitor.render_mixed(element)


def _render_code(element: Element, visitor: Visitor) -> Made:
    if holds_blocks(element):
        return visitor.render_blocks(element)
    if len(element) > 0 and next(element.iterdescendants(f"{AC}*", "a", "time"), None) is not None:
        return visitor.render_inline(element)
    return make_code_span(normalise_space(read_text(element)))


def _render_time(element: Element, visitor: Visitor) -> str:
    written = visitor.render_inline(element)
    return written if written.strip() else normalise_space(element.get("datetime", ""))


def _render_emoticon(element: Element, _visitor: Visitor) -> str:
    fallback = element.get(f"{AC}emoji-fallback", "")
    if fallback and not _SHORT_NAME.fullmatch(fallback):
        return fallback
    name = element.get(f"{AC}name", "")
    known = EMOTICONS.get(name)
    return (
        known
        or fallback
        or element.get(f"{AC}emoji-shortname", "")
        or (f":{name}:" if name else "")
    )


def _render_formula(element: Element, _visitor: Visitor) -> str:
    """Render MathML by the TeX it was made from, where that came along."""
    sources = (child for child in element.iter() if str(child.tag).endswith("}annotation"))
    source = next(sources, None)
    return make_code_span(normalise_space(read_text(element if source is None else source)).strip())


def _constant(text: str) -> Callable[[Element, Visitor], str]:
    def render(_element: Element, _visitor: Visitor) -> str:
        return text

    return render


INLINE_RULES: dict[str, Rule] = {
    **dict.fromkeys(("strong", "b"), _emphasise("**")),
    **dict.fromkeys(("em", "i"), _emphasise("*")),
    **dict.fromkeys(("s", "del", "strike"), _emphasise("~~")),
    **dict.fromkeys(("code", "tt", "kbd", "samp", "var"), _render_code),
    **dict.fromkeys(_TRANSPARENT, _render_transparent),
    "br": _constant("\n"),
    "math": _render_formula,
    "time": _render_time,
    f"{AC}emoticon": _render_emoticon,
    f"{AC}placeholder": drop,
}
