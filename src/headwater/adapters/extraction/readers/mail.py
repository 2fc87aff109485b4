"""Mail with the standard library: headers, the text, and what is attached, archives included."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.preflight import check_archive
from headwater.adapters.extraction.readers.decoding import decode_text
from headwater.adapters.extraction.readers.office import read_html
from headwater.adapters.extraction.reading import (
    Reading,
    nest_readings,
    read_whole,
    with_own_file,
)
from headwater.adapters.extraction.rich_text import clean_text, demote_headings, one_line
from headwater.domain.errors import DocumentError

HEADERS = ("Subject", "From", "To", "Cc", "Date")
MOST_PARTS = 200


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file inside a mail or an archive."""

    name: str
    media_type: str
    data: bytes


ReadEnclosure = Callable[[Enclosure], Reading]


def read_mail(data: bytes, limits: Limits, read_enclosure: ReadEnclosure) -> Reading:
    """Return headers and text as one section, and the sections of each attachment.

    An attachment that cannot be read is a loss by name of its failure, not one of the whole mail.
    """
    message = message_from_bytes(data, policy=policy.default)
    parts = list(message.iter_attachments())
    enclosed = [
        (f"Attachment {one_line(enclosure.name)}", _read_kindly(enclosure, read_enclosure))
        for enclosure in _find_enclosures(parts[:MOST_PARTS])
    ]
    lost = len(parts) - len(enclosed)
    beyond = Reading(losses={"attachment in mail: too many": lost} if lost else {})
    return nest_readings([("", _read_message(message, limits)), *enclosed, ("", beyond)])


def read_archive(data: bytes, limits: Limits, read_enclosure: ReadEnclosure) -> Reading:
    """Return the sections of each file in an archive; ``DocumentError`` for a bomb or a locked one."""
    check_archive(data, limits)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [member for member in archive.infolist() if not member.is_dir()]
        parts = [
            (one_line(member.filename), _read_kindly(enclosure, read_enclosure))
            for member in names[:MOST_PARTS]
            if (enclosure := _unpack(archive, member)) is not None
        ]
    lost = len(names) - len(parts)
    return nest_readings([*parts, ("", Reading(losses={"archive member": lost} if lost else {}))])


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Enclosure | None:
    try:
        return Enclosure(member.filename, "", archive.read(member))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError):
        return None


def _read_kindly(enclosure: Enclosure, read_enclosure: ReadEnclosure) -> Reading:
    try:
        reading = read_enclosure(enclosure)
    except DocumentError as error:
        return Reading(losses={f"attachment in mail: {error.error_type.value}": 1})
    if not reading.supported:
        return Reading(losses={"attachment in mail: unsupported": 1})
    return with_own_file(reading, enclosure.data)


def _read_message(message: EmailMessage, limits: Limits) -> Reading:
    lines = [f"{name}: {one_line(value)}" for name in HEADERS if (value := _header(message, name))]
    body = message.get_body(preferencelist=("plain", "html"))
    text = _read_body(body, limits) if body is not None else ""
    return read_whole("\n\n".join(part for part in ("\n".join(lines), text) if part))


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except (ValueError, IndexError, AttributeError):  # the parser of headers trips over some
        return ""


def _read_body(body: MIMEPart, limits: Limits) -> str:
    payload = _payload(body)
    if body.get_content_type() == "text/html":
        return demote_headings(read_html(payload, limits).sections[0].text, 2)
    return clean_text(_decode_body(payload, body.get_content_charset() or "utf-8"))


def _decode_body(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return decode_text(payload)


def _find_enclosures(parts: Iterable[MIMEPart]) -> Iterator[Enclosure]:
    for number, part in enumerate(parts, 1):
        name = part.get_filename() or f"{number}"
        yield Enclosure(name, part.get_content_type(), _payload(part))


def _payload(part: MIMEPart) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload(0)
        return inner.as_bytes() if isinstance(inner, EmailMessage) else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
