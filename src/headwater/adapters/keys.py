"""Keys that are invented on first start and kept in the data dir, readable by their owner only."""

import base64
import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from filelock import FileLock, Timeout

from headwater.domain.errors import ConfigError

_log = structlog.get_logger(__name__)

_KEY_BYTES = 32
_OTHERS = 0o077
_LOCK_TIMEOUT = 10.0


def load_or_create_key(path: Path) -> str:
    """Return the key in the file, inventing one (32 random bytes, URL-safe base64) if there is none.

    Processes that start at once get the same key; a crash leaves no half-written file. The file has
    mode 0600; a wider one is used, with a warning. ``ConfigError`` when it cannot be read or written,
    or is empty: a new key would make everything sealed with the old one unreadable, so it is never
    replaced.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=_LOCK_TIMEOUT, mode=0o600):
            if not path.exists():
                _create_key(path)
        return _read_key(path)
    except Timeout as error:
        raise ConfigError(f"Another process holds {path}.lock. Stop it and start again.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Cannot use the key file {path} ({error.__class__.__name__}). Make it a text file that this"
            " process may read, in a folder that it may write."
        ) from error


def _create_key(path: Path) -> None:
    key = base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES))
    # A temporary file of this module has mode 0600 from the start.
    with NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", delete=False) as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
    _log.info("key_created", path=str(path))


def _read_key(path: Path) -> str:
    if path.stat().st_mode & _OTHERS:
        _log.warning("key_file_readable_by_others", path=str(path), fix=f"chmod 600 {path}")
    key = path.read_text(encoding="utf-8").strip()
    if not key:
        raise ConfigError(
            f"The key file {path} is empty. Restore it from a backup; delete it only if nothing depends"
            " on the old key."
        )
    return key
