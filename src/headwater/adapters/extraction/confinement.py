"""What a worker gives up before it sees its first file. Linux; elsewhere what there is."""

import ctypes
import os
import resource
import signal
import sys
from dataclasses import dataclass

from headwater.adapters.extraction.limits import MIB

LARGEST_FILE = MIB
OPEN_FILES = 64
NICENESS = 5
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True, slots=True)
class Confinement:
    """Whose child the worker is, and how much address space it may take (bytes)."""

    parent: int
    memory: int


def confine(confinement: Confinement) -> None:
    """Limit memory, files and priority of this process, cut it from the network, tie it to its parent.

    The network is taken away where the kernel lets an unprivileged process do so; the rest always.
    """
    os.nice(NICENESS)
    if sys.platform == "linux":
        _leave_network()
        _die_with(confinement.parent)
    _limit(resource.RLIMIT_AS, confinement.memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, LARGEST_FILE)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)


def allow_cpu(seconds: float) -> None:
    """Let this process compute for so long from now on; then the kernel ends it."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(spent.ru_utime + spent.ru_stime + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, hard))


def measure_resident() -> int:
    """Return the bytes of memory this process holds now (0 where the system does not say)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as status:  # noqa: PTH123  (one line, each file)
            return int(status.read().split()[1]) * resource.getpagesize()
    except FileNotFoundError:
        return 0


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (allowed, allowed))


def _leave_network() -> None:
    # A new network namespace holds no interface; an unprivileged process needs a user namespace too.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _die_with(parent: int) -> None:
    # After the namespaces: a change of credentials clears the signal.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the signal was set
        os._exit(0)
