"""What attachments give and what they cost.

Prints words, seconds and outcome for every file in the folders, then what OCR reads of scans that are drawn
here, by kind of page, and the memory of the service and of its workers. Without folders, the reference
data beside the repository are taken where they are there; images with a ``NAME.gt.txt`` beside them are
scored too.

    .venv/bin/python -m benchmarks.extraction [FOLDER ...] [--no-scans]
"""

import argparse
import asyncio
import resource
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from benchmarks.rig.scans import make_scans, measure_words
from headwater.adapters.extraction.pool import ProcessExtractor
from headwater.domain.errors import DocumentError
from headwater.ports import AttachmentFile, Extraction, ExtractionPolicy

REFERENCE = Path(__file__).parents[1] / "../shared/data"
FOLDERS = ("attachments", "documents")
SKIPPED = {"expected_outputs", "xhtml"}
MIB = 1024 * 1024
READ_ALL = ExtractionPolicy(use_ocr=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; ``extraction`` is missing where it failed."""

    seconds: float
    extraction: Extraction | None
    error: str = ""

    @property
    def text(self) -> str:
        """What there is to find; nothing where it failed."""
        return self.extraction.markdown if self.extraction else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--no-scans", action="store_true", help="leave out the drawn scans")
    options = parser.parse_args()
    folders = options.folders or [REFERENCE / folder for folder in FOLDERS]
    files = sorted(path for folder in folders for path in folder.rglob("*") if is_sample(path))
    asyncio.run(measure(files, scans=not options.no_scans))


def is_sample(path: Path) -> bool:
    return path.is_file() and not SKIPPED & set(path.parts) and not path.name.endswith(".gt.txt")


async def measure(files: Sequence[Path], *, scans: bool) -> None:
    extractor = ProcessExtractor()
    console = Console(width=140)
    try:
        if files:
            console.print(await measure_files(extractor, files))
        if scans:
            console.print(await measure_scans(extractor))
        console.print(describe_memory(extractor))
    finally:
        await extractor.close()


async def read(extractor: ProcessExtractor, name: str, data: bytes) -> Outcome:
    start = time.perf_counter()
    try:
        found = await extractor.extract(AttachmentFile(name, "", data), READ_ALL)
    except DocumentError as error:
        return Outcome(time.perf_counter() - start, None, error.error_type.value)
    return Outcome(time.perf_counter() - start, found)


async def measure_files(extractor: ProcessExtractor, files: Sequence[Path]) -> Table:
    table = Table("file", "words", "s", "outcome", "recall", title=f"{len(files)} files")
    for path in files:
        outcome = await read(extractor, path.name, path.read_bytes())
        name = str(Path(*path.parts[-3:]))[-60:]
        words = str(len(outcome.text.split()))
        took = f"{outcome.seconds:.2f}"
        table.add_row(name, words, took, describe(outcome), score(path, outcome))
    return table


def describe(outcome: Outcome) -> str:
    found = outcome.extraction
    if found is None:
        return outcome.error
    notes = [
        "text" if found.markdown else "empty" if found.supported else "unsupported",
        "truncated" if found.truncated else "",
        f"OCR {found.ocr_pages} at {found.ocr_confidence}" if found.ocr_pages else "",
        ", ".join(f"{count} {name}" for name, count in found.losses.items()),
    ]
    return "; ".join(note for note in notes if note)


def score(path: Path, outcome: Outcome) -> str:
    truth = path.with_suffix(".gt.txt")
    return f"{measure_words(truth.read_text(), outcome.text):.3f}" if truth.is_file() else ""


async def measure_scans(extractor: ProcessExtractor) -> Table:
    recalls: defaultdict[str, list[float]] = defaultdict(list)
    outcomes: defaultdict[str, list[Outcome]] = defaultdict(list)
    for scan in make_scans():
        outcome = await read(extractor, *scan.save())
        recalls[scan.group].append(measure_words(scan.words, outcome.text))
        outcomes[scan.group].append(outcome)
    table = Table("scans", "pages", "recall", "worst", "confidence", "s/page", title="OCR")
    for group, found in recalls.items():
        sure = [it.extraction.ocr_confidence or 0 for it in outcomes[group] if it.extraction]
        numbers = (fmean(found), min(found), fmean(sure or [0.0]))
        seconds = fmean(outcome.seconds for outcome in outcomes[group])
        table.add_row(
            group, str(len(found)), *(f"{number:.3f}" for number in numbers), f"{seconds:.2f}"
        )
    return table


def describe_memory(extractor: ProcessExtractor) -> str:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
    workers = ", ".join(f"{read_peak(pid):.0f}" for pid in extractor.worker_pids)
    return f"peak memory: service {peak:.0f} MB, workers {workers} MB"


def read_peak(pid: int) -> float:
    """Return the most memory that a process ever held, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
