"""schemathesis over the document that the server serves: every check on, with a token and without.

What it may send is what the document allows, and what it forbids; no answer may be a 5xx, and every
answer has to be one that the document declares.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.domain.ids import TenantId
from tests.contract.api.fakes import TENANT, make_token
from tests.contract.api.live_app import serve_small_app

ROOT = Path(__file__).parents[3]
QUICK = ["--phases", "examples,fuzzing,stateful", "--max-examples", "2", "--max-time", "20"]
THOROUGH = ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "40"]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    with serve_small_app(folder, TenantId(TENANT)) as address:
        yield address


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Let schemathesis leave its notes where nobody keeps them."""
    monkeypatch.chdir(tmp_path)


def run_schemathesis(url, *options, token=None, seconds=100):
    headers = ["--header", f"Authorization: Bearer {token}"] if token else []
    ended = subprocess.run(
        [
            *(Path(sys.executable).parent / "schemathesis", "run", f"{url}/openapi.json"),
            *("--checks", "all", "--seed", "1", "--generation-database", "none"),
            *("--request-timeout", "20", "--warnings", "off", "--no-color"),
            *headers,
            *options,
        ],
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.contract.api.schemathesis_hooks",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2_000:]


def test_the_server_keeps_to_its_document(url):
    run_schemathesis(url, *QUICK, token=make_token())


def test_without_a_token_the_document_holds_as_well(url):
    run_schemathesis(url, "--phases", "examples")


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", ["somebody", "nobody"])
def test_the_server_keeps_to_its_document_however_long_one_looks(url, who):
    token = make_token() if who == "somebody" else None
    run_schemathesis(url, *THOROUGH, token=token, seconds=880)
