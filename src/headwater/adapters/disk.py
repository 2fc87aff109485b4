"""Whether there is room where everything is kept."""

import shutil
from pathlib import Path
from typing import Final

from headwater.domain.errors import BackendAwayError

LEAST_BYTES: Final = 256 << 20
"""Below this a store's next commit may not fit. Jobs stop before: what is left is for saying so, for
deletions, and for all that others bring."""

LOW_BYTES: Final = 2 << 30


async def check_disk(folder: Path) -> str:
    """Return how much is free; ``BackendAwayError`` where it is too little, or cannot be told."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise BackendAwayError(
            f"HEADWATER_DATA_DIR cannot be looked at ({error.strerror}); mount it again"
        ) from error
    text = f"{free / (1 << 30):.1f} GiB free"
    if free < LEAST_BYTES:
        raise BackendAwayError(
            f"{text}; jobs wait until there is more: make room on the disk of HEADWATER_DATA_DIR,"
            " or move it"
        )
    return f"{text}; make room soon" if free < LOW_BYTES else text
