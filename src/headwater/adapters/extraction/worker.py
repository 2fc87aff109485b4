"""The worker: ``python -I -m headwater.adapters.extraction.worker SETTINGS``, one file after the other.

Reads frames from its standard input and answers each on its standard output, until the input ends.
Requests are ``{"do": "read", ...}`` and ``{"do": "scan", ...}``; answers are ``{"reading": ...}``,
``{"scanned": ...}`` or ``{"error": type, "message": text}``, all with the memory held (``resident``).
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, BinaryIO, NoReturn

from headwater.adapters.extraction.confinement import (
    Confinement,
    allow_cpu,
    confine,
    measure_resident,
)
from headwater.adapters.extraction.frames import Frame, FrameError, pack_frame, read_frame
from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.reading import cut_images, cut_reading
from headwater.domain.errors import DocumentError, FailureType

Handler = Callable[[Frame, Limits], Frame]


def main(settings: str, load: Callable[[str], Mapping[str, Handler]]) -> NoReturn:
    """Serve until the input ends, then leave without a farewell: one reader crashes in its own.

    ``load`` imports the readers of a kind of worker, which are native code: after the limits.
    """
    stdin, stdout = _take_pipes()
    chosen = json.loads(settings)
    confine(Confinement(chosen["parent"], chosen["memory"]))
    serve(stdin, stdout, Limits(**chosen["limits"]), load(chosen["kind"]))
    os._exit(0)


def serve(
    stdin: BinaryIO, stdout: BinaryIO, limits: Limits, handlers: Mapping[str, Handler]
) -> None:
    """Say that the worker is ready, then answer every request until the input ends."""
    _write(stdout, Frame({"ready": True}))
    while True:
        try:
            request = read_frame(lambda size: _read_exactly(stdin, size))
        except FrameError:
            return
        _write(stdout, answer(request, limits, handlers))


def answer(request: Frame, limits: Limits, handlers: Mapping[str, Handler]) -> Frame:
    """Return the answer to one request; every failure of a file is an answer too."""
    allow_cpu(_seconds(request, limits))
    try:
        found = handlers[str(request.header["do"])](request, limits)
    except DocumentError as error:
        found = _describe(error.error_type, str(error))
    except MemoryError:
        found = _describe(
            FailureType.FILE_TOO_LARGE, "Reading the file takes too much memory; split it."
        )
    except Exception as error:  # noqa: BLE001  (the edge of the process: whatever a library makes of a damaged file is that file's failure)
        found = _describe(
            FailureType.PARSE_ERROR,
            f"The file is damaged ({type(error).__name__}); save it again and upload it.",
        )
    return Frame({**found.header, "resident": measure_resident()}, found.blobs)


def _seconds(request: Frame, limits: Limits) -> float:
    scans = request.header.get("scans")
    return limits.seconds + limits.seconds_per_scan * (len(scans) if isinstance(scans, list) else 0)


def _describe(error_type: FailureType, message: str) -> Frame:
    return Frame({"error": error_type.value, "message": message})


def read_handler(request: Frame, limits: Limits) -> Frame:
    """Answer ``read``: the text of a file, and which of its pixels may hold more.

    Without ``images`` in the request, the files inside it stay here: nobody is going to look at them.
    """
    from headwater.adapters.extraction.readers.dispatch import (  # noqa: PLC0415  (readers are native code: after the limits)
        Source,
        read_source,
    )

    header = request.header
    source = Source(str(header["name"]), str(header["media_type"]), request.blobs[0])
    reading = read_source(source, limits, rich=bool(header["rich"]))
    reading = cut_images(cut_reading(reading, limits.text_chars), limits.image_bytes)
    images = reading.images if header["images"] else [b""] * len(reading.images)
    return Frame({"reading": reading.to_json(), "spent": reading.spent}, images)


def scan_handler(request: Frame, _limits: Limits) -> Frame:
    """Answer ``scan``: the text in pages or frames of one file of pixels."""
    from headwater.adapters.extraction.ocr.scanning import read_scans  # noqa: PLC0415  (same)

    scans: Any = request.header["scans"]
    found = read_scans(request.blobs[0], [(scan["page"], scan["box"]) for scan in scans])
    return Frame({"scanned": [asdict(scanned) for scanned in found]})


def load_handlers(kind: str) -> Mapping[str, Handler]:
    """Import the readers before the worker calls itself ready, so that no file pays for it."""
    if kind == "ocr":
        from headwater.adapters.extraction.ocr.engine import load_engine  # noqa: PLC0415  (same)

        load_engine()
        return {"scan": scan_handler}
    from headwater.adapters.extraction.readers import dispatch  # noqa: F401, PLC0415  (same)

    return {"read": read_handler}


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    # Native libraries print to descriptor 1; the answers go to a copy that they do not know.
    stdin, stdout = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return os.fdopen(stdin, "rb"), os.fdopen(stdout, "wb")


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise FrameError("the service has gone")
    return found


def _write(stream: BinaryIO, frame: Frame) -> None:
    stream.writelines(pack_frame(frame))
    stream.flush()


if __name__ == "__main__":
    main(sys.argv[1], load_handlers)
