"""The C library's heap, kept from growing with the threads and with the size of what they handle.

Left alone, glibc keeps a heap for each thread, up to eight for each core, and gives little of it back:
with LanceDB's threads, a process that had brought in 8,000 pages held twice the memory that it used.
Other C libraries have no such parameters.
"""

import ctypes
from collections.abc import Mapping
from typing import Final

PIECE_BYTES: Final = 128 << 10
"""From this size on a piece goes straight back when it is freed; left alone, the limit grows to 32 MiB."""

_PARAMETERS: Final[Mapping[int, int]] = {  # their numbers are from glibc's malloc.h
    -8: 2,  # M_ARENA_MAX: heaps
    -3: PIECE_BYTES,  # M_MMAP_THRESHOLD
    -1: PIECE_BYTES,  # M_TRIM_THRESHOLD: the same for what is free at a heap's end
}


def bound_heap() -> None:
    """Set glibc's parameters for this process; call it before there are threads that allocate."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in _PARAMETERS.items():
            mallopt(parameter, value)
