"""What LanceDB raises, and what it means for the caller.

Tried with 0.40.0: a missing or existing table and a bad predicate are ``ValueError``; everything that
the disk or another writer causes is ``RuntimeError`` ("lance error: …"), or ``OSError`` while connecting.
The operating system's error number stands in the text only.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from headwater.domain.errors import BackendAwayError, RetryableError

_OS_ERROR: Final = re.compile(r"(?:os error |Errno )(\d+)")
_DISK_FULL: Final = {"28", "122"}
_TOO_LARGE: Final = {"27"}
_NOT_PERMITTED: Final = {"1", "13", "30"}
_NOT_A_FOLDER: Final = {"2", "20"}
_BROKEN: Final = {"5"}
_TAKES_NOTHING: Final = _DISK_FULL | _NOT_PERMITTED | _BROKEN


@contextmanager
def lance_faults(action: str) -> Iterator[None]:
    """Raise LanceDB's trouble as ``RetryableError``, with what was tried and what to do about it.

    ``BackendAwayError`` where the disk takes nothing, whatever is to be written.
    """
    try:
        yield
    except (RuntimeError, OSError) as error:
        kind = BackendAwayError if _find_code(error) in _TAKES_NOTHING else RetryableError
        raise kind(f"The vector store could not {action}: {_advise(error)}") from error


def is_missing_table(error: ValueError) -> bool:
    """Tell whether opening failed because there is no such table."""
    return "was not found" in str(error)


def is_conflict(error: Exception) -> bool:
    """Tell whether another writer's commit came first, so that the same call may succeed at once."""
    return isinstance(error, RuntimeError) and "conflict" in str(error).lower()


def _find_code(error: Exception) -> str:
    match = _OS_ERROR.search(str(error))
    return match.group(1) if match else ""


def _advise(error: Exception) -> str:
    text, code = str(error), _find_code(error)
    if code in _DISK_FULL:
        return "the disk is full or over quota; free space under HEADWATER_DATA_DIR, then retry."
    if code in _TOO_LARGE:
        return "a file-size limit was hit; raise the process's limit (ulimit -f), then retry."
    if code in _NOT_PERMITTED:
        return (
            "HEADWATER_DATA_DIR is not writable; give the service's user write access, then retry."
        )
    if code in _NOT_A_FOLDER:
        return f"a file or folder is missing or in the way; check HEADWATER_DATA_DIR ({text})."
    if is_conflict(error):
        return "other writers kept committing first; retry when they are done."
    return (
        f"{text.splitlines()[0] if text else type(error).__name__}. Retry; see `headwater doctor`."
    )
