"""A worker with trapdoors: contents that begin with ``TRAP`` do what hostile files make readers do.

Started by tests in the place of the real worker: ``python -I trapped_worker.py COVERAGE SETTINGS``.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile

import coverage

from headwater.adapters.extraction.frames import Frame
from headwater.adapters.extraction.worker import load_handlers, main


def show(text):
    whole = {"heading": "", "text": text}
    fields = {"supported": True, "truncated": False, "losses": {}, "spent": False}
    return Frame({"reading": {"sections": [whole], "scans": [], "images": [], **fields}})


def crash(_request):
    os.kill(os.getpid(), signal.SIGKILL)


def give_up(_request):
    """Answer, but leave something running behind."""
    answer = show(str(os.getpid()))
    return Frame({**answer.header, "spent": True})


def crash_when_rich(request):
    if request.header["rich"]:
        crash(request)
    return show("read without headings")


def hang(_request):
    signal.pause()


def hang_with_child(_request):
    subprocess.Popen(["/bin/sleep", "600"])
    signal.pause()


def spin(_request):
    while True:
        sum(range(10_000))


def take_memory(_request):
    return show(str(len(bytearray(8 << 30))))


def answer_nonsense(_request):
    return Frame({"reading": {"sections": 3}})


def answer_unknown_error(_request):
    return Frame({"error": "MADE_UP", "message": "x"})


def print_aloud(_request):
    os.write(1, b"a library that prints\n" * 100)
    return show("printed")


def show_environment(_request):
    return show("\n".join(f"{name}={value}" for name, value in sorted(os.environ.items())))


def show_pid(_request):
    return show(str(os.getpid()))


def show_session(_request):
    return show(f"{os.getpid() == os.getsid(0)} {os.nice(0)}")


def reach_network(_request):
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=2).close()
    except OSError as error:
        return show(os.strerror(error.errno or 0))
    return show("connected")


def write_large_file(_request):
    with tempfile.TemporaryFile() as file:
        file.write(bytes(4 << 20))


TRAPS = {
    name: trap
    for name, trap in list(globals().items())
    if callable(trap) and getattr(trap, "__module__", "") == "__main__" and name != "show"
}


def trap(handler, measured):
    def handle(request, limits):
        words = request.blobs[0][:64].split()
        if words[:1] == [b"TRAP"]:
            return TRAPS[words[1].decode()](request)
        try:
            return handler(request, limits)
        finally:
            if measured:
                measured.save()

    return handle


def start_coverage(config):
    if not config:
        return None
    os.environ["COVERAGE_PROCESS_CONFIG"] = config
    return coverage.process_startup(force=True)


if __name__ == "__main__":
    _, config, settings = sys.argv
    measured = start_coverage(config)
    main(
        settings,
        lambda kind: {name: trap(known, measured) for name, known in load_handlers(kind).items()},
    )
