"""A hostile file hurts nobody: what becomes of workers that crash, hang, or take too much."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headwater.adapters.extraction.confinement import measure_resident
from headwater.adapters.extraction.pool import ProcessExtractor
from headwater.domain.errors import DocumentError, FailureType, RetryableError
from headwater.ports import AttachmentFile, ExtractionPolicy
from tests.unit.extraction.conftest import open_extractor

PLAIN = ExtractionPolicy(use_ocr=False)


def trap(name, note=""):
    return AttachmentFile("file.txt", "text/plain", f"TRAP {name} {note}".encode())


async def fail(extractor, file):
    with pytest.raises(DocumentError) as caught:
        await extractor.extract(file, PLAIN)
    return caught.value.error_type


async def prove_alive(extractor):
    file = AttachmentFile("next.txt", "text/plain", b"the next file")
    assert (await extractor.extract(file, PLAIN)).markdown == "the next file"


async def run(*command):
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)


def lives(pid):
    """Tell whether the process runs: one that nobody has reaped yet does not."""
    return read_status(pid)[0] not in {"Z", "gone"}


def find_group(leader):
    """Return the processes that are or were of the leader's group."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [pid for pid in pids if read_status(pid)[2:3] == [str(leader)]]


def read_status(pid):
    """Return state, parent, group and so on."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ["gone"]
    return status.rpartition(")")[2].split()


async def await_end(pid):
    deadline = time.monotonic() + 5
    while lives(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        await asyncio.sleep(0.01)


async def test_a_crash_is_one_failure_and_the_next_file_is_read():
    async with open_extractor() as extractor:
        assert await fail(extractor, trap("crash")) is FailureType.PARSE_ERROR
        await prove_alive(extractor)


async def test_a_crash_of_the_rich_reader_leaves_the_plain_text():
    async with open_extractor() as extractor:
        found = await extractor.extract(trap("crash_when_rich"), PLAIN)
        assert found.markdown == "read without headings"


async def test_a_hang_ends_at_its_deadline_with_all_its_children():
    async with open_extractor(seconds=1.0) as extractor:
        await prove_alive(extractor)
        (pid,) = extractor.worker_pids
        start = time.monotonic()
        assert await fail(extractor, trap("hang_with_child")) is FailureType.TIMEOUT
        assert time.monotonic() - start < 5
        assert not lives(pid)
        for child in find_group(pid):
            await await_end(child)
        await prove_alive(extractor)


async def test_a_loop_that_never_ends_is_ended():
    async with open_extractor(seconds=1.0) as extractor:
        assert await fail(extractor, trap("spin")) in {
            FailureType.TIMEOUT,
            FailureType.PARSE_ERROR,
        }
        await prove_alive(extractor)


async def test_more_memory_than_allowed_is_a_file_too_large():
    async with open_extractor() as extractor:
        assert await fail(extractor, trap("take_memory")) is FailureType.FILE_TOO_LARGE
        await prove_alive(extractor)


async def test_a_content_that_killed_two_workers_is_not_given_a_third():
    async with open_extractor() as extractor:
        await fail(extractor, trap("crash"))
        await prove_alive(extractor)
        (pid,) = extractor.worker_pids
        assert await fail(extractor, trap("crash")) is FailureType.PARSE_ERROR
        assert extractor.worker_pids == (pid,)
        assert await fail(extractor, trap("crash", "another")) is FailureType.PARSE_ERROR
        assert extractor.worker_pids != (pid,)


@pytest.mark.parametrize("name", ["answer_nonsense", "answer_unknown_error"])
async def test_an_answer_that_makes_no_sense_is_a_crash(name):
    async with open_extractor() as extractor:
        assert await fail(extractor, trap(name)) is FailureType.PARSE_ERROR
        await prove_alive(extractor)


async def test_a_library_that_prints_does_not_disturb_the_answer():
    async with open_extractor() as extractor:
        assert (await extractor.extract(trap("print_aloud"), PLAIN)).markdown == "printed"
        await prove_alive(extractor)


async def test_a_worker_writes_no_large_file():
    async with open_extractor() as extractor:
        assert await fail(extractor, trap("write_large_file")) is FailureType.PARSE_ERROR


async def test_a_worker_sees_nothing_of_our_environment(monkeypatch):
    monkeypatch.setenv("HEADWATER_SECRET_KEY", "not for readers of files")
    async with open_extractor() as extractor:
        found = await extractor.extract(trap("show_environment"), PLAIN)
        assert "not for readers" not in found.markdown
        assert "OMP_NUM_THREADS=1" in found.markdown


async def test_a_worker_has_a_session_of_its_own_and_low_priority():
    async with open_extractor() as extractor:
        own, niceness = (await extractor.extract(trap("show_session"), PLAIN)).markdown.split()
        assert own == "True"
        assert int(niceness) >= min(19, os.nice(0) + 5)


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux")
async def test_a_worker_reaches_no_network():
    try_it = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    allowed = (await run(sys.executable, "-c", try_it)).returncode == 0
    async with open_extractor() as extractor:
        found = (await extractor.extract(trap("reach_network"), PLAIN)).markdown
        assert found == ("Network is unreachable" if allowed else "Connection refused")


async def test_workers_are_replaced_after_their_share_of_files():
    async with open_extractor(files_per_worker=2) as extractor:
        pids = [(await extractor.extract(trap("show_pid"), PLAIN)).markdown for _ in range(4)]
        assert pids[0] == pids[1]
        assert pids[2] == pids[3]
        assert pids[0] != pids[2]


async def test_workers_that_hold_much_memory_are_replaced():
    async with open_extractor(text_resident=1) as extractor:
        pids = [(await extractor.extract(trap("show_pid"), PLAIN)).markdown for _ in range(2)]
        assert pids[0] != pids[1]


async def test_a_worker_that_left_something_running_is_replaced():
    async with open_extractor() as extractor:
        pids = [(await extractor.extract(trap("give_up"), PLAIN)).markdown for _ in range(2)]
        assert pids[0] != pids[1]
        assert extractor.worker_pids == ()


async def test_no_file_no_process():
    async with open_extractor() as extractor:
        assert extractor.worker_pids == ()
        large = AttachmentFile("large.txt", "text/plain", b"x" * 1024)
        extractor._limits = type(extractor._limits)(file_bytes=1023)
        assert await fail(extractor, large) is FailureType.FILE_TOO_LARGE
        assert extractor.worker_pids == ()


async def test_closing_ends_a_worker_in_the_middle_of_a_file():
    async with open_extractor() as extractor:
        await prove_alive(extractor)
        (pid,) = extractor.worker_pids
        busy = asyncio.create_task(extractor.extract(trap("hang"), PLAIN))
        queued = asyncio.create_task(extractor.extract(trap("show_pid"), PLAIN))
        await asyncio.sleep(0)
        await asyncio.wait_for(extractor.close(), 5)
        for task in (busy, queued):
            with pytest.raises(DocumentError):
                await task
        assert not lives(pid)
        assert extractor.worker_pids == ()
        assert await fail(extractor, trap("show_pid")) is FailureType.PARSE_ERROR


async def test_a_worker_dies_with_its_service():
    script = (
        "import asyncio, os, sys\n"
        "from headwater.adapters.extraction.pool import ProcessExtractor\n"
        "from headwater.ports import AttachmentFile, ExtractionPolicy\n"
        "async def main():\n"
        "    extractor = ProcessExtractor()\n"
        "    await extractor.extract(AttachmentFile('a.txt', '', b'a'), ExtractionPolicy(False))\n"
        "    print(extractor.worker_pids[0], flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    service = await run(sys.executable, "-c", script)
    await await_end(int(service.stdout))


async def test_a_worker_that_does_not_start_is_no_fault_of_the_file():
    extractor = ProcessExtractor(command=(sys.executable, "-c", "raise SystemExit"))
    with pytest.raises(RetryableError, match="does not start"):
        await extractor.extract(AttachmentFile("a.txt", "", b"a"), PLAIN)
    await extractor.close()


async def test_the_event_loop_runs_on_while_a_file_is_read():
    async with open_extractor(seconds=1.0) as extractor:
        await prove_alive(extractor)
        reading = asyncio.create_task(fail(extractor, trap("hang")))
        longest, last = 0.0, time.monotonic()
        while not reading.done():
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert longest < 0.5
        await reading


async def test_the_services_memory_stays_flat_over_many_files():
    async with open_extractor() as extractor:
        await prove_alive(extractor)
        before = measure_resident()
        for number in range(40):
            data = f"file {number} ".encode() * 250_000
            found = await extractor.extract(AttachmentFile("a.txt", "", data), PLAIN)
            assert found.markdown.startswith(f"file {number}")
        assert measure_resident() - before < 64 << 20


async def test_an_extractor_serves_more_than_one_event_loop(shared_extractor):
    async def read():
        return await shared_extractor.extract(AttachmentFile("a.txt", "", b"other loop"), PLAIN)

    found = await asyncio.to_thread(asyncio.run, read())
    assert found.markdown == "other loop"


def test_the_service_imports_no_reader():
    code = (
        "import sys, headwater.adapters.extraction.pool, headwater.adapters.extraction.memory\n"
        "heavy = {'xberg', 'pypdfium2', 'cv2', 'rapidocr', 'PIL', 'pptx', 'lxml', 'onnxruntime'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_recipe_names_every_reader_with_its_version():
    recipe = ProcessExtractor().recipe
    assert "xberg=1.3.9" in recipe
    assert "rapidocr=" in recipe
