"""Storage format, Confluence's XML without a root, as a tree: strictly, or by an HTML parser.

Confluence sends a fragment with undeclared prefixes (``ac:``, ``ri:``, ``at:``), HTML's named entities
and CDATA. It is mended and read as XML, which keeps everything. What is not well-formed goes through
an HTML parser (a recovering XML parser loses text silently), and the names are put back, so that one
visitor serves both trees. Nothing outside the text is ever read: a DOCTYPE is dropped, entities are
turned into characters before parsing, and neither parser may touch the network.
"""

import html
import re
from dataclasses import dataclass
from html.entities import html5

from lxml import etree

from headwater.domain.errors import DocumentError, FailureType
from headwater.pipeline.storage_names import Element
from headwater.pipeline.storage_repair import repair_tree

MAX_BODY_CHARACTERS = 32 * 1024 * 1024
"""Confluence itself refuses far smaller pages; beyond this a body is not a page."""

_XML_RANGES = ((0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
_PROLOGUE = re.compile(
    r"\A\s*(?:<\?xml[^<>]*\?>)?\s*(?:<!DOCTYPE[^\[<>]*(?:\[[^\]]*\]\s*)?>)?", re.IGNORECASE
)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_CDATA = r"<!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|\Z)"
_MENDABLE = re.compile(
    _CDATA + r"|<!DOCTYPE[^<>]*>"
    r"|&(?:#(?P<decimal>\d{1,7});|#[xX](?P<hex>[0-9a-fA-F]{1,6});"
    r"|(?P<name>[A-Za-z][A-Za-z0-9]{1,31});)?",
    re.DOTALL,
)
_XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_START_TAG = re.compile(r"<([A-Za-z][\w:.-]*)[^<>]*>")
_LEAF_END = re.compile(r"</(?:ri:[\w.-]+|ac:emoticon|ac:adf-mark)\s*>")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"}
)
"""HTML's own empty elements, the only ones an HTML parser knows."""

_UNSEEN = re.compile(
    r"<(ac:parameter|ac:placeholder|ac:task-id|ac:task-uuid|ac:task-status|ac:adf-attribute"
    r"|script|style)\b[^<>]*>[^<>]*</\1>"
)
_TAG = re.compile(r"</?[A-Za-z!?][^<>]*>")


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """A body's tree under one root; ``strict`` unless it took the HTML parser to read it."""

    root: Element
    strict: bool


def parse_storage(body: str) -> ParsedBody:
    """Return the tree of a body in storage format; an empty one where it is damaged beyond repair.

    Raises ``DocumentError``: ``FILE_TOO_LARGE`` beyond ``MAX_BODY_CHARACTERS``, ``PARSE_ERROR`` where
    neither parser makes a tree of it.
    """
    if len(body) > MAX_BODY_CHARACTERS:
        raise DocumentError(
            FailureType.FILE_TOO_LARGE,
            f"The page's body has {len(body):,} characters, more than {MAX_BODY_CHARACTERS:,}. "
            "Split the page in Confluence.",
        )
    source = _clean_characters(body)
    try:
        return ParsedBody(_parse_xml(source), strict=True)
    except etree.XMLSyntaxError:
        return ParsedBody(_parse_html(source), strict=False)


def strip_tags(body: str) -> str:
    """Return a body's text without any parser: the last resort. Parameters are left out."""
    unwrapped = _MENDABLE.sub(_escape_cdata, _clean_characters(body))
    return html.unescape(_TAG.sub(" ", _UNSEEN.sub(" ", unwrapped)))


def remove_forbidden(text: str) -> str:
    """Return text without the characters that XML, and any encoding, has no place for."""
    return _FORBIDDEN.sub("", text)


def _clean_characters(body: str) -> str:
    unified = body.replace("\r\n", "\n").replace("\r", "\n")
    return _PROLOGUE.sub("", remove_forbidden(unified), count=1)


def _parse_xml(source: str) -> Element:
    mended = _MENDABLE.sub(_mend, source)
    wrapped = f'<r xmlns:ac="urn:ac" xmlns:ri="urn:ri" xmlns:at="urn:at">{mended}</r>'
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=True,
    )
    return etree.fromstring(wrapped.encode(), parser)


def _mend(match: re.Match[str]) -> str:
    whole = match[0]
    if whole.startswith("<![CDATA["):
        return whole
    if whole.startswith("<"):
        return ""
    return _mend_reference(match)


def _mend_reference(match: re.Match[str]) -> str:
    name = match["name"]
    if name in _XML_ENTITIES:
        return match[0]
    if name is not None:
        return _character_of(name) or f"&amp;{name};"
    if match["decimal"] or match["hex"]:
        code = int(match["decimal"] or match["hex"], 10 if match["decimal"] else 16)
        return match[0] if _is_xml_character(code) else ""
    return "&amp;"


def _character_of(name: str) -> str:
    character = html5.get(f"{name};", "")
    return html.escape(character, quote=False)


def _is_xml_character(code: int) -> bool:
    return code in {9, 10, 13} or any(low <= code <= high for low, high in _XML_RANGES)


def _parse_html(source: str) -> Element:
    unwrapped = _MENDABLE.sub(_escape_cdata, source)
    paired = _START_TAG.sub(_mend_tag, _LEAF_END.sub("", unwrapped))
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        root = etree.fromstring(f"<html><body>{paired}</body></html>".encode(), parser)
    except etree.XMLSyntaxError as error:
        raise _unreadable(error) from error
    if root is None:
        raise _unreadable("no element found")
    return root if repair_tree(root) else etree.Element("r")


def _unreadable(reason: object) -> DocumentError:
    return DocumentError(
        FailureType.PARSE_ERROR,
        f"The page's body is no readable markup ({reason}). Open the page in Confluence and save it again.",
    )


def _escape_cdata(match: re.Match[str]) -> str:
    if match["cdata"] is not None:
        return html.escape(match["cdata"], quote=False)
    return match[0] if match[0].startswith("&") else ""


def _mend_tag(match: re.Match[str]) -> str:
    """Close at once what is empty by writing or by kind: an HTML parser would leave it open."""
    name, tag = match[1], _close_quote(match[0])
    is_leaf = name.startswith("ri:") or name in {"ac:emoticon", "ac:adf-mark"}
    if is_leaf or (tag.endswith("/>") and name.lower() not in _VOID):
        return f"{tag.removesuffix('>').removesuffix('/')}></{name}>"
    return tag


def _close_quote(tag: str) -> str:
    """Cut a value that lacks its closing quote, before it swallows the text up to the next one."""
    return tag if tag.count('"') % 2 == 0 else f"{tag[: tag.rindex(chr(34))]}>"
