"""The archive: a plain tar file, its manifest last, in place only once it is whole."""

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

from headwater.adapters.backup.manifest import (
    NAME,
    FileEntry,
    Manifest,
    check_files,
    check_name,
    damaged,
    manifest_from_json,
    manifest_to_json,
)
from headwater.domain.errors import ConfigError

PIECE: Final = 1 << 20
MAX_MANIFEST_BYTES: Final = 256 << 20
PRIVATE: Final = 0o600


def write_archive(
    folder: Path, target: Path, describe: Callable[[Sequence[FileEntry]], Manifest]
) -> Manifest:
    """Write all files of a folder, and what ``describe`` makes of them, into a new archive.

    Readable by its owner only. ``ConfigError`` where it cannot be written; then nothing is left.
    """
    with _writing_whole(target) as file, tarfile.open(fileobj=file, mode="w") as archive:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        entries = [_add_file(archive, path, path.relative_to(folder)) for path in paths]
        manifest = describe(entries)
        text = manifest_to_json(manifest)
        archive.addfile(_make_member(NAME, len(text)), BytesIO(text))
    return manifest


def unpack_archive(source: Path, folder: Path) -> Manifest:
    """Unpack an archive into an empty folder, and return its manifest.

    ``ConfigError`` unless every file is there as it was written, and nothing else; the folder then holds
    what came before the damage.
    """
    try:
        with tarfile.open(source, mode="r:") as archive:
            return _unpack(archive, folder)
    except (tarfile.TarError, EOFError) as error:
        raise damaged(f"it is no tar file, or not all of one ({error})") from error
    except OSError as error:
        raise ConfigError(
            f"cannot unpack {source} into {folder} ({error.strerror}); look at permissions and free space"
        ) from error


def _unpack(archive: tarfile.TarFile, folder: Path) -> Manifest:
    found: list[FileEntry] = []
    manifest: Manifest | None = None
    for member in archive:
        if manifest is not None:
            raise damaged("something follows its manifest")
        if member.name == NAME:
            manifest = manifest_from_json(_read_text(archive, member))
        else:
            found.append(_unpack_file(archive, member, folder))
    if manifest is None:
        raise damaged("its end is missing")
    check_files(manifest, found)
    return manifest


def _unpack_file(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> FileEntry:
    check_name(member.name)
    target = folder / member.name
    if target.exists():
        raise damaged(f"it holds {member.name} twice")
    for parent in reversed(Path(member.name).parents):
        (folder / parent).mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    digest = hashlib.sha256()
    with os.fdopen(descriptor, "wb") as file:
        for piece in _read_pieces(_open_member(archive, member)):
            digest.update(piece)
            file.write(piece)
    return FileEntry(member.name, member.size, digest.hexdigest())


def _open_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member) if member.isreg() else None
    if stream is None:
        raise damaged(f"{member.name[:80]!r} is no file")
    return stream


def _read_text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > MAX_MANIFEST_BYTES:
        raise damaged("its manifest cannot be read")
    return _open_member(archive, member).read()


def _add_file(archive: tarfile.TarFile, path: Path, name: Path) -> FileEntry:
    size = path.stat().st_size
    with path.open("rb") as file:
        stream = _Digesting(file)
        archive.addfile(_make_member(str(name), size), stream)
    return FileEntry(str(name), size, stream.digest.hexdigest())


class _Digesting:
    """A file that keeps the digest of what was read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read as a file does."""
        piece = self._file.read(size)
        self.digest.update(piece)
        return piece


def _make_member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = PRIVATE
    return member


def _read_pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece


@contextmanager
def _writing_whole(target: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes the target's name at the end of the block, or leaves nothing."""
    if target.exists():
        raise ConfigError(f"{target} exists; name another file, or remove it")
    try:
        # A temporary file of this module has mode 0600 from the start.
        with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            part = Path(file.name)
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot write {target} ({error.strerror}); choose a folder with enough space that this"
            " process may write"
        ) from error
