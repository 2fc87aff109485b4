"""What an archive says of itself, and whether that can be trusted: values only."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

from headwater.domain.errors import ConfigError

FORMAT: Final = 1
NAME: Final = "headwater-backup.json"
"""The archive's last member."""

CATALOG: Final = "catalog.db"
JOBS: Final = "jobs/jobs.db"
SEATS: Final = "jobs/seats"
VECTORS: Final = "vectors"
STORE_NAME: Final = "vectors/store-id"
"""By which a catalog on a server knows its embedded store."""

KEYS: Final = ("jwt-secret", "secret-key")
HOLDINGS: Final = frozenset({"catalog.db", "jobs", "vectors", *KEYS})
"""The first parts of every name an archive may hold."""

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file: its name below the data dir, its size in bytes, and its SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds, and what wrote it."""

    headwater: str
    schema: str | None
    """Revision of the catalog; ``None`` where the catalog is not in the archive."""
    created_at: datetime
    files: tuple[FileEntry, ...]
    format: int = FORMAT

    @property
    def holdings(self) -> tuple[str, ...]:
        """The parts of a data dir that are in it: ``catalog``, ``jobs``, ``vectors``, ``keys``."""
        parts = {_name_part(item.name) for item in self.files}
        return tuple(name for name in ("catalog", "jobs", "vectors", "keys") if name in parts)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(item.size for item in self.files)


def manifest_to_json(manifest: Manifest) -> bytes:
    """Return the manifest as it stands in the archive."""
    plain = {**asdict(manifest), "created_at": manifest.created_at.isoformat()}
    return json.dumps(plain, indent=1).encode()


def manifest_from_json(text: bytes) -> Manifest:
    """Read a manifest; ``ConfigError`` for what is none, or one of a later format."""
    try:
        plain: Mapping[str, Any] = json.loads(text)
        number = int(plain["format"])
        if number > FORMAT:
            raise newer_version(str(plain["headwater"]))
        return Manifest(
            headwater=str(plain["headwater"]),
            schema=None if plain["schema"] is None else str(plain["schema"]),
            created_at=datetime.fromisoformat(plain["created_at"]),
            files=tuple(_read_entry(item) for item in plain["files"]),
            format=number,
        )
    except (ValueError, LookupError, TypeError) as error:
        raise damaged("its manifest cannot be read") from error


def check_files(manifest: Manifest, found: Collection[FileEntry]) -> None:
    """Raise ``ConfigError`` unless exactly the files that the manifest lists were found."""
    expected, present = set(manifest.files), set(found)
    wrong = sorted(item.name for item in expected ^ present)
    if wrong or len(found) != len(present):
        raise damaged(f"{wrong[0] if wrong else 'a file'} is not as it was written")


def check_version(manifest: Manifest, *, headwater: str, schemas: Collection[str]) -> None:
    """Raise ``ConfigError`` for an archive that a newer Headwater wrote."""
    is_later = _parse_version(manifest.headwater) > _parse_version(headwater)
    if is_later or (manifest.schema is not None and manifest.schema not in schemas):
        raise newer_version(manifest.headwater)


def check_name(name: str) -> None:
    """Raise ``ConfigError`` for a name that does not belong below a data dir."""
    path = PurePosixPath(name)
    is_plain = str(path) == name and not path.is_absolute() and ".." not in path.parts
    if not is_plain or path.parts[0] not in HOLDINGS:
        raise damaged(f"it holds {name[:80]!r}, which no backup does")


def damaged(what: str) -> ConfigError:
    """Return the error of an archive that is not whole."""
    return ConfigError(f"the archive is damaged: {what}; take another one. Nothing was changed")


def newer_version(version: str) -> ConfigError:
    """Return the error of an archive that newer code wrote."""
    return ConfigError(
        f"the archive was written by a newer Headwater ({version[:40]}); restore it with that version"
        " or a later one. Nothing was changed"
    )


def _read_entry(item: Mapping[str, Any]) -> FileEntry:
    return FileEntry(str(item["name"]), int(item["size"]), str(item["sha256"]))


def _name_part(name: str) -> str:
    first = PurePosixPath(name).parts[0]
    return "keys" if first in KEYS else first.removesuffix(".db")


def _parse_version(text: str) -> tuple[int, ...]:
    found = _VERSION.match(text)
    if not found:
        raise damaged("its manifest names no version")
    return tuple(int(part or 0) for part in found.groups())
