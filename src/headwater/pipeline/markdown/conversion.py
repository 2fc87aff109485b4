"""A page as Confluence stores it, made a document of Markdown."""

from collections.abc import Mapping

from headwater.domain.content import Document, Page
from headwater.pipeline.markdown.adf import ADF_RULES
from headwater.pipeline.markdown.blocks import BLOCK_RULES
from headwater.pipeline.markdown.inline import INLINE_RULES
from headwater.pipeline.markdown.links import LINK_RULES
from headwater.pipeline.markdown.macros import MACRO_RULES
from headwater.pipeline.markdown.people import UNNAMED, write_names
from headwater.pipeline.markdown.tables import TABLE_RULES
from headwater.pipeline.markdown.text import make_paragraph, normalise_space
from headwater.pipeline.markdown.visitor import Rule, Visitor
from headwater.pipeline.storage_format import parse_storage, remove_forbidden, strip_tags
from headwater.pipeline.storage_names import Element, read_text

CONVERSION_VERSION = "2"
"""Part of every document's recipe: raise it whenever the same page would give other Markdown."""

UNPARSED = "unparsed-markup"
"""The loss of a page whose markup could not be read and whose bare text was kept."""

_MIN_RECALL = 0.8
"""A repaired tree with less of the body's text than this has lost some: bare text is better."""

_RULES: dict[str, Rule] = {
    **BLOCK_RULES,
    **INLINE_RULES,
    **LINK_RULES,
    **TABLE_RULES,
    **MACRO_RULES,
    **ADF_RULES,
}


def document_from_page(page: Page, people: Mapping[str, str]) -> Document:
    """Return the page as Markdown, with what could not be kept counted by name.

    ``people`` are display names by account id; whoever is not among them is shown by id, a loss.
    Equal text and structure give equal Markdown: ids, versions and layout attributes do not matter.
    Broken markup is repaired. Raises ``DocumentError`` where a body is too large or no markup at all.
    """
    title = remove_forbidden(page.listed.title)
    parsed = parse_storage(page.body)
    visitor = Visitor(_RULES)
    visitor.lose(UNNAMED, write_names(parsed.root, people))
    markdown = "\n\n".join(visitor.render_blocks(parsed.root))
    if _is_whole(markdown, parsed.root, page.body, strict=parsed.strict):
        return Document(title, markdown, dict(sorted(visitor.losses.items())))
    bare = "\n\n".join(filter(None, map(_tidy, strip_tags(page.body).split("\n\n"))))
    return Document(title, bare, {UNPARSED: 1})


def _tidy(text: str) -> str:
    return make_paragraph(normalise_space(text))


def _is_whole(markdown: str, root: Element, body: str, *, strict: bool) -> bool:
    if strict and markdown:
        return True
    expected = _count_visible(strip_tags(body))
    if not markdown:
        return expected == 0
    return _count_visible(read_text(root)) >= _MIN_RECALL * expected


def _count_visible(text: str) -> int:
    return len("".join(text.split()))
