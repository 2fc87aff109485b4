"""How much one file may cost."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. The defaults fit two cores and files of a wiki."""

    file_bytes: int = 100 * MIB
    text_chars: int = 20_000_000
    """Characters of one extraction; what is beyond is cut off and reported as truncated."""
    unpacked_bytes: int = 600 * MIB
    archive_members: int = 10_000
    archive_depth: int = 3
    image_pixels: int = 50_000_000
    pdf_pages: int = 5_000
    rich_pdf_pages: int = 500
    """Up to here a PDF's headings and tables are looked for too, beyond that its text alone."""
    scans: int = 500
    """Pages and images of one file that go through OCR."""
    pictures: int = 50
    """Pictures of one Office document that are looked at."""
    picture_bytes: int = 32 * MIB
    """Of these together."""
    image_bytes: int = 64 * MIB
    """Images inside one file, a mail for example, that are handed from reader to reader."""

    start_seconds: float = 60.0
    seconds: float = 20.0
    """Wall clock for the text of one file; a PDF stops at four fifths and is reported as truncated."""
    seconds_per_scan: float = 10.0
    """Added for each page of a batch that goes through OCR."""
    scans_per_batch: int = 4
    scan_seconds: float = 1_800.0
    """OCR of one file; what is not read by then is a loss."""

    text_memory: int = 2048 * MIB
    ocr_memory: int = 2560 * MIB
    """Address space of a worker."""
    text_resident: int = 600 * MIB
    ocr_resident: int = 1200 * MIB
    """A worker that holds more after a file is replaced by a fresh one."""
    files_per_worker: int = 200
    kills_per_file: int = 2
    """A content that ended this many workers is refused without another try."""
