"""Putting a backup in the place of a data dir."""

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater.adapters.backup import staging
from headwater.adapters.backup.archive import unpack_archive
from headwater.adapters.backup.manifest import CATALOG, Manifest, check_version
from headwater.adapters.occupancy import LOCK_NAME, occupy_alone
from headwater.domain.errors import ConfigError

DERIVED: Final = frozenset({"models", LOCK_NAME, staging.LOCK_NAME})
"""What a data dir may hold and still be empty."""

LOG_ENDINGS: Final = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class RestoreTarget:
    """Where to. ``catalog`` is ``None`` where it is kept by a database server."""

    data_dir: Path
    catalog: Path | None
    replace: bool = False
    """Whether what is there may be replaced."""


def restore_backup(
    source: Path, target: RestoreTarget, *, headwater: str, schemas: Collection[str]
) -> Manifest:
    """Put the archive's state in place of the data dir's, and return what was in it.

    ``ConfigError``, and nothing is touched, where anybody uses the data dir, it is not empty and may not
    be replaced, or the archive is damaged, newer than this code (``headwater``, ``schemas``) or of
    another kind. A kill in the middle leaves a data dir without a catalog: nothing is found in it, and
    the restore can be repeated.
    """
    with occupy_alone(target.data_dir):
        _check_room(target)
        with staging.open_staging(target.data_dir) as folder:
            manifest = unpack_archive(source, folder)
            check_version(manifest, headwater=headwater, schemas=schemas)
            _check_kind(manifest, target)
            os.sync()
            _replace(target, folder)
        os.sync()
    return manifest


def _check_room(target: RestoreTarget) -> None:
    left = [path for path in target.data_dir.iterdir() if not _is_derived(path)]
    catalog = target.catalog
    left += [catalog] if catalog and catalog.exists() else []
    if left and not target.replace:
        raise ConfigError(
            f"{target.data_dir} is not empty ({left[0].name}); name an empty HEADWATER_DATA_DIR, or"
            " replace what is there with --force"
        )


def _is_derived(path: Path) -> bool:
    return path.name in DERIVED or path.name.startswith(staging.PREFIX)


def _check_kind(manifest: Manifest, target: RestoreTarget) -> None:
    has_catalog = manifest.schema is not None
    if has_catalog and target.catalog is None:
        raise ConfigError(
            "the archive holds a SQLite catalog, and HEADWATER_DATABASE_URL names a server; unset it to"
            " restore. Nothing was changed"
        )
    if target.catalog and not has_catalog:
        raise ConfigError(
            "the archive was taken beside a Postgres catalog; restore that from its pg_dump and set"
            " HEADWATER_DATABASE_URL to it. Nothing was changed"
        )


def _replace(target: RestoreTarget, folder: Path) -> None:
    """Take the old catalog away first and put the new one in last: half a restore answers nothing."""
    if target.catalog:
        for ending in LOG_ENDINGS:
            target.catalog.with_name(f"{target.catalog.name}{ending}").unlink(missing_ok=True)
    for name in ("jobs", "vectors"):
        if (target.data_dir / name).exists():
            shutil.rmtree(target.data_dir / name)
    for path in sorted(folder.iterdir()):
        if path.name != CATALOG:
            path.replace(target.data_dir / path.name)
    if target.catalog:
        _move_catalog(folder / CATALOG, target.catalog)


def _move_catalog(staged: Path, place: Path) -> None:
    """Move the file into its place in one step, also from another file system."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.restored")
    shutil.move(staged, part)
    part.replace(place)
