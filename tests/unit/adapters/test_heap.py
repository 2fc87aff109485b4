"""The heaps of a process with many threads."""

import ctypes
import subprocess
import sys

import pytest

THREADS = """
import ctypes, sys, threading
from headwater.adapters.heap import bound_heap

if sys.argv[1] == "bounded":
    bound_heap()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
wait = threading.Barrier(9)

def allocate():
    libc.malloc(5000)
    wait.wait()

for _ in range(8):
    threading.Thread(target=allocate).start()
wait.wait()
libc.malloc_stats()
"""


def test_threads_share_few_heaps() -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_stats"):
        pytest.skip("no glibc here")
    free, bounded = (count_heaps(how) for how in ("free", "bounded"))
    assert bounded <= 2 < free


def count_heaps(how: str) -> int:
    command = [sys.executable, "-c", THREADS, how]
    found = subprocess.run(command, capture_output=True, check=True, env={})  # MALLOC_ARENA_MAX
    return found.stderr.count(b"Arena ")
