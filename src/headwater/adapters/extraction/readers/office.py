"""Office documents, books, messages and web pages through xberg, from bytes alone."""

import asyncio
import re
from dataclasses import dataclass, replace
from html import unescape

import xberg

from headwater.adapters.extraction.limits import MIB, Limits
from headwater.adapters.extraction.preflight import refuse_locked
from headwater.adapters.extraction.readers.decoding import decode_markup
from headwater.adapters.extraction.readers.package_text import read_side_parts
from headwater.adapters.extraction.readers.pictures import add_pictures
from headwater.adapters.extraction.readers.sparse_sheets import read_missing_sheets
from headwater.adapters.extraction.reading import (
    CHARTS,
    REMARKS,
    Reading,
    Section,
    add_losses,
    read_whole,
)
from headwater.adapters.extraction.rich_text import (
    clean_markdown,
    clean_text,
    measure_recall,
    one_line,
)
from headwater.adapters.extraction.sniffing import Format
from headwater.domain.errors import DocumentError, FailureType

OPENXML = "application/vnd.openxmlformats-officedocument"
OPENDOCUMENT = "application/vnd.oasis.opendocument"
MEDIA_TYPES = {
    Format.PDF: "application/pdf",
    Format.DOCX: f"{OPENXML}.wordprocessingml.document",
    Format.PPTX: f"{OPENXML}.presentationml.presentation",
    Format.XLSX: f"{OPENXML}.spreadsheetml.sheet",
    Format.XLSB: "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    Format.DOC: "application/msword",
    Format.PPT: "application/vnd.ms-powerpoint",
    Format.XLS: "application/vnd.ms-excel",
    Format.MSG: "application/vnd.ms-outlook",
    Format.ODT: f"{OPENDOCUMENT}.text",
    Format.ODS: f"{OPENDOCUMENT}.spreadsheet",
    Format.ODP: f"{OPENDOCUMENT}.presentation",
    Format.EPUB: "application/epub+zip",
    Format.RTF: "application/rtf",
    Format.HTML: "text/html",
}
PART_LEFT_OUT = "part left out"
COMPRESSION_RATIO = 5_000
TABLE_CELLS = 5_000_000
_SHEET = re.compile(r"^## (.*)$", re.MULTILINE)
_MARK = re.compile(r"\\?\[cmt:\d+\\?\]")
_COMMENT = re.compile(r"^\[\^cmt\d+\]:\s*", re.MULTILINE)
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_SPACES = re.compile(r"[ \t]+")
_TAG = re.compile(r"<[^<>]*>")
LEAST_RECALL = 0.5
"""Of a web page's words; its title and what is hidden are rightly left out."""

_LOCKED = re.compile(r"encrypt|password|protected", re.IGNORECASE)
_META_CHARSET = re.compile(r"charset\s*=\s*[\"']?[\w.:-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RichText:
    """Markdown of the whole file, and of each page or slide where the format has some."""

    markdown: str
    pages: tuple[str, ...] = ()
    warnings: int = 0
    """Parts of the file that the library left out, a sheet or an attachment."""

    @property
    def losses(self) -> dict[str, int]:
        """Return what was left out, by name."""
        return {PART_LEFT_OUT: self.warnings} if self.warnings else {}


async def read_rich(data: bytes, kind: Format, limits: Limits) -> RichText:
    """Return what xberg makes of the file; ``DocumentError`` when it makes nothing."""
    source = xberg.ExtractInput(kind="bytes", bytes=data, mime_type=MEDIA_TYPES[kind])
    try:
        result = await xberg.extract(source, _configure(limits, pages=kind in PAGED))
    except RuntimeError as error:  # the library raises nothing narrower
        raise _explain(str(error)) from error
    documents = result.results
    if not documents:
        raise _explain("; ".join(str(problem) for problem in result.errors or ()))
    pages = sorted(documents[0].pages or (), key=lambda page: page.page_number)
    return RichText(
        documents[0].content,
        tuple(page.content for page in pages),
        len(documents[0].processing_warnings),
    )


PAGED = frozenset({Format.PDF, Format.PPTX})
PACKAGES = frozenset({Format.ODT, Format.ODS, Format.EPUB, Format.XLSB})
"""Of the archives that are read here, those whose pictures are members."""


def read_office(data: bytes, kind: Format, limits: Limits) -> RichText:
    """Return :func:`read_rich` from a thread without an event loop."""
    return asyncio.run(read_rich(data, kind, limits))


def read_document(data: bytes, kind: Format, limits: Limits) -> Reading:
    """Return a document of one section; headings are the document's own. Its pictures are scans."""
    rich = read_office(data, kind, limits)
    reading = replace(read_whole(clean_markdown(rich.markdown)), losses=rich.losses)
    return add_pictures(reading, data, limits) if kind in PACKAGES else reading


def read_word(data: bytes, limits: Limits) -> Reading:
    """Return a document with its reviewers' comments, and what its charts say."""
    rich = read_office(data, Format.DOCX, limits)
    text = clean_markdown(_COMMENT.sub("Comment: ", _MARK.sub("", rich.markdown)))
    side = _read_side(data, text, CHARTS)
    losses = add_losses(rich.losses, side.losses)
    reading = Reading((Section("", text), *side.sections), losses=losses)
    return add_pictures(reading, data, limits)


def _read_side(data: bytes, known: str, heading: str) -> Reading:
    side = read_side_parts(data, known)
    sections = (Section(heading, side.text),) if side.text else ()
    return Reading(sections, losses={PART_LEFT_OUT: side.lost} if side.lost else {})


def read_rtf(data: bytes, limits: Limits) -> Reading:
    """Return a document whose tildes after a backslash are spaces that do not break."""
    markdown = read_office(data, Format.RTF, limits).markdown
    return read_whole(clean_markdown(markdown.replace("\\~", " ")))


def read_html(data: bytes, limits: Limits) -> Reading:
    """Return a web page; its declared encoding is what it was, not what the reader is given."""
    source = _META_CHARSET.sub("charset=utf-8", decode_markup(data), count=1)
    markdown = read_office(source.encode("utf-8", "replace"), Format.HTML, limits).markdown
    text, words = clean_markdown(markdown), clean_text(_strip_tags(source))
    # Nested too deep, a page comes out empty: its words are still there between the tags.
    is_lost = words and measure_recall(words, text) < LEAST_RECALL
    return read_whole(words if is_lost else text)


def _strip_tags(source: str) -> str:
    return _SPACES.sub(" ", unescape(_TAG.sub(" ", _HIDDEN.sub(" ", source)))).strip()


def read_workbook(data: bytes, kind: Format, limits: Limits) -> Reading:
    """Return one section for each sheet; blank rows are left out."""
    rich = read_office(data, kind, limits)
    markdown = clean_markdown(rich.markdown)
    sheets = _split_sheets(markdown)
    if kind is not Format.XLSX:
        reading = Reading(sheets, losses=rich.losses)
        return add_pictures(reading, data, limits) if kind in PACKAGES else reading
    found = read_missing_sheets(data, _names(sheets)) if rich.warnings else []
    side = _read_side(data, markdown, REMARKS)
    left = rich.warnings - len(found)
    losses = add_losses({PART_LEFT_OUT: left} if left > 0 else {}, side.losses)
    reading = Reading((*sheets, *found, *side.sections), losses=losses)
    return add_pictures(reading, data, limits)


def _split_sheets(markdown: str) -> tuple[Section, ...]:
    pieces = _SHEET.split(markdown)
    first = (Section("", pieces[0].strip()),) if pieces[0].strip() else ()
    named = zip(pieces[1::2], pieces[2::2], strict=True)
    return (*first, *(Section(f"Sheet {one_line(name)}", text.strip()) for name, text in named))


def _names(sheets: tuple[Section, ...]) -> frozenset[str]:
    headings = (sheet.heading.removeprefix("Sheet ") for sheet in sheets)
    return frozenset(heading.removesuffix(" (hidden)") for heading in headings)


def _configure(limits: Limits, *, pages: bool) -> xberg.ExtractionConfig:
    return xberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,
        enable_quality_processing=False,
        escape_markdown=False,
        output_format="markdown",
        extraction_timeout_secs=int(limits.seconds) + 1,
        html_options=xberg.ConversionOptions(extract_metadata=False),
        pages=xberg.PageConfig(extract_pages=pages),
        concurrency=xberg.ConcurrencyConfig(max_threads=1),
        security_limits=xberg.SecurityLimits(
            max_archive_size=limits.unpacked_bytes,
            max_compression_ratio=COMPRESSION_RATIO,
            max_content_size=100 * MIB,
            max_table_cells=TABLE_CELLS,
            max_pages=limits.pdf_pages,
        ),
    )


def _explain(problem: str) -> DocumentError:
    if _LOCKED.search(problem):
        return refuse_locked()
    return DocumentError(
        FailureType.PARSE_ERROR, "The file is damaged; open it, save it again and upload it."
    )
