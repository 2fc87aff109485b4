"""The extractor of the service: text in one lane of workers, OCR in another, so that text never waits."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

from headwater.adapters.extraction.composition import (
    DAMAGED_SCAN,
    compose_extraction,
    plan_batches,
)
from headwater.adapters.extraction.frames import Frame
from headwater.adapters.extraction.lanes import Lane, Quarantine, Wear
from headwater.adapters.extraction.limits import MIB, Limits
from headwater.adapters.extraction.ocr.languages import (
    LONG_CODES,
    READABLE,
    can_read,
    find_unreadable,
)
from headwater.adapters.extraction.reading import Reading, Scan, ScannedText, add_losses
from headwater.adapters.extraction.worker_process import (
    DEFAULT_COMMAND,
    WorkerCrashedError,
    WorkerStart,
    WorkerTimedOutError,
)
from headwater.adapters.metrics import timing_extraction
from headwater.domain.errors import DocumentError, FailureType
from headwater.ports import AttachmentFile, Extraction, ExtractionPolicy

OWN_RECIPE = 2
"""Raised by one whenever our own reading changes the text that comes out."""
READERS = ("xberg", "pypdfium2", "rapidocr", "lxml", "python-pptx", "charset-normalizer")

PLAIN_SHARE = 0.5
"""Of a file's time, for a second try without the search for headings and tables."""


class ProcessExtractor:
    """Reads attachments in worker processes. Costs nothing before the first file; safe for many tasks.

    ``text_workers`` and ``ocr_workers`` bound the processors that extraction takes: one thread each.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        text_workers: int = 1,
        ocr_workers: int = 1,
        command: Sequence[str] = DEFAULT_COMMAND,
    ) -> None:
        self._limits = limits or Limits()
        quarantine = Quarantine(self._limits.kills_per_file)
        self._text = _open_lane("text", self._limits, command, quarantine, text_workers)
        self._ocr = _open_lane("ocr", self._limits, command, quarantine, ocr_workers)

    @property
    def recipe(self) -> str:
        """Our own revision, and every reader with its version."""
        readers = ";".join(f"{name}={version(name)}" for name in READERS)
        return f"extraction={OWN_RECIPE};{readers}"

    @property
    def languages(self) -> frozenset[str]:
        """Those whose letters are in the alphabet of the engine's one model, by short and long code."""
        return READABLE | LONG_CODES.keys()

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """The worker processes that are there now."""
        return (*self._text.pids, *self._ocr.pids)

    async def close(self) -> None:
        """End every worker. Files that are being read fail."""
        await self._text.close()
        await self._ocr.close()

    async def extract(self, file: AttachmentFile, policy: ExtractionPolicy) -> Extraction:
        """Return the file's text; see :class:`headwater.ports.Extractor`.

        ``DocumentError`` is FILE_TOO_LARGE, PARSE_ERROR, ACCESS_DENIED, ENCODING_ERROR, TIMEOUT or
        OCR_FAILED.
        """
        with timing_extraction(file.name):
            return await self._extract(file, policy)

    async def _extract(self, file: AttachmentFile, policy: ExtractionPolicy) -> Extraction:
        _refuse_large(file, self._limits.file_bytes)
        scanning = policy.use_ocr and can_read(policy.languages)
        reading = await self._read(file, images=scanning)
        if policy.use_ocr and reading.scans:
            reading = _note_languages(reading, policy)
        scanned = await self._scan(file, reading) if scanning else None
        found = compose_extraction(reading, scanned, self._limits.text_chars)
        _refuse_unseen(found)
        return found

    async def _read(self, file: AttachmentFile, *, images: bool) -> Reading:
        try:
            return await self._read_once(file, self._limits.seconds, rich=True, images=images)
        except WorkerCrashedError:
            # The reader of headings and tables may have fallen where the reader of plain text stands.
            return await self._read_plain(file, images=images)
        except WorkerTimedOutError as error:
            raise _time_out() from error

    async def _read_plain(self, file: AttachmentFile, *, images: bool) -> Reading:
        seconds = PLAIN_SHARE * self._limits.seconds
        try:
            return await self._read_once(file, seconds, rich=False, images=images)
        except WorkerCrashedError as error:
            raise DocumentError(
                FailureType.PARSE_ERROR,
                "The file crashed its reader; save it again or in another format and upload it.",
            ) from error
        except WorkerTimedOutError as error:
            raise _time_out() from error

    async def _read_once(
        self, file: AttachmentFile, seconds: float, *, rich: bool, images: bool
    ) -> Reading:
        names = {"name": file.name, "media_type": file.media_type}
        frame = Frame({"do": "read", **names, "rich": rich, "images": images}, (file.data,))
        answer = await self._text.ask(frame, seconds)
        try:
            found: Any = answer.header["reading"]
            return Reading.from_json(found, tuple(answer.blobs))
        except (KeyError, TypeError, ValueError) as error:
            raise WorkerCrashedError("answered with something that is no reading") from error

    async def _scan(self, file: AttachmentFile, reading: Reading) -> Mapping[Scan, ScannedText]:
        chosen = reading.scans[: self._limits.scans]
        found: dict[Scan, ScannedText] = {}
        end = time.monotonic() + self._limits.scan_seconds
        for source, batch in plan_batches(chosen, self._limits.scans_per_batch):
            if time.monotonic() > end:
                break
            data = reading.images[source - 1] if source else file.data
            found.update(zip(batch, await self._scan_batch(data, batch), strict=True))
        return found

    async def _scan_batch(self, data: bytes, batch: Sequence[Scan]) -> list[ScannedText]:
        header = {"do": "scan", "scans": [{"page": scan.page, "box": scan.box} for scan in batch]}
        seconds = self._limits.seconds + self._limits.seconds_per_scan * len(batch)
        try:
            answer = await self._ocr.ask(Frame(header, (data,)), seconds)
            scanned: Any = answer.header["scanned"]
            return [ScannedText.from_json(one) for one, _ in zip(scanned, batch, strict=True)]
        except (WorkerCrashedError, KeyError, TypeError, ValueError) as error:
            raise DocumentError(
                FailureType.OCR_FAILED,
                "An image in the file crashed its reader; save it again and upload it.",
            ) from error
        except WorkerTimedOutError as error:
            raise _time_out() from error


def _open_lane(
    kind: str, limits: Limits, command: Sequence[str], quarantine: Quarantine, workers: int
) -> Lane:
    memory, resident = {
        "text": (limits.text_memory, limits.text_resident),
        "ocr": (limits.ocr_memory, limits.ocr_resident),
    }[kind]
    settings = {"kind": kind, "memory": memory, "limits": asdict(limits)}
    start = WorkerStart(command, settings, limits.start_seconds)
    wear = Wear(limits.files_per_worker, resident)
    return Lane(start, wear, quarantine, workers=workers)


def _refuse_large(file: AttachmentFile, limit: int) -> None:
    if len(file.data) > limit:
        raise DocumentError(
            FailureType.FILE_TOO_LARGE,
            f"The file has {len(file.data) / MIB:.0f} MB; {limit / MIB:.0f} MB is the most that is read."
            " Split it.",
        )


def _note_languages(reading: Reading, policy: ExtractionPolicy) -> Reading:
    """Return the reading with the expected languages that OCR cannot read among its losses."""
    unreadable = find_unreadable(policy.languages)
    losses = {f"ocr language {language}": len(reading.scans) for language in unreadable}
    return replace(reading, losses=add_losses(reading.losses, losses))


def _refuse_unseen(found: Extraction) -> None:
    """Raise ``DocumentError`` for a file of scans none of which could be looked at."""
    if found.ocr_pages and found.losses.get(DAMAGED_SCAN) == found.ocr_pages and not found.markdown:
        raise DocumentError(
            FailureType.OCR_FAILED,
            "No page or image of the file can be drawn; save it again and upload it.",
        )


def _time_out() -> DocumentError:
    return DocumentError(
        FailureType.TIMEOUT,
        "Reading the file took too long; split it, or save it in another format.",
    )
