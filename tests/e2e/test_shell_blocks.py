"""Every command that README and tutorial tell a reader to type, typed: one shell, real processes.

A block under ``<!-- background -->`` is a program that keeps running; it is left to run for the rest.
A block under a line ``*Not tried by our tests: REASON*`` is left out. A ``text`` block below a command
is what its output holds. Ports are exchanged for free ones, and the folder for a new one.
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import make_data_dir

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/tutorial/*.md"))]
BLOCK = re.compile(
    r"(?:^ *(?P<mark><!-- background -->|\*Not tried by our tests: [^\n]+\*)\n+)?"
    r"^ *```sh\n(?P<code>.*?)^ *```$(?:\n+^ *```text\n(?P<shown>.*?)^ *```$)?",
    re.MULTILINE | re.DOTALL,
)
MARKER = "=== block "
FIRST_OF_TUTORIAL = "2-a-service-0"
STOP_ALL = """stop_all() {
  for leader in $(jobs -p); do kill -- -$leader 2>/dev/null || true; done
  wait || true
}"""


@dataclass(frozen=True)
class Block:
    """One block of a page."""

    name: str
    code: str
    mark: str
    shown: tuple[str, ...]


def list_blocks():
    for page in PAGES:
        for number, found in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8"))):
            yield Block(
                name=f"{page.stem}-{number}",
                code=found["code"],
                mark=found["mark"] or "",
                shown=tuple((found["shown"] or "").split("\n")[:-1]),
            )


def choose_tried(blocks):
    """Return the blocks that are typed: each once, though several pages may have it."""
    first: dict[str, Block] = {}
    for block in blocks:
        if not block.mark.startswith("*"):
            first.setdefault(block.code.strip(), block)
    return list(first.values())


def take_ports():
    """Return two free ports of this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [str(item.getsockname()[1]) for item in sockets]
    for item in sockets:
        item.close()
    return ports


def write_script(blocks, api, confluence):
    """Return one script of all blocks; it waits for what runs in the background to answer."""
    lines = ["set -euo pipefail", "set -m", STOP_ALL, "trap stop_all EXIT"]
    for block in choose_tried(blocks):
        if block.name == FIRST_OF_TUTORIAL:
            lines.append("stop_all")  # the tutorial starts programs of its own
        code = block.code.replace("8000", api).replace("8090", confluence)
        lines.append(f"echo {shlex.quote(MARKER + block.name)}")
        if block.mark:
            port = confluence if "sandbox" in code else api
            reach = f"curl --silent --output /dev/null http://127.0.0.1:{port}/"
            lines += [
                f"{{ {code} }} >{block.name}.log 2>&1 &",
                "echo $! >>leaders",
                f"until {reach}; do kill -0 $!; sleep 0.2; done",
            ]
        else:
            lines.append(code)
    return "\n".join(lines)


@pytest.fixture
def folder(tmp_path, built_models):
    """A reader's folder of the project, without anything that an earlier run left there."""
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "Makefile").symlink_to(ROOT / "Makefile")
    make_data_dir(tmp_path / ".headwater", built_models)
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    # What is installed is what is tested: a newer lock file must not change it under our feet.
    make.write_text(f'#!/bin/sh\nexec {shutil.which("make")} -o .venv/.synced "$@"\n')
    make.chmod(0o755)
    (tmp_path / "leaders").touch()
    yield tmp_path
    for leader in (tmp_path / "leaders").read_text().split():
        with suppress(ProcessLookupError):  # gone, as it should be
            os.killpg(int(leader), signal.SIGKILL)


@pytest.mark.timeout(900)
def test_every_command_of_readme_and_tutorial_does_what_it_says(folder):
    api, confluence = take_ports()
    blocks = list(list_blocks())
    clean = {name: text for name, text in os.environ.items() if not name.startswith("HEADWATER")}
    ended = subprocess.run(
        ["/bin/bash"],
        input=write_script(blocks, api, confluence),
        env={
            **clean,
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "HEADWATER_PORT": api,
            "TMPDIR": str(folder),
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=880,
        check=False,
    )
    logs = "".join(path.read_text()[-2_000:] for path in folder.glob("*.log"))
    assert ended.returncode == 0, ended.stdout[-3_000:] + ended.stderr[-3_000:] + logs
    said = dict(part.partition("\n")[::2] for part in ended.stdout.split(MARKER)[1:])
    for block in blocks:
        for line in block.shown:
            assert line in said[block.name], block.name
    assert "succeeded" in said["README-0"]
    assert "E-034" in said["2-a-service-5"]


def test_every_block_that_is_left_out_says_why_where_a_reader_sees_it():
    marks = [block.mark for block in list_blocks()]
    assert len(marks) > 12
    assert sum(mark.startswith("*") for mark in marks) < len(marks) / 2
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(marks) == len(re.findall(r"^ *```sh$", text, re.MULTILINE))
