"""The names of storage format, as lxml writes them."""

from lxml import etree

Element = etree._Element  # noqa: SLF001  (lxml has no public name for its element type)

AC = "{urn:ac}"
"""Prefix of Confluence's own elements and attributes."""

RI = "{urn:ri}"
"""Prefix of resource identifiers: pages, attachments, users."""


def read_text(element: Element) -> str:
    """Return all text below an element, exactly as written."""
    return "".join(map(str, element.itertext()))
