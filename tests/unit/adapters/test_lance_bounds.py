"""What LanceDB may take: of memory, as far as only the environment can tell it, and of a start."""

import ctypes
import json
import subprocess
import sys

import pytest

from headwater.adapters.lance import BOUNDS

LOADS = """
import pydantic
from headwater.adapters.lance.loading import load_lancedb
load_lancedb()
from headwater.adapters.lance.store import LanceStore
from lance_namespace_urllib3_client import TagApi
checked = pydantic.validate_call(TagApi.create_table_tag)
print(*(hasattr(call, "raw_function") for call in (TagApi.create_table_tag, checked)))
"""


def test_lancedb_is_told_how_much_to_read_ahead() -> None:
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    environment = json.loads(found.stdout)
    assert {name: environment.get(name) for name in BOUNDS} == BOUNDS


def test_lancedb_is_loaded_without_validators_of_what_nobody_calls() -> None:
    found = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, check=True)
    assert found.stdout.split() == [b"False", b"True"]


THREADS = """
import ctypes, re, sys, threading
from headwater.adapters.lance.heap import bound_heap

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
    found = subprocess.run([sys.executable, "-c", THREADS, how], capture_output=True, check=True)
    return found.stderr.count(b"Arena ")
