"""The server that tests run on goes with them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.postgres import PATIENCE, run_server, shared_server

TESTER = """
from tests.postgres import run_server
with run_server() as server:
    print(server.folder, server.plain_url("postgres"), flush=True)
    input()
"""


def test_a_killed_tester_leaves_neither_server_nor_files():
    shared_server()  # or skip
    tester = subprocess.Popen(
        [sys.executable, "-c", TESTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert tester.stdout
    folder, url = tester.stdout.readline().split()
    with psycopg.connect(url) as guest:
        tester.send_signal(signal.SIGKILL)
        tester.communicate()
        with pytest.raises(psycopg.OperationalError):
            guest.execute("SELECT pg_sleep(%s)", [PATIENCE])  # until the server ends it
    wait_until_gone(Path(folder))


def wait_until_gone(folder):
    ends = time.monotonic() + PATIENCE
    while folder.exists():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_server_that_was_stopped_comes_back_with_what_it_had():
    with run_server() as server:
        url = server.plain_url(server.create_database())
        for signal_name in ("INT", "QUIT"):
            with psycopg.connect(url) as guest:
                guest.execute("CREATE TABLE IF NOT EXISTS kept ()")
            server.stop(signal_name)
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(url)
            server.start()
            with psycopg.connect(url) as guest:
                guest.execute("SELECT FROM kept")
