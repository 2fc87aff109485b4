"""The vector store's folder at one moment, by hard links.

LanceDB never changes a file: a commit adds files and then one manifest that names all of its version's.
So the newest manifest and the files beside it are the table at that commit, whatever comes later; only a
clean-up that outlives the commit takes files away, and links keep those.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from headwater.domain.errors import ConfigError, RetryableError

VERSIONS: Final = "_versions"
LEFT_OUT: Final = frozenset({VERSIONS, "_transactions"})
"""Older versions, and what concurrent writers tell each other: a table alone needs neither."""

ATTEMPTS: Final = 20
MIDDLE: Final = 1 << 63
"""Numbers in the upper half of 64 bits count down."""


def link_tables(folder: Path, target: Path) -> None:
    """Link every table of the store, each at its newest commit, into the target folder.

    ``RetryableError`` when commits keep overtaking it, ``ConfigError`` where there are no hard links.
    """
    try:
        for table in sorted(folder.glob("*.lance")):
            _link_table(table, target / table.name)
    except OSError as error:
        raise ConfigError(
            f"cannot link files of {folder} ({error.strerror}); on a file system without hard links"
            " stop every process and copy the data dir as it is"
        ) from error


def _link_table(table: Path, target: Path) -> None:
    """Link one table; a table without a commit, or dropped meanwhile, is left out."""
    for attempt in range(ATTEMPTS):
        manifest = find_newest(table)
        if manifest is None:
            return
        place = target.with_name(f"{target.name}.{attempt}")
        is_whole = _try_to_link(table, manifest, place)
        # Files of the newest commit are never cleaned up. Is it the newest still, all were there.
        if is_whole and find_newest(table) == manifest:
            place.rename(target)
            return
        shutil.rmtree(place, ignore_errors=True)
    raise RetryableError(f"{table} is being written without a pause; try again in a minute")


def find_newest(table: Path) -> Path | None:
    """Return the manifest of the newest commit: names count down, or up in tables of old."""
    found = {int(path.stem): path for path in (table / VERSIONS).glob("*.manifest")}
    if not found:
        return None
    counts_down = any(number > MIDDLE for number in found)
    return found[min(found) if counts_down else max(found)]


def _try_to_link(table: Path, manifest: Path, place: Path) -> bool:
    try:
        for path in (manifest, *_list_files(table)):
            link = place / path.relative_to(table)
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, link)
    except FileNotFoundError:
        return False
    return True


def _list_files(table: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(table):
        here = Path(folder)
        names[:] = [name for name in names if here != table or name not in LEFT_OUT]
        yield from (here / name for name in files)
