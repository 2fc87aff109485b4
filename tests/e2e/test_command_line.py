"""The commands as a user types them. Data on standard output, everything else on standard error."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import typer
from typer.testing import CliRunner

from headwater.cli.main import app
from headwater.sandbox.server import Sandbox
from tests.e2e.conftest import DOCUMENTS, make_data_dir
from tests.e2e.service_process import COMMAND, PATIENCE, make_environment, serve

COMMANDS = {
    *(
        "demo",
        "serve",
        "worker",
        "sandbox",
        "spaces",
        "upload",
        "search",
        "jobs",
        "delete",
        "token",
        "doctor",
    ),
    "rotate-keys",
    "backup",
    "restore",
    "export",
    "mcp",
}


@dataclass(frozen=True)
class Shell:
    """A user's shell: a data dir, and a file with the API token."""

    data_dir: Path
    site: Sandbox

    def run(self, *arguments, **settings):
        """Run a command to its end; nothing on standard error may look like a defect."""
        environment = make_environment(self.data_dir, **{"log_format": "console", **settings})
        ended = subprocess.run(
            [COMMAND, *map(str, arguments)],
            env={**environment, "PYTHONWARNINGS": "always::ResourceWarning"},
            cwd=self.data_dir,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
        for sign in ("Traceback", "ResourceWarning", "never awaited", "Task was destroyed"):
            assert sign not in ended.stderr
        return ended

    def type_in(self, *arguments):
        """Run a command to its end inside the test's process, which is quicker."""
        environment = make_environment(self.data_dir, log_format="console")
        ours = {name: text for name, text in environment.items() if name.startswith("HEADWATER")}
        ended = CliRunner().invoke(app, [*map(str, arguments)], env=ours)
        assert isinstance(ended.exception, SystemExit | None)
        return ended

    def list_site_options(self, token=None):
        path = self.data_dir / "api-token"
        path.write_text(f"{token or self.site.token}\n")
        return (
            *("--site", self.site.instance_url),
            *("--user", self.site.email),
            *("--api-token-file", path),
        )


@pytest.fixture(scope="module")
def shell(tmp_path_factory, built_models, site):
    return Shell(make_data_dir(tmp_path_factory.mktemp("shell") / "data", built_models), site)


@pytest.fixture(scope="module")
def served(tmp_path_factory, built_models, site):
    """A running server, as options of a command, and a shell elsewhere."""
    folder = tmp_path_factory.mktemp("served")
    with serve(make_data_dir(folder / "data", built_models)) as (_, api):
        (folder / "elsewhere").mkdir()
        yield Shell(folder / "elsewhere", site), ("--server", str(api.http.base_url))


@pytest.fixture
def type_in(tmp_path, monkeypatch):
    """Run a command inside the test's process: for what ends before anything is opened."""
    monkeypatch.chdir(tmp_path)
    base = {"HEADWATER_DATA_DIR": str(tmp_path / "data"), "HEADWATER_PORT": "0"}
    return lambda *arguments, **env: CliRunner().invoke(app, arguments, env={**base, **env})


@pytest.fixture
def fresh_dir(tmp_path, built_models):
    return make_data_dir(tmp_path / "data", built_models)


def test_help_names_every_command(type_in):
    shown = type_in("--help")
    assert shown.exit_code == 0
    assert all(f" {name} " in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(type_in, command):
    shown = type_in(command, "--help")
    assert shown.exit_code == 0
    assert "Usage:" in shown.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("serach",),
        ("search",),
        ("search", "x", "--top-k", "0"),
        ("token",),
        ("token", "--tenant", "acme"),
        ("jobs", "--cancel"),
        ("jobs", "--limit", "many"),
        ("delete",),
        ("delete", "http://["),
        ("upload", "IT"),
        ("serve", "--port", "x"),
        ("sandbox", "--latency", "-1"),
    ],
)
def test_wrong_usage_exits_2_and_prints_nothing_on_stdout(type_in, arguments):
    ended = type_in(*arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "Usage:" in ended.stderr


def test_a_token_is_all_that_stands_on_stdout_even_at_the_first_start(type_in):
    tenant = "3FA85F64-5717-4562-b3fc-2c963f66afa6"
    first = type_in("token", "--tenant", tenant, "--group", "staff")
    assert first.exit_code == 0
    assert first.stdout.count(".") == 2
    assert len(first.stdout.split()) == 1
    shown = json.loads(type_in("token", "--tenant", tenant, "--json").stdout)
    assert shown["tenant"] == tenant.lower()


@pytest.mark.parametrize("command", [("token", "--tenant", "0" * 32), ("jobs",), ("serve",)])
@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"HEADWATER_PORT": "x"}, "error: HEADWATER_PORT: "),
        ({"HEADWATER_DATA_DIR": "/dev/null/x"}, "error: HEADWATER_DATA_DIR: "),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_a_hint(type_in, command, setting, said):
    ended = type_in(*command, **setting)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(said)
    assert "\nhint: headwater doctor " in ended.stderr


def test_a_token_cannot_be_made_where_an_issuer_makes_them(type_in):
    ended = type_in(
        *("token", "--tenant", "0" * 32), HEADWATER_JWT_JWKS_URL="https://issuer.example/keys"
    )
    assert ended.exit_code == 1
    assert "hint: pass one with --token" in ended.stderr


@pytest.mark.parametrize(
    ("setting", "part", "said"),
    [
        ({"HEADWATER_PORT": "x"}, "settings", "HEADWATER_PORT"),
        ({"HEADWATER_DATA_DIR": "/dev/null/x"}, "settings", "choose a writable folder"),
        ({"HEADWATER_EMBEDDER": "openai"}, "start", "HEADWATER_EMBEDDER_URL"),
        ({"HEADWATER_EMBEDDER_MODEL": "/nowhere"}, "start", "HEADWATER_EMBEDDER_MODEL"),
        ({"HEADWATER_DATABASE_URL": "postgresql://x/y"}, "settings", "HEADWATER_SECRET_KEY"),
        ({"HEADWATER_JWT_PUBLIC_KEY": "no key"}, "tokens", "HEADWATER_JWT_PUBLIC_KEY"),
        ({"HEADWATER_HOST": "192.0.2.1", "HEADWATER_PORT": "81"}, "address", "HEADWATER_HOST"),
        (
            {"HEADWATER_JWT_JWKS_URL": "http://127.0.0.1:9/keys"},
            "tokens",
            "HEADWATER_JWT_JWKS_URL",
        ),
        (
            {
                "HEADWATER_EMBEDDER": "openai",
                "HEADWATER_EMBEDDER_URL": "http://127.0.0.1:9/v1",
                "HEADWATER_EMBEDDER_MODEL": "m",
            },
            "start",
            "HEADWATER_EMBEDDER_URL",
        ),
    ],
)
@pytest.mark.usefixtures("fresh_dir")
def test_doctor_names_the_part_that_is_wrong_and_what_to_do(type_in, setting, part, said):
    ended = type_in("doctor", "--json", **setting)
    found = json.loads(ended.stdout)
    assert ended.exit_code == 1
    assert found["ok"] is False
    wrong = {check["name"]: check["detail"] for check in found["checks"] if not check["ok"]}
    assert list(wrong) == [part]
    assert said in wrong[part]


def test_doctor_notices_damage_in_the_data_dir(type_in, fresh_dir):
    data_dir = fresh_dir
    (data_dir / "secret-key").write_text("")
    assert "is empty" in type_in("doctor").stdout
    (data_dir / "secret-key").unlink()
    (data_dir / "jobs").mkdir()
    (data_dir / "jobs" / "jobs.db").write_bytes(b"this is no database" * 100)
    ended = type_in("doctor", "--json")
    assert "restore the folder from a backup" in ended.stdout


def test_doctor_is_content_with_a_fresh_data_dir_and_a_confluence(shell):
    ended = shell.type_in("doctor", "--json", *shell.list_site_options())
    found = json.loads(ended.stdout)
    assert ended.exit_code == 0
    assert ended.stderr == ""
    assert found["ok"] is True
    names = {check["name"] for check in found["checks"]}
    assert {"disk", "tokens", "address", "catalog", "vector store", "job queue"} <= names
    assert any(name.startswith("site: ") for name in names)


def test_doctor_and_readyz_tell_the_same_story(served):
    shell, (_, url) = served
    ready = httpx2.get(f"{url.rstrip('/')}/readyz", timeout=PATIENCE).json()["checks"]
    environment = {"HEADWATER_DATA_DIR": str(shell.data_dir.parent / "doctor")}
    environment["HEADWATER_PORT"] = url.rstrip("/").rpartition(":")[2]
    found = json.loads(CliRunner().invoke(app, ["doctor", "--json"], env=environment).stdout)
    told = {check["name"]: check for check in found["checks"]}
    assert told.keys() - {"settings", "address"} == {check["name"] for check in ready}
    assert told["address"]["detail"].endswith("and is ready")


def test_doctor_says_that_confluence_refuses_the_token(type_in, fresh_dir, site):
    options = map(str, Shell(fresh_dir, site).list_site_options("wrong"))
    ended = type_in("doctor", *options, HEADWATER_ALLOWED_PRIVATE_HOSTS="127.0.0.1")
    assert ended.exit_code == 1
    assert "!! │ site" in ended.stdout


def test_keys_are_rotated_and_the_count_is_printed(type_in):
    ended = type_in("rotate-keys", "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout) == {"resealed": 0, "unreadable": 0}


def test_a_space_comes_in_and_answers_without_any_server(shell):
    uploaded = shell.run("upload", "GEN1", *shell.list_site_options())
    assert uploaded.returncode == 0
    assert uploaded.stdout.startswith(f"succeeded: {DOCUMENTS} added; ")
    assert f"{DOCUMENTS}/{DOCUMENTS} documents" in uploaded.stderr
    found = shell.type_in("search", "GEN1 news 3", "--top-k", "1", "--json")
    assert found.stderr == ""
    (match,) = json.loads(found.stdout)["results"]
    assert match["title"] == "GEN1 news 3"
    exported = shell.type_in("export", "-", "--json").stdout.splitlines()
    assert len(exported) == DOCUMENTS
    assert any("Issue 3." in json.loads(line)["markdown"] for line in exported)
    target = shell.data_dir.parent / "export"
    exported = shell.type_in("export", target, "--format", "markdown", "--group", "x", "--json")
    assert json.loads(exported.stdout)["documents"] == len([*target.rglob("*.md")]) == DOCUMENTS


def test_commands_call_the_server_that_is_named(served):
    shell, server = served
    token = shell.type_in(
        "token", "--tenant", "3fa85f64-5717-4562-b3fc-2c963f66afa6"
    ).stdout.strip()
    caller = (*server, "--tenant", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "--token", token)
    listed = shell.type_in("spaces", "--json", *shell.list_site_options(), *caller)
    assert {space["key"] for space in json.loads(listed.stdout)["spaces"]} == {"GEN1", "GEN2"}
    started = shell.type_in(
        "upload", "GEN2", "--job-id", "first", "--json", *shell.list_site_options(), *caller
    )
    job = json.loads(started.stdout)
    assert (job["job_id"], job["status"]) == ("first", "succeeded")
    assert started.stderr == ""
    not_waited = shell.type_in("upload", "GEN2", "--no-wait", *shell.list_site_options(), *caller)
    assert not_waited.stdout.startswith("started job-")
    again = shell.type_in(
        "upload", "GEN1", "--job-id", "first", *shell.list_site_options(), *caller
    )
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr.startswith("error: 409: ")
    assert "\nhint: choose another --job-id" in again.stderr
    assert (
        f"first  GEN2  succeeded  {DOCUMENTS}/{DOCUMENTS} documents"
        in shell.type_in("jobs", *caller).stdout
    )
    failures = ("jobs", "first", "--failures", *caller)
    assert shell.type_in(*failures).stdout == "nothing failed\n"
    assert json.loads(shell.type_in(*failures, "--json").stdout)["total"] == 0
    assert "GEN2 news" in shell.type_in("search", "GEN2 news", *caller).stdout
    assert not (shell.data_dir / "catalog.db").exists()


def test_a_page_is_deleted_at_once_and_a_space_when_that_is_meant(served):
    shell, server = served
    caller = (*server, "--tenant", "3fa85f64-5717-4562-b3fc-2c963f66afa7")
    token = shell.type_in("token", "--tenant", caller[-1]).stdout.strip()
    caller = (*caller, "--token", token)
    shell.type_in("upload", "GEN2", *shell.list_site_options(), *caller)
    found = shell.type_in("search", "GEN2 news 3", "--top-k", "1", "--json", *caller)
    (match,) = json.loads(found.stdout)["results"]
    deleted = shell.type_in("delete", match["source_url"], "--json", *caller)
    assert json.loads(deleted.stdout)["data"]["documents_deleted"] == 1
    space = f"{shell.site.web_url}/spaces/GEN2"
    asked = shell.type_in("delete", space, *caller)
    assert (asked.exit_code, asked.stdout.strip()) == (1, "")
    assert "Delete everything that is in of the space GEN2?" in asked.stderr
    deleted = shell.type_in("delete", space, "--yes", *caller)
    assert deleted.exit_code == 0
    assert deleted.stdout.startswith(f"{DOCUMENTS - 1} document(s) with ")
    assert shell.type_in("delete", space, "--yes", *caller).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (("upload", "NOPE"), "error: 422: body.space: ", "headwater spaces lists"),
        (("spaces", "--site", "http://10.0.0.1/wiki"), "error: 422: ", "ALLOWED_PRIVATE_HOSTS"),
        (("spaces", "--site", "http://127.0.0.1:9/wiki"), "error: 502: ", "check --site"),
        (("spaces", "--api-token-file", "wrong-token"), "error: 403: ", "check --user"),
        (("spaces", "--api-token-file", "absent"), "error: cannot read absent: ", ""),
        (("jobs", "absent"), "error: 404: ", "headwater jobs lists"),
        (
            ("delete", "https://x.example/wiki/x/abc"),
            "error: 404: body.source_url: ",
            "copy the link",
        ),
        (("jobs", "--token", "x.y.z"), "error: 401: ", "--token"),
        (("jobs", "--server", "http://127.0.0.1:9"), "error: no answer from ", "headwater serve"),
    ],
)
def test_a_failed_operation_exits_1_and_says_what_to_do(served, monkeypatch, arguments, said, hint):
    shell, server = served
    monkeypatch.chdir(shell.data_dir)
    (shell.data_dir / "wrong-token").write_text("wrong")
    site = shell.list_site_options() if arguments[0] in {"upload", "spaces"} else ()
    ended = shell.type_in(arguments[0], *server, *site, *arguments[1:])
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(said)
    assert hint in ended.stderr


def test_a_taken_port_is_said_in_one_line(served, shell):
    _, (_, url) = served
    port = url.rstrip("/").rpartition(":")[2]
    for command in ("serve", "sandbox"):
        ended = shell.run(command, "--port", port)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("error: ")
        assert f"127.0.0.1:{port}" in ended.stderr


def test_the_demo_tells_its_whole_story(shell):
    ended = shell.run("demo", "--json")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("\n? ") == 3
    assert ended.stderr.count("\n1. ") == 3
    assert "succeeded: 20 added" in ended.stderr
    assert "succeeded: 20 unchanged;" in ended.stderr
    assert "nothing embedded" in ended.stderr
    told = json.loads(ended.stdout)
    assert [job["status"] for job in told["jobs"]] == ["succeeded", "succeeded"]
    assert len(told["answers"]) == 3


def test_every_command_knows_json():
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    silent = [
        name
        for name, command in commands.items()
        if not any("--json" in parameter.opts for parameter in command.params)
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("command", "options", "fields"),
    [
        ("serve", ("--port", "0"), {"url", "docs", "data_dir"}),
        pytest.param("worker", (), {"data_dir"}, marks=pytest.mark.long),
        (
            "sandbox",
            ("--port", "0"),
            {"instance_url", "web_url_instance", "username", "api_token"},
        ),
    ],
)
def test_a_command_that_goes_on_says_in_json_where_it_is(fresh_dir, command, options, fields):
    process = subprocess.Popen(
        [COMMAND, command, *options, "--json"],
        env=make_environment(fresh_dir, log_format="console"),
        cwd=fresh_dir,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        said = json.loads(process.stdout.readline())
        assert fields <= said.keys()
        process.terminate()
        rest, log = process.communicate(timeout=PATIENCE)
    assert (process.returncode, rest) == (0, "")
    assert all(json.loads(line) for line in log.splitlines())
