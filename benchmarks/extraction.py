"""What attachments give and what they cost: ``python benchmarks/extraction.py [FOLDER ...]``.

Prints words, seconds and outcome for every file in the folders, word recall for images with a
``NAME.gt.txt`` beside them, and the memory of the service and of its workers. Without folders, the
reference data beside the repository are taken where they are there.
"""

import asyncio
import re
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from headwater.adapters.extraction.pool import ProcessExtractor
from headwater.domain.errors import DocumentError
from headwater.ports import AttachmentFile, Extraction, ExtractionPolicy

REFERENCE = Path(__file__).parents[1] / "../shared/data"
FOLDERS = ("attachments", "documents")
SKIPPED = {"expected_outputs", "xhtml"}
MIB = 1024 * 1024


def main(folders: list[Path]) -> int:
    files = sorted(path for folder in folders for path in folder.rglob("*") if is_sample(path))
    if not files:
        print("no files; name a folder with documents")
        return 1
    asyncio.run(measure_files(files))
    return 0


def is_sample(path: Path) -> bool:
    return path.is_file() and not SKIPPED & set(path.parts) and not path.name.endswith(".gt.txt")


async def measure_files(files: list[Path]) -> None:
    extractor = ProcessExtractor()
    recalls: list[float] = []
    print(f"{'file':<58}{'words':>8}{'seconds':>9}  outcome")
    try:
        for path in files:
            found = await measure_file(extractor, path, path.read_bytes())
            recalls += score_scan(path, found) if found else []
        print_memory(extractor, recalls)
    finally:
        await extractor.close()


async def measure_file(extractor: ProcessExtractor, path: Path, data: bytes) -> Extraction | None:
    file = AttachmentFile(path.name, "", data)
    start = time.perf_counter()
    try:
        found = await extractor.extract(file, ExtractionPolicy(use_ocr=True))
    except DocumentError as error:
        print_row(path, 0, start, error.error_type.value)
        return None
    print_row(path, len(found.markdown.split()), start, describe(found))
    return found


def describe(found: Extraction) -> str:
    notes = [
        "text" if found.markdown else "empty" if found.supported else "unsupported",
        "truncated" if found.truncated else "",
        f"ocr {found.ocr_pages} at {found.ocr_confidence}" if found.ocr_pages else "",
        ", ".join(f"{count} {name}" for name, count in found.losses.items()),
    ]
    return "; ".join(note for note in notes if note)


def score_scan(path: Path, found: Extraction) -> list[float]:
    truth = path.with_suffix(".gt.txt")
    if not truth.is_file():
        return []
    wanted, seen = count_words(truth.read_text()), count_words(found.markdown)
    recall = (wanted & seen).total() / wanted.total()
    print(f"{'':<58}{'':>17}  recall {recall:.3f}")
    return [recall]


def count_words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.casefold()))


def print_row(path: Path, words: int, start: float, outcome: str) -> None:
    name = str(Path(*path.parts[-3:]))
    print(f"{name[-56:]:<58}{words:>8}{time.perf_counter() - start:>9.3f}  {outcome}")


def print_memory(extractor: ProcessExtractor, recalls: list[float]) -> None:
    if recalls:
        print(f"\n{'mean recall of scans':<40}{sum(recalls) / len(recalls):>8.3f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
    print(f"{'service, peak MB':<40}{peak:>8.0f}")
    for pid in extractor.worker_pids:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        kilobytes = int(status.split("VmHWM:")[1].split()[0])
        print(f"{f'worker {pid}, peak MB':<40}{kilobytes / 1024:>8.0f}")


if __name__ == "__main__":
    chosen = [Path(argument) for argument in sys.argv[1:]]
    sys.exit(main(chosen or [REFERENCE / folder for folder in FOLDERS]))
