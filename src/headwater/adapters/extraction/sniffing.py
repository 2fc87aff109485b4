"""What a file is, by its content; its name decides only between kinds of text."""

import io
import re
import zipfile
from enum import StrEnum
from pathlib import PurePosixPath

HEAD = 4096
OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
ZIP_MAGIC = b"PK\x03\x04"
BITMAP_HEADER = 26


class Format(StrEnum):
    """What is read, and ``ZIP`` (read inside a mail only), ``DAMAGED`` and ``UNKNOWN``."""

    PDF = "pdf"
    DOCX = "docx"
    PPTX = "pptx"
    XLSX = "xlsx"
    XLSB = "xlsb"
    DOC = "doc"
    PPT = "ppt"
    XLS = "xls"
    MSG = "msg"
    ODT = "odt"
    ODS = "ods"
    ODP = "odp"
    EPUB = "epub"
    RTF = "rtf"
    EML = "eml"
    HTML = "html"
    MARKDOWN = "markdown"
    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    XML = "xml"
    SVG = "svg"
    DRAWIO = "drawio"
    IMAGE = "image"
    ENCRYPTED = "encrypted"
    ZIP = "zip"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"


IMAGE_MAGICS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
)
OLE_STREAMS = {
    Format.DOC: "WordDocument",
    Format.XLS: "Workbook",
    Format.PPT: "PowerPoint Document",
    Format.MSG: "__properties_version1.0",
}
ROOTS = {
    b"!doctype html": Format.HTML,
    b"html": Format.HTML,
    b"head": Format.HTML,
    b"body": Format.HTML,
    b"svg": Format.SVG,
    b"mxfile": Format.DRAWIO,
    b"mxgraphmodel": Format.DRAWIO,
}
NOT_SUFFIXES = frozenset(
    {Format.MARKDOWN, Format.TEXT, Format.IMAGE, Format.ENCRYPTED, Format.DAMAGED, Format.UNKNOWN}
)
OFFICE_PARTS = {"word/": Format.DOCX, "ppt/": Format.PPTX, "xl/": Format.XLSX}
MIMETYPES = {
    "application/vnd.oasis.opendocument.text": Format.ODT,
    "application/vnd.oasis.opendocument.spreadsheet": Format.ODS,
    "application/vnd.oasis.opendocument.presentation": Format.ODP,
    "application/epub+zip": Format.EPUB,
}
SUFFIXES = {
    **{f".{kind.value}": kind for kind in Format if kind not in NOT_SUFFIXES},
    ".docm": Format.DOCX,
    ".xlsm": Format.XLSX,
    ".pptm": Format.PPTX,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".txt": Format.TEXT,
    ".log": Format.TEXT,
    ".tsv": Format.CSV,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".webp", ".bmp"), Format.IMAGE
    ),
}
MEDIA_TYPES = {
    "text/plain": Format.TEXT,
    "text/csv": Format.CSV,
    "text/tab-separated-values": Format.CSV,
    "text/markdown": Format.MARKDOWN,
    "text/html": Format.HTML,
    "application/json": Format.JSON,
    "application/xml": Format.XML,
    "text/xml": Format.XML,
    "message/rfc822": Format.EML,
    "application/pdf": Format.PDF,
    "image/svg+xml": Format.SVG,
}
TEXT_FORMATS = frozenset(
    {Format.HTML, Format.MARKDOWN, Format.TEXT, Format.CSV, Format.JSON, Format.XML, Format.EML}
)
_MAIL_HEADER = re.compile(
    rb"^(From|To|Subject|Date|Received|Return-Path|Message-ID|MIME-Version|Delivered-To|X-[\w-]+): ",
    re.IGNORECASE | re.MULTILINE,
)
_ROOT = re.compile(
    rb"(?>(?>\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?!\s+html)[^<>\[]*(?:\[.*?\])?\s*>)*)"
    rb"<(?P<name>!doctype\s+html|[\w:.-]+)[\s/>]",
    re.IGNORECASE | re.DOTALL,
)
"""The first element behind declarations and comments; atomic, so that no text makes it go back."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def sniff_format(data: bytes, name: str, media_type: str) -> Format:
    """Return the format; ``DAMAGED`` when name or type claim a readable one that the content is not."""
    found = _sniff_binary(data, name) or _sniff_text(data, name, media_type)
    if found is not Format.UNKNOWN:
        return found
    claimed = _claimed(name, media_type)
    return Format.UNKNOWN if claimed in {Format.UNKNOWN, Format.ZIP} else Format.DAMAGED


def is_pdf(data: bytes) -> bool:
    """Tell whether this is a PDF; the marker may stand a little behind the start."""
    return b"%PDF-" in data[:1024]


def _sniff_binary(data: bytes, name: str) -> Format | None:
    if data.startswith(ZIP_MAGIC):
        return _sniff_archive(data)
    if data.startswith(OLE_MAGIC):
        return _sniff_ole(data, name)
    if is_pdf(data):
        return Format.PDF
    if data.lstrip()[:5] == b"{\\rtf":
        return Format.RTF
    return Format.IMAGE if _is_image(data) else None


def _is_image(data: bytes) -> bool:
    if data.startswith(IMAGE_MAGICS):
        return True
    if data.startswith(b"BM"):
        return len(data) > BITMAP_HEADER and data[6:10] == b"\0\0\0\0"
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _sniff_archive(data: bytes) -> Format:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _sniff_members(archive)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        return Format.UNKNOWN


def _sniff_members(archive: zipfile.ZipFile) -> Format:
    names = archive.namelist()
    if "xl/workbook.bin" in names:
        return Format.XLSB
    if "[Content_Types].xml" in names:
        parts = (OFFICE_PARTS[part] for part in OFFICE_PARTS if _has_folder(names, part))
        return next(parts, Format.ZIP)
    if "mimetype" not in names or archive.getinfo("mimetype").file_size > HEAD:
        return Format.ZIP
    declared = archive.read("mimetype").decode("ascii", "replace").strip()
    return MIMETYPES.get(declared.removesuffix("-template"), Format.ZIP)


def _has_folder(names: list[str], folder: str) -> bool:
    return any(name.startswith(folder) for name in names)


def _sniff_ole(data: bytes, name: str) -> Format:
    """Return the format by its streams; of several (one document in another) the name's."""
    if _has_stream(data, "EncryptedPackage"):
        return Format.ENCRYPTED
    found = [kind for kind, stream in OLE_STREAMS.items() if _has_stream(data, stream)]
    if not found and _has_stream(data, "Book"):
        found = [Format.XLS]
    claimed = _claimed(name, "")
    return claimed if claimed in found else next(iter(found), Format.UNKNOWN)


def _has_stream(data: bytes, name: str) -> bool:
    return name.encode("utf-16-le") + b"\0\0" in data


def _sniff_text(data: bytes, name: str, media_type: str) -> Format:
    head = data[:HEAD]
    claimed = _claimed(name, media_type)
    if not _looks_like_text(head):
        return claimed if claimed in TEXT_FORMATS - {Format.EML} else Format.UNKNOWN
    return _sniff_markup(head) or (claimed if claimed in TEXT_FORMATS else Format.TEXT)


def _looks_like_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return True
    return _CONTROLS.search(head) is None


def _sniff_markup(head: bytes) -> Format | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    root = _ROOT.match(start)
    if root is not None:
        name = root.group("name").lower().rpartition(b":")[2]
        return ROOTS.get(name) or (Format.XML if start.startswith(b"<?xml") else None)
    return Format.EML if _is_mail(start) else None


def _is_mail(start: bytes) -> bool:
    """Tell whether the text begins with a mail's headers, two of the usual ones at least."""
    headers = re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0]
    return re.match(rb"[\w-]+:", headers) is not None and len(_MAIL_HEADER.findall(headers)) >= 2  # noqa: PLR2004  (see above)


def _claimed(name: str, media_type: str) -> Format:
    suffix = PurePosixPath(name.lower()).suffix
    by_type = MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower(), Format.UNKNOWN)
    return SUFFIXES.get(suffix, by_type)
