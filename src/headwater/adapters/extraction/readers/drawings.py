"""The words in SVG and draw.io files."""

import base64
import binascii
import zlib
from urllib.parse import unquote

from lxml import etree, html

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.reading import Reading, Section, read_whole
from headwater.adapters.extraction.rich_text import clean_text, one_line
from headwater.domain.errors import DocumentError, FailureType

SVG_TEXTS = frozenset({"text", "title", "desc"})
LABEL_ATTRIBUTES = ("value", "label", "tooltip")


def read_svg(data: bytes, _limits: Limits) -> Reading:
    """Return titles, descriptions and texts, one to a line, in the order of the file."""
    lines = [
        _text_of(element)
        for element in _parse(data).iter(etree.Element)
        if _name(element) in SVG_TEXTS
    ]
    return read_whole(clean_text("\n".join(line for line in lines if line)))


def read_drawio(data: bytes, limits: Limits) -> Reading:
    """Return one section for each page of the drawing: its labels, one to a line."""
    root = _parse(data)
    pages = root.findall("diagram")
    if not pages:
        return read_whole(_read_labels(root))
    return Reading(tuple(_read_page(number, page, limits) for number, page in enumerate(pages, 1)))


def _read_page(number: int, page: etree._Element, limits: Limits) -> Section:
    packed = (page.text or "").strip()
    content = _parse(_inflate(packed, limits)) if packed else page
    name = one_line(page.get("name") or "") or str(number)
    return Section(
        f"Page {name}" if name != f"Page-{number}" else f"Page {number}", _read_labels(content)
    )


def _read_labels(root: etree._Element) -> str:
    labels = [
        _strip_markup(element.get(attribute) or "")
        for element in root.iter(etree.Element)
        for attribute in LABEL_ATTRIBUTES
    ]
    return clean_text("\n".join(label for label in labels if label))


def _strip_markup(label: str) -> str:
    """Return what a label shows: it is HTML, entities included."""
    if "<" not in label and "&" not in label:
        return one_line(label)
    return _text_of(html.fragment_fromstring(label, create_parent="div"))


def _inflate(packed: str, limits: Limits) -> bytes:
    """Return a page that is deflated, in base64, and escaped like a URL."""
    try:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        text = inflater.decompress(base64.b64decode(packed), limits.text_chars)
    except (zlib.error, binascii.Error) as error:
        raise _damaged() from error
    if inflater.unconsumed_tail:
        raise DocumentError(
            FailureType.FILE_TOO_LARGE, "A page of the drawing unpacks to too much; split it."
        )
    return unquote(text.decode("utf-8", "replace")).encode()


def _parse(data: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _damaged() from error


def _damaged() -> DocumentError:
    return DocumentError(
        FailureType.PARSE_ERROR, "The drawing is damaged; open it, save it again and upload it."
    )


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _text_of(element: etree._Element) -> str:
    return one_line(" ".join(part for part in element.itertext() if isinstance(part, str)))
