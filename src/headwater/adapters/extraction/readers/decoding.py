"""Bytes to text, whatever the encoding."""

import codecs
import re

from charset_normalizer import from_bytes

from headwater.domain.errors import DocumentError, FailureType

SAMPLE = 256 * 1024
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NUL_SHARE = 0.2
_DECLARED = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
MOST_CONTROLS = 0.02


def decode_text(data: bytes) -> str:
    """Return the text: by byte order mark, else UTF-8, else as it looks.

    ``DocumentError`` ENCODING_ERROR when no encoding makes text of it.
    """
    text = _decode_marked(data) or _decode_strictly(data, "utf-8") or _decode_wide(data)
    text = text if text is not None else _decode_by_looks(data)
    if text is None or _is_noise(text):
        raise DocumentError(
            FailureType.ENCODING_ERROR,
            "The text is in no known encoding; save it as UTF-8 and upload it.",
        )
    return text


def decode_markup(data: bytes) -> str:
    """Return HTML or the like as text, by the encoding it declares near its start."""
    declared = _DECLARED.search(data[:2048])
    if declared is None or data.startswith(tuple(BYTE_ORDER_MARKS)):
        return decode_text(data)
    text = _decode_strictly(data, declared.group(1).decode("ascii"))
    return decode_text(data) if text is None else text


def _decode_marked(data: bytes) -> str | None:
    marks = (mark for mark in BYTE_ORDER_MARKS if data.startswith(mark))
    mark = next(marks, None)
    return None if mark is None else data.decode(BYTE_ORDER_MARKS[mark], "replace")


def _decode_strictly(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    return None if "\0" in text else text


def _decode_wide(data: bytes) -> str | None:
    """Return UTF-16 without its mark, which shows by a zero in every other byte of Latin text."""
    sample = data[:SAMPLE]
    if not sample or sample.count(0) < NUL_SHARE * len(sample):
        return None
    little = sample[1::2].count(0) >= sample[::2].count(0)
    return _decode_strictly(data[: len(data) // 2 * 2], "utf-16-le" if little else "utf-16-be")


def _decode_by_looks(data: bytes) -> str | None:
    best = from_bytes(data[:SAMPLE]).best()
    return None if best is None else data.decode(best.encoding, "replace")


def _is_noise(text: str) -> bool:
    return len(_CONTROLS.findall(text)) > MOST_CONTROLS * len(text)
