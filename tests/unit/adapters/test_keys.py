import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from stat import S_IMODE

import pytest
from cryptography.fernet import Fernet
from filelock import FileLock
from structlog.testing import capture_logs

from headwater.adapters import keys
from headwater.adapters.keys import load_or_create_key
from headwater.domain.errors import ConfigError

CREATE = """
import sys
from pathlib import Path
from headwater.adapters.keys import load_or_create_key
sys.stdin.readline()
sys.stdout.write(load_or_create_key(Path(sys.argv[1])))
"""


def test_the_first_start_invents_a_key_and_later_ones_read_it(tmp_path):
    path = tmp_path / "data" / "secret-key"
    key = load_or_create_key(path)
    assert load_or_create_key(path) == key
    assert path.read_text() == key


def test_a_new_key_is_a_fernet_key_and_never_the_same(tmp_path):
    first, second = (load_or_create_key(tmp_path / name) for name in ("one", "two"))
    assert first != second
    assert Fernet(first).decrypt(Fernet(first).encrypt(b"x")) == b"x"


def test_only_the_owner_may_read_a_new_key(tmp_path):
    path = tmp_path / "jwt-secret"
    load_or_create_key(path)
    assert S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_but_the_key_and_its_lock_is_left(tmp_path):
    load_or_create_key(tmp_path / "key")
    assert {path.name for path in tmp_path.iterdir()} <= {"key", "key.lock"}


def test_processes_that_start_at_once_get_the_same_key(tmp_path):
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, str(tmp_path / "key")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(3)
    ]
    found = {starter.communicate("go\n", timeout=60)[0].splitlines()[-1] for starter in starters}
    assert found == {(tmp_path / "key").read_text()}


def test_threads_that_race_get_the_same_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(load_or_create_key, [tmp_path / "key"] * 16))
    assert len(found) == 1


def test_a_key_of_the_users_own_is_read_without_its_line_break(tmp_path):
    path = tmp_path / "key"
    path.write_text("mine\n")
    path.chmod(0o600)
    with capture_logs() as logs:
        assert load_or_create_key(path) == "mine"
    assert logs == []


def test_a_key_that_others_may_read_is_used_with_a_warning_that_does_not_show_it(tmp_path):
    path = tmp_path / "key"
    path.write_text("mine")
    path.chmod(0o644)
    with capture_logs() as logs:
        assert load_or_create_key(path) == "mine"
    assert [entry["event"] for entry in logs] == ["key_file_readable_by_others"]
    assert "mine" not in str(logs)


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_an_unusable_key_file_is_an_error_and_never_replaced(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=str(path)):
        load_or_create_key(path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_a_config_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="folder"):
        load_or_create_key(tmp_path / "file" / "key")


def test_a_lock_that_is_never_let_go_is_a_config_error(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "_LOCK_TIMEOUT", 0.05)
    with FileLock(tmp_path / "key.lock"), pytest.raises(ConfigError, match="Another process"):
        load_or_create_key(tmp_path / "key")
