"""Empty catalogs in SQLite that are there at once: their schema is built once in each process that runs tests."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from headwater.adapters.catalog.engine import parse_url
from headwater.adapters.catalog.revisions import upgrade_schema


def lay_catalog(folder: Path) -> str:
    """Put an empty catalog into the folder unless one is there; return its URL."""
    file = folder / "catalog.db"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_build_catalog(), file)
    return f"sqlite:///{file}"


@cache
def _build_catalog() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="headwater-catalog-"))
    atexit.register(shutil.rmtree, folder)
    file = folder / "catalog.db"
    upgrade_schema(parse_url(f"sqlite:///{file}"))
    # What is not in the file yet would not be copied.
    assert not file.with_name("catalog.db-wal").exists()
    return file
