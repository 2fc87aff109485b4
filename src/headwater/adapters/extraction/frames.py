"""Messages between the service and a worker: a JSON header and any number of byte strings.

A frame is the header's length (4 bytes, big-endian), the header, then the byte strings, whose lengths
stand in the header under ``sizes``. Nothing is unpickled: a worker may have been taken over by the
file it read.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

LENGTH = struct.Struct("!I")
MAX_HEADER = 256 * 1024 * 1024
MAX_BLOBS = 256 * 1024 * 1024

ReadExactly = Callable[[int], bytes]


class FrameError(Exception):
    """The other side ended in the middle of a frame, or sent something that is none."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    header: Mapping[str, object]
    blobs: Sequence[bytes] = field(default_factory=tuple)


def pack_frame(frame: Frame) -> list[bytes]:
    """Return the parts to be written one after the other; byte strings are not copied."""
    header = dict(frame.header, sizes=[len(blob) for blob in frame.blobs])
    text = json.dumps(header, ensure_ascii=False).encode("utf-8", "replace")
    return [LENGTH.pack(len(text)) + text, *frame.blobs]


def read_frame(read_exactly: ReadExactly) -> Frame:
    """Return the next message; ``FrameError`` when there is none to be had."""
    (length,) = LENGTH.unpack(read_exactly(LENGTH.size))
    if length > MAX_HEADER:
        raise FrameError("a header longer than any honest one")
    header = _parse_header(read_exactly(length))
    return Frame(header, tuple(read_exactly(size) for size in _sizes(header)))


def _parse_header(text: bytes) -> dict[str, object]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FrameError("a header that is no JSON") from error
    if not isinstance(header, dict):
        raise FrameError("a header that is no object")
    return header


def _sizes(header: dict[str, object]) -> list[int]:
    sizes = header.pop("sizes", None)
    if not isinstance(sizes, list) or not all(type(size) is int and size >= 0 for size in sizes):
        raise FrameError("a header without sizes")
    if any(total > MAX_BLOBS for total in accumulate(sizes)):
        raise FrameError("more bytes than any honest answer")
    return sizes
