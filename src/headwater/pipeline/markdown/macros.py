"""The macros we know: name to small function, all in ``MACROS``.

To teach the conversion a macro, write a function of it and add it there; text flows in the
paragraph, a list stands by itself. Whatever is not in the table keeps its bodies' text, or else what
its parameters say, and is counted as a loss under its own name.
"""

import re
from collections.abc import Callable

from headwater.pipeline.markdown.blocks import make_label
from headwater.pipeline.markdown.drawings import render_name, render_roadmap, render_source
from headwater.pipeline.markdown.links import find_target, render_reference
from headwater.pipeline.markdown.macro import Macro
from headwater.pipeline.markdown.text import (
    escape_brackets,
    make_code_span,
    make_fence,
    make_link,
    make_paragraph,
    normalise_space,
)
from headwater.pipeline.markdown.visitor import Made, Rule, Visitor
from headwater.pipeline.sections import FenceTracker, split_blocks
from headwater.pipeline.storage_format import strip_tags
from headwater.pipeline.storage_names import AC, Element, read_text

MacroRule = Callable[[Macro, Visitor], Made]

_LANGUAGE = re.compile(r"(?!none$)[\w+#.-]{1,30}")
_SILENT_PARAMETER = re.compile(
    r".*(?:id|uuid|colou?r|width|height|size|align|layout|style|class|icon|type|sort|order|hash|key"
    r"|revision|version|theme|border|breakout\w*|output)$",
    re.IGNORECASE,
)
_SILENT_VALUE = re.compile(r"(?:true|false|none|[\W\d_]*|[0-9a-f-]{32,36}|\S{120,})", re.IGNORECASE)


def _render_code(macro: Macro, visitor: Visitor) -> list[str]:
    language = _LANGUAGE.fullmatch(macro.read_parameter("language", "").lower())
    return _titled_fence(macro, visitor, language[0] if language else "")


def _render_noformat(macro: Macro, visitor: Visitor) -> list[str]:
    return _titled_fence(macro, visitor, "")


def _diagram_source(language: str) -> MacroRule:
    def render(macro: Macro, visitor: Visitor) -> list[str]:
        return render_source(macro, visitor, language)

    return render


def _render_markdown(macro: Macro, visitor: Visitor) -> list[str]:
    return [*_list_blocks(macro.read_plain_body()), *macro.render_besides(visitor)]


def _list_blocks(markdown: str) -> list[str]:
    """Return Markdown's own blocks; a fence left open is closed, or it would swallow the rest of the page."""
    fences = FenceTracker()
    for line in markdown.split("\n"):
        fences.is_code(line)
    return list(split_blocks(f"{markdown}\n{fences.open_mark}"))


def _render_html(macro: Macro, visitor: Visitor) -> list[str]:
    """Keep the words of HTML that runs in the reader's browser: what it shows there, nobody knows here."""
    visitor.lose(macro.name)
    text = make_paragraph(normalise_space(strip_tags(macro.read_plain_body())))
    return [*([text] if text else []), *macro.render_besides(visitor)]


def _titled_fence(macro: Macro, visitor: Visitor, language: str) -> list[str]:
    title = make_paragraph(macro.read_parameter("title"))
    code = macro.read_plain_body()
    fence = [make_fence(code, language)] if code.strip() else []
    return [*([f"**{title}**"] if title else []), *fence, *macro.render_besides(visitor)]


def _panel(label: str) -> MacroRule:
    def render(macro: Macro, visitor: Visitor) -> list[str]:
        return make_label(label, macro.read_parameter("title"), macro.render_body(visitor))

    return render


def _render_titled(macro: Macro, visitor: Visitor) -> list[str]:
    title = make_paragraph(macro.read_parameter("title", "label", "tabTitle", "name", ""))
    body = macro.render_body(visitor)
    return [f"**{title}**", *body] if title else body


def _render_body(macro: Macro, visitor: Visitor) -> list[str]:
    return macro.render_body(visitor)


def _render_status(macro: Macro, visitor: Visitor) -> Made:
    return _with_body(
        macro, visitor, macro.read_parameter("title") or macro.read_parameter("colour")
    )


def _drop(macro: Macro, visitor: Visitor) -> Made:
    return _with_body(macro, visitor, "")


def _drop_generated(macro: Macro, visitor: Visitor) -> Made:
    """Drop a macro whose text Confluence makes from other content: indexed there, lost here."""
    visitor.lose(macro.name)
    return _with_body(macro, visitor, "")


def _render_source_page(macro: Macro, visitor: Visitor) -> Made:
    """Name the page whose text the macro shows; its text carries that page's own access."""
    visitor.lose(macro.name)
    source = macro.find_parameter("", "page", "pageTitle", "name")
    if source is None:
        return _with_body(macro, visitor, "")
    reference = render_reference(source) or read_text(source).strip()
    return _with_body(macro, visitor, f"→ {reference}" if reference else "")


def _render_button(macro: Macro, visitor: Visitor) -> Made:
    return _with_body(macro, visitor, macro.read_parameter("buttonLabel", "createButtonLabel"))


def _render_file(macro: Macro, visitor: Visitor) -> Made:
    name = macro.read_parameter("name", "filename", "file", "")
    return _with_body(macro, visitor, make_link(name, name))


def _render_diagram(macro: Macro, visitor: Visitor) -> Made:
    return [*render_name(macro, visitor), *macro.render_body(visitor)]


def _render_jira(macro: Macro, visitor: Visitor) -> Made:
    key = macro.read_parameter("key", "issueKey")
    if key:
        return _with_body(macro, visitor, key)
    visitor.lose(macro.name)
    return _with_body(macro, visitor, macro.read_parameter("jqlQuery", "jql", "url", ""))


def _render_address(macro: Macro, visitor: Visitor) -> Made:
    address = macro.read_parameter("url", "src", "")
    return _with_body(macro, visitor, make_link("", address))


def _render_person(macro: Macro, visitor: Visitor) -> Made:
    holder = macro.find_parameter("user", "User", "")
    target = None if holder is None else find_target(holder)
    written = macro.read_parameter("user", "User", "")
    label = target.label if target else written and f"@{written}"
    return _with_body(macro, visitor, escape_brackets(label))


def _render_formula(macro: Macro, visitor: Visitor) -> Made:
    formula = macro.read_plain_body().strip() or macro.read_parameter("body", "equation", "")
    rest = macro.render_besides(visitor)
    text = make_code_span(formula)
    return [make_paragraph(text), *rest] if rest else text


def _with_body(macro: Macro, visitor: Visitor, text: str) -> Made:
    """Return text, before the macro's body should it have one against all expectation."""
    if all(child.tag == f"{AC}parameter" for child in macro.element):
        return text
    body = macro.render_body(visitor)
    return [*([make_paragraph(text)] if text else []), *body] if body else text


def _render_unknown(macro: Macro, visitor: Visitor) -> Made:
    visitor.lose(macro.name or "macro")
    title = macro.read_parameter("title")
    code = macro.read_plain_body()
    rich = macro.render_besides(visitor) if code.strip() else macro.render_body(visitor)
    body = [*([make_fence(code)] if code.strip() else []), *rich]
    if body:
        return [*([make_paragraph(f"**{title}**")] if title else []), *body]
    return ", ".join(_read_telling_parameters(macro))


def _read_telling_parameters(macro: Macro) -> list[str]:
    return [
        value
        for name, value in macro.list_parameters()
        if value and not _SILENT_PARAMETER.fullmatch(name) and not _SILENT_VALUE.fullmatch(value)
    ]


MACROS: dict[str, MacroRule] = {
    "code": _render_code,
    "noformat": _render_noformat,
    **dict.fromkeys(("mermaid", "mermaid-cloud", "mermaid-macro"), _diagram_source("mermaid")),
    **dict.fromkeys(("plantuml", "plantumlcloud", "plantumlrender"), _diagram_source("plantuml")),
    **dict.fromkeys(("graphviz", "graphviz-dot"), _diagram_source("dot")),
    **dict.fromkeys(("markdown", "markdown-macro"), _render_markdown),
    **dict.fromkeys(("html", "html-bobswift"), _render_html),
    "info": _panel("Info"),
    "note": _panel("Note"),
    "tip": _panel("Tip"),
    "warning": _panel("Warning"),
    **dict.fromkeys(
        (
            "panel", "expand", "ui-expand", "ui-tab", "tab", "tab-pane", "card", "auitabspage",
            "horizontal-nav-item", "chart", "bodied-panel",
        ),
        _render_titled,
    ),
    **dict.fromkeys(
        (
            "section", "column", "excerpt", "details", "multiexcerpt", "multiexcerpt-macro", "shared-block",
            "ui-tabs", "tabs", "tabs-group", "deck", "auitabs", "horizontal-nav-group", "ui-text-box",
            "table-filter", "table-excerpt", "table-transformer", "pivot-table", "table-chart", "numberedheadings",
            "center", "div", "span", "bgcolor", "noprint", "scroll-ignore", "scroll-only", "scroll-title",
        ),
        _render_body,
    ),
    **dict.fromkeys(("status", "status-handy"), _render_status),
    **dict.fromkeys(("toc", "toc-zone", "anchor", "livesearch", "pagetreesearch", "search"), _drop),
    **dict.fromkeys(("favpages", "style", "css", "pagebreak", "scroll-pagebreak", "floatmenu"), _drop),
    **dict.fromkeys(("create-from-template", "create-space-button"), _render_button),
    **dict.fromkeys(
        (
            "children", "pagetree", "content-tree", "recently-updated", "recently-used", "contentbylabel",
            "detailssummary", "excerpt-collection", "blog-posts", "attachments", "gallery", "space-list",
            "spaces-list", "space-attachments", "tasks-report-macro", "content-report-table",
            "contributors", "contributors-summary", "change-history", "labels-list", "popular-labels",
            "related-labels", "listlabels", "recently-updated-dashboard", "network", "index", "rss",
            "roadmap-jira", "jiraroadmap", "jirachart", "gadget", "userlister", "spacecontributors", "im",
            "calendar", "team-calendars",
        ),
        _drop_generated,
    ),
    **dict.fromkeys(
        (
            "include", "excerpt-include", "multiexcerpt-include", "multiexcerpt-include-macro",
            "include-shared-block", "table-excerpt-include",
        ),
        _render_source_page,
    ),
    **dict.fromkeys(("view-file", "viewpdf", "viewdoc", "viewxls", "viewppt", "multimedia"), _render_file),
    **dict.fromkeys(("drawio", "drawio-sketch", "inc-drawio", "gliffy", "lucidchart", "balsamiq"), _render_diagram),
    "roadmap": render_roadmap,
    **dict.fromkeys(("jira", "jiraissues"), _render_jira),
    **dict.fromkeys(("widget", "iframe"), _render_address),
    **dict.fromkeys(("profile", "profile-picture"), _render_person),
    **dict.fromkeys(
        (
            "mathinline", "mathblock", "latex", "latex-inline", "latex-formatting",
            "eazy-math-inline", "easy-math-block", "eazy-math-block",
        ),
        _render_formula,
    ),
}  # fmt: skip


def _render_macro(element: Element, visitor: Visitor) -> Made:
    macro = Macro(element)
    return MACROS.get(macro.name, _render_unknown)(macro, visitor)


def _render_plain_body(element: Element, _visitor: Visitor) -> list[str]:
    text = make_paragraph(read_text(element))
    return [text] if text else []


MACRO_RULES: dict[str, Rule] = {
    f"{AC}structured-macro": _render_macro,
    f"{AC}macro": _render_macro,
    f"{AC}plain-text-body": _render_plain_body,
    **dict.fromkeys((f"{AC}parameter", f"{AC}default-parameter"), lambda *_: ""),
}
