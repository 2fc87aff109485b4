"""A folder inside the data dir where a backup or a restore prepares its files."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from filelock import FileLock, Timeout

from headwater.domain.errors import ConfigError

PREFIX: Final = "staging-"
LOCK_NAME: Final = "backup.lock"


@contextmanager
def open_staging(data_dir: Path) -> Iterator[Path]:
    """Give an empty folder on the data dir's own file system; it is gone after the block.

    What a killed process left is removed. ``ConfigError`` while another backup or restore is at work.
    """
    try:
        with FileLock(data_dir / LOCK_NAME, timeout=0, mode=0o600):
            for left in data_dir.glob(f"{PREFIX}*"):
                shutil.rmtree(left)
            with TemporaryDirectory(dir=data_dir, prefix=PREFIX) as name:
                yield Path(name)
    except Timeout as error:
        raise ConfigError(
            f"another backup or restore of {data_dir} is at work; try again when it has ended"
        ) from error
