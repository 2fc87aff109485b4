"""A Confluence token is nowhere but in memory and, sealed, in the catalog while its job is open."""

import base64
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from headwater.config import load_settings
from headwater.domain.errors import ConfigError
from headwater.domain.jobs import SiteCredential
from headwater.domain.secrets import Secret
from tests.e2e.service_process import make_upload, serve

TOKEN = "ATATT3xFfGF0+Right/Token=That~Confluence*Takes"
WRONG = "ATATT3xWrong+Token/That=Confluence~Refuses"


def spell(email, token):
    """Return the forms in which a token might turn up."""
    basic = base64.b64encode(f"{email}:{token}".encode()).decode()
    plain = {token, quote(token), quote(token, safe=""), basic, token[:24], basic[:24]}
    encoded = {base64.b64encode(token.encode()).decode().rstrip("="), token.encode().hex()}
    return {form.encode() for form in plain | encoded}


def find_in(folder, forms):
    """Return the files that hold one of the forms, write-ahead logs included."""
    files = [path for path in folder.rglob("*") if path.is_file() and "models" not in path.parts]
    assert any(path.name == "catalog.db" for path in files)
    return [path for path in files if holds(path.read_bytes(), forms)]


def holds(data, forms):
    return any(form in data for form in forms)


def read_command_lines():
    """Return the command line and environment of every process that we may look at."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return b"\n".join(lines)


def count_credentials(data_dir):
    with closing(sqlite3.connect(data_dir / "catalog.db")) as catalog:
        return catalog.execute("SELECT count(*) FROM credentials").fetchone()[0]


def send_what_is_refused(api, site):
    wrong = make_upload(site, "GEN1", api_token=WRONG)
    assert api.http.post("/v2/confluence/upload", json=wrong).status_code == 403
    malformed = make_upload(site, "GEN1", api_token=[site.token], username={"x": WRONG})
    assert api.http.post("/v2/confluence/upload", json=malformed).status_code == 422


def test_a_token_never_leaves_memory_unsealed(data_dir, site, gate, monkeypatch):
    monkeypatch.setattr(site.world.people.admin, "token", TOKEN)
    forms = spell(site.email, site.token) | spell(site.email, WRONG)
    answers: list[Any] = []
    with serve(data_dir) as (service, api):
        api.http.event_hooks["response"].append(answers.append)
        send_what_is_refused(api, site)
        half_way = api.upload(site)
        api.wait_until(half_way, lambda job: job["progress"]["documents"]["done"] > 0)
        assert count_credentials(data_dir) == 1
        assert find_in(data_dir, {b"GEN1"}), "the search itself finds what is there"
        assert find_in(data_dir, forms) == []
        assert not holds(read_command_lines(), forms)
        service.kill()
        assert find_in(data_dir, forms) == []
    log = "".join(service.log)
    gate.open()
    with serve(data_dir) as (service, api):
        api.http.event_hooks["response"].append(answers.append)
        assert api.wait(half_way)["status"] == "succeeded"
        assert api.wait(api.upload(site, incremental=True))["status"] == "succeeded"
        for path in ("", f"/{half_way}", f"/{half_way}/failures"):
            api.http.get(f"/v2/confluence/jobs{path}")
        assert count_credentials(data_dir) == 0
        assert service.terminate() == 0
    log += "".join(service.log)
    assert find_in(data_dir, forms) == []
    assert not holds(log.encode(), forms)
    assert len(answers) >= 9
    assert not any(holds(read_whole(answer), forms) for answer in answers)


def read_whole(answer):
    head = repr(answer.headers.raw).encode()
    return head if "event-stream" in answer.headers["content-type"] else head + answer.content


def test_no_secret_shows_in_what_holds_it(data_dir):
    secrets = {
        "jwt_secret": "a-jwt-secret-nobody-may-see-in-any-form",
        "secret_key": "a-first-sealing-key,a-second-sealing-key",
        "embedder_api_key": "sk-embedder-key",
    }
    settings = load_settings(data_dir=data_dir, **secrets)
    credential = SiteCredential("someone@example.com", Secret(TOKEN))
    shown = f"{settings!r} {settings} {credential!r} {credential} {settings.model_dump()}"
    for value in (*",".join(secrets.values()).split(","), TOKEN):
        assert value not in shown
    with pytest.raises(ConfigError) as error:
        load_settings(jwt_secret=["not text", TOKEN], port="x", embedder_api_key={"a": TOKEN})
    assert TOKEN not in str(error.value)
