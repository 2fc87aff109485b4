"""Which reader reads what."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.preflight import check_archive, refuse_locked
from headwater.adapters.extraction.readers.drawings import read_drawio, read_svg
from headwater.adapters.extraction.readers.images import read_image
from headwater.adapters.extraction.readers.mail import Enclosure, read_archive, read_mail
from headwater.adapters.extraction.readers.office import (
    read_document,
    read_html,
    read_rtf,
    read_word,
    read_workbook,
)
from headwater.adapters.extraction.readers.pdf import read_pdf
from headwater.adapters.extraction.readers.plain_text import (
    read_csv,
    read_json,
    read_markdown,
    read_text,
    read_xml,
)
from headwater.adapters.extraction.readers.slides import (
    read_presentation,
    read_ruled_presentation,
)
from headwater.adapters.extraction.reading import Reading
from headwater.adapters.extraction.sniffing import Format, sniff_format
from headwater.domain.errors import DocumentError, FailureType

Reader = Callable[[bytes, Limits], Reading]


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it came: name and media type may be wrong."""

    name: str
    media_type: str
    data: bytes


def _by_kind(
    read: Callable[[bytes, Format, Limits], Reading], *kinds: Format
) -> dict[Format, Reader]:
    return {kind: lambda data, limits, kind=kind: read(data, kind, limits) for kind in kinds}  # type: ignore[misc]


READERS: dict[Format, Reader] = {
    **_by_kind(
        read_document,
        Format.DOC,
        Format.ODT,
        Format.EPUB,
        Format.MSG,
    ),
    **_by_kind(read_ruled_presentation, Format.PPT, Format.ODP),
    **_by_kind(read_workbook, Format.XLSX, Format.XLSB, Format.XLS, Format.ODS),
    Format.DOCX: read_word,
    Format.PPTX: read_presentation,
    Format.RTF: read_rtf,
    Format.HTML: read_html,
    Format.MARKDOWN: read_markdown,
    Format.TEXT: read_text,
    Format.CSV: read_csv,
    Format.JSON: read_json,
    Format.XML: read_xml,
    Format.SVG: read_svg,
    Format.DRAWIO: read_drawio,
    Format.IMAGE: read_image,
}
ARCHIVES = frozenset(
    {
        Format.DOCX,
        Format.PPTX,
        Format.XLSX,
        Format.XLSB,
        Format.ODT,
        Format.ODS,
        Format.ODP,
        Format.EPUB,
    }
)


def read_source(source: Source, limits: Limits, *, rich: bool = True, depth: int = 0) -> Reading:
    """Return what a file holds; ``depth`` counts the mails and archives around it.

    ``DocumentError`` names what is wrong with the file. An archive by itself is not supported.
    """
    if not source.data:
        raise DocumentError(FailureType.PARSE_ERROR, "The file is empty; upload it again.")
    kind = sniff_format(source.data, source.name, source.media_type)
    if kind is Format.DAMAGED:
        raise DocumentError(
            FailureType.PARSE_ERROR,
            "The file is damaged, or not what its name says; save it again and upload it.",
        )
    if kind is Format.ENCRYPTED:
        raise refuse_locked()
    if kind in ARCHIVES:
        check_archive(source.data, limits)
    return _read_kind(kind, source.data, limits, rich=rich, depth=depth)


def _read_kind(kind: Format, data: bytes, limits: Limits, *, rich: bool, depth: int) -> Reading:
    enclosed = partial(_read_enclosure, limits=limits, rich=rich, depth=depth + 1)
    if kind is Format.PDF:
        return read_pdf(data, limits, rich=rich)
    if kind is Format.EML:
        return read_mail(data, limits, enclosed)
    if kind is Format.ZIP and depth:
        return read_archive(data, limits, enclosed)
    reader = READERS.get(kind)
    return reader(data, limits) if reader else Reading(supported=False)


def _read_enclosure(enclosure: Enclosure, limits: Limits, *, rich: bool, depth: int) -> Reading:
    if depth > limits.archive_depth:
        return Reading(supported=False)
    source = Source(enclosure.name, enclosure.media_type, enclosure.data)
    return read_source(source, limits, rich=rich, depth=depth)
