"""What is refused before a reader sees it: bombs and locked archives."""

import io
import zipfile

from headwater.adapters.extraction.limits import MIB, Limits
from headwater.domain.errors import DocumentError, FailureType

LARGE_MEMBER = 10 * MIB
MOST_RATIO = 200
ENCRYPTED_FLAG = 0x1


def check_archive(data: bytes, limits: Limits) -> None:
    """Raise ``DocumentError`` for an archive that is locked, damaged, or unpacks to too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            locked = _is_locked_document(archive)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise DocumentError(
            FailureType.PARSE_ERROR, "The file is cut off or damaged; upload it again."
        ) from error
    if locked or any(member.flag_bits & ENCRYPTED_FLAG for member in members):
        raise refuse_locked()
    if _is_bomb(members, limits):
        raise DocumentError(
            FailureType.FILE_TOO_LARGE,
            f"The file unpacks to more than {limits.unpacked_bytes / MIB:.0f} MB, or to many times its"
            " size; split it.",
        )


def refuse_locked() -> DocumentError:
    """Return the error for a file that only its password opens."""
    return DocumentError(
        FailureType.ACCESS_DENIED,
        "The file is encrypted; upload a copy without a password to have it searched.",
    )


def _is_bomb(members: list[zipfile.ZipInfo], limits: Limits) -> bool:
    return (
        len(members) > limits.archive_members
        or sum(member.file_size for member in members) > limits.unpacked_bytes
        or any(_is_blown_up(member) for member in members)
    )


def _is_blown_up(member: zipfile.ZipInfo) -> bool:
    large = member.file_size > LARGE_MEMBER
    return large and member.file_size > MOST_RATIO * max(member.compress_size, 1)


def _is_locked_document(archive: zipfile.ZipFile) -> bool:
    """Tell whether an OpenDocument's or EPUB's own encryption is declared."""
    names = archive.namelist()
    if "META-INF/manifest.xml" not in names:
        return False
    manifest = archive.getinfo("META-INF/manifest.xml")
    return manifest.file_size < LARGE_MEMBER and b"encryption-data" in archive.read(manifest)
