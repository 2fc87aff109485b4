"""Whether there is room where everything is kept."""

import shutil
from pathlib import Path
from typing import Final

from headwater.domain.errors import ConfigError, RetryableError

LEAST_BYTES: Final = 256 << 20
"""Below this a store's next commit may not fit."""

LOW_BYTES: Final = 2 << 30


async def check_disk(folder: Path) -> str:
    """Return how much is free; raise where it is too little, or cannot be told."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ConfigError(
            f"HEADWATER_DATA_DIR cannot be looked at ({error.strerror}); mount it again"
        ) from error
    text = f"{free / (1 << 30):.1f} GiB free"
    if free < LEAST_BYTES:
        raise RetryableError(f"{text}; make room on the disk of HEADWATER_DATA_DIR, or move it")
    return f"{text}; make room soon" if free < LOW_BYTES else text
