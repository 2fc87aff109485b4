"""Taking a backup of a data dir that is in use."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from headwater.adapters.backup.archive import write_archive
from headwater.adapters.backup.manifest import (
    CATALOG,
    JOBS,
    KEYS,
    SEATS,
    STORE_NAME,
    VECTORS,
    FileEntry,
    Manifest,
)
from headwater.adapters.backup.snapshots import copy_frozen, freeze, holding_writers, read_schema
from headwater.adapters.backup.staging import open_staging
from headwater.adapters.backup.tables import link_tables
from headwater.adapters.occupancy import occupy
from headwater.domain.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BackupSource:
    """What to back up. ``catalog`` is ``None`` where it is kept by a database server."""

    data_dir: Path
    catalog: Path | None
    with_keys: bool = False


def take_backup(
    source: BackupSource, target: Path, *, headwater: str, now: Callable[[], datetime]
) -> Manifest:
    """Write the data dir's state of one moment into a new archive, and return what is in it.

    The state is one that a power cut could have left: while nobody may write the catalog, its readers'
    view is fixed and the vectors' files are linked; everything else happens after that. ``ConfigError``
    or ``RetryableError`` where that cannot be; then there is no archive.
    """
    created_at = now()
    with occupy(source.data_dir), open_staging(source.data_dir) as folder:
        _stage(source, folder)
        schema = read_schema(folder / CATALOG) if source.catalog else None

        def describe(entries: Sequence[FileEntry]) -> Manifest:
            return Manifest(headwater, schema, created_at, tuple(entries))

        return write_archive(folder, target, describe)


def _stage(source: BackupSource, folder: Path) -> None:
    databases = _find_databases(source)
    with ExitStack() as stack:
        with holding_writers(source.catalog) if source.catalog else nullcontext():
            frozen = {name: stack.enter_context(freeze(path)) for name, path in databases.items()}
            link_tables(source.data_dir / VECTORS, folder / VECTORS)
        for name, connection in frozen.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            copy_frozen(connection, folder / name)
    _copy_small_files(source, folder)


def _find_databases(source: BackupSource) -> dict[str, Path]:
    """Return the databases by name: none where a server keeps the catalog, and the jobs with it."""
    if source.catalog is None:
        return {}
    if not source.catalog.exists():
        raise ConfigError(
            f"there is no catalog at {source.catalog}; is HEADWATER_DATA_DIR the one that is used?"
        )
    jobs = source.data_dir / JOBS
    return {CATALOG: source.catalog, **({JOBS: jobs} if jobs.exists() else {})}


def _copy_small_files(source: BackupSource, folder: Path) -> None:
    """Copy what processes find jobs and vectors by that somebody else left, and the keys if wanted."""
    locks = source.data_dir.glob(f"{SEATS}/*.lock") if source.catalog else ()
    seats = [path.relative_to(source.data_dir) for path in locks]
    wanted = (STORE_NAME, *(KEYS if source.with_keys else ()))
    present = [Path(name) for name in wanted if (source.data_dir / name).exists()]
    for name in (*seats, *present):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.data_dir / name, folder / name)
