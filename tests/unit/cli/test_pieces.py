import io
import json

import httpx2
import jwt
import pytest
import typer

from headwater.cli import knowledge, output
from headwater.cli.client import HINTS, explain_refusal
from headwater.cli.confluence import make_upload_body, print_plan, print_spaces
from headwater.cli.options import derive_web_url, read_credentials
from headwater.cli.output import CommandFailedError
from headwater.cli.progress import watch_job
from headwater.cli.tokens import mint_token, parse_tenant
from headwater.config import load_settings
from headwater.domain.errors import ConfigError

TENANT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
SECRET = "a-shared-secret-of-more-than-32-bytes"


@pytest.mark.parametrize(
    ("site", "web"),
    [
        ("https://acme.atlassian.net/wiki/rest/api", "https://acme.atlassian.net/wiki"),
        ("https://acme.atlassian.net/wiki/api/v2/", "https://acme.atlassian.net/wiki"),
        ("https://acme.atlassian.net", "https://acme.atlassian.net/wiki"),
        ("https://acme.atlassian.net/wiki/", "https://acme.atlassian.net/wiki"),
        ("https://wiki.acme.example/rest/api", "https://wiki.acme.example"),
        ("https://acme.example/confluence/rest/api", "https://acme.example/confluence"),
    ],
)
def test_the_web_url_is_derived_from_the_rest_url(site, web):
    assert derive_web_url(site) == web


def test_a_token_is_read_from_a_file_or_standard_input_without_its_line_break(
    tmp_path, monkeypatch
):
    path = tmp_path / "token"
    path.write_text("from-file\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("from-stdin\n"))
    given = [
        read_credentials("https://x.example", "https://y.example", "me", source)
        for source in (path, type(path)("-"))
    ]
    assert [item["api_token"] for item in given] == ["from-file", "from-stdin"]
    assert given[0]["web_url_instance"] == "https://y.example"


def test_a_development_token_says_what_the_settings_require():
    settings = load_settings(
        jwt_secret=SECRET,
        jwt_issuer="me",
        jwt_audience="us",
        jwt_tenant_claim="org",
        jwt_groups_claim="teams",
    )
    text = mint_token(settings, TENANT, groups=["staff"], scopes=["knowledge:read"])
    claims = jwt.decode(text, SECRET, algorithms=["HS256"], issuer="me", audience="us")
    assert (claims["org"], claims["teams"]) == (TENANT, ["staff"])
    assert claims["scope"] == "knowledge:read"
    assert claims["exp"] - claims["iat"] == 12 * 3600


def test_a_tenant_is_a_uuid_in_any_spelling():
    assert parse_tenant(TENANT.upper().replace("-", "")) == TENANT
    with pytest.raises(typer.BadParameter):
        parse_tenant("acme")


def test_an_upload_body_is_the_contracts():
    body = make_upload_body(
        authorization={"api_token": "x"},
        tenant=TENANT,
        space="KB",
        incremental=True,
        audience=["all"],
        source_restriction=True,
    )
    assert body["pinecone_config"]["tenant_id"] == TENANT
    assert body["sync_config"]["incremental"] is True
    assert body["content_restriction"]["source_restriction"] is True
    assert body["sync_config"]["processor_mode"] == "auto"


def test_an_upload_that_names_a_configuration_follows_it():
    body = make_upload_body(
        authorization={"api_token": "x"},
        tenant=TENANT,
        space="KB",
        incremental=True,
        audience=["all"],
        source_restriction=False,
        blacklisted=True,
        configuration="nightly",
    )
    assert body["sync_config"]["processor_mode"] == "manual"
    assert body["sync_config"]["sync_configuration_id"] == "nightly"
    assert body["content_restriction"]["blacklisted"] is True


def refuse(kind, status=422):
    problem = {"loc": ["body", "space"], "msg": "no such space", "type": kind}
    return httpx2.Response(status, json={"detail": [problem]})


@pytest.mark.parametrize(("start", "hint"), HINTS.items())
def test_an_error_answer_gets_the_hint_of_its_type(start, hint):
    error = explain_refusal(refuse(start))
    assert (str(error), error.hint) == ("422: body.space: no such space", hint)


def test_the_narrowest_type_has_the_say():
    narrow = explain_refusal(refuse("permission_error.confluence"))
    assert narrow.hint != explain_refusal(refuse("permission_error.scope")).hint
    assert explain_refusal(refuse("value_error.missing")).hint is None


@pytest.mark.parametrize("body", ["<html>", "[]", '{"detail": []}', '{"detail": "no"}', "null"])
def test_an_answer_of_something_else_is_shown_as_it_is(body):
    error = explain_refusal(httpx2.Response(502, text=body))
    assert str(error) == f"502: {body}"
    assert "--server" in str(error.hint)


@pytest.mark.parametrize("name", ["[/]", "[bold]", "Ops [/eu]"])
def test_a_space_is_printed_by_its_whole_name(name, capsys):
    print_spaces([{"key": "OPS", "name": name, "type": "global", "status": "current"}])
    assert name in capsys.readouterr().out


class Jobs:
    """A client that gives a job's states in turn."""

    def __init__(self, *states) -> None:
        self._states = list(states)

    async def get(self, path):
        assert path == "/v2/confluence/jobs/one"
        return {"status": self._states.pop(0)}


async def test_a_job_is_watched_until_it_is_final(monkeypatch):
    monkeypatch.setattr("headwater.cli.progress.POLL_SECONDS", 0)
    seen = []
    states = ("queued", "running", "partial", "running")
    job = await watch_job(Jobs(*states), "one", lambda job: seen.append(job["status"]))  # type: ignore[arg-type]
    assert job["status"] == "partial"
    assert seen == ["queued", "running", "partial"]


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (CommandFailedError("it [failed]", hint="try"), "hint: try\n"),
        (CommandFailedError("it [failed]"), ""),
        (ConfigError("it [failed]"), "hint: headwater doctor checks every part and setting\n"),
    ],
)
def test_an_expected_error_ends_with_one_line_and_a_hint(capsys, error, hint):
    @output.run_async
    async def command():
        raise error

    with pytest.raises(typer.Exit) as ended:
        command()
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == f"error: it [failed]\n{hint}"


def test_a_defect_is_not_dressed_up():
    @output.run_async
    async def command():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()


def test_json_is_printed_as_it_is(capsys):
    output.print_json({"title": "[bold]Grüße[/]"})
    assert json.loads(capsys.readouterr().out) == {"title": "[bold]Grüße[/]"}


def test_a_plan_is_printed_with_counts_names_and_cost(capsys):
    counts = {"added": 2, "updated": 0, "unchanged": 5}
    print_plan(
        {
            "documents": counts,
            "attachments": {"added": 0},
            "samples": {"added": [{"title": "One"}, {"title": "Two [x]"}], "unchanged": []},
            "chunks_to_embed": 7,
            "tokens": 700,
            "requests": 12,
            "estimated_seconds": 3.4,
            "notes": ["the listing is incomplete"],
        }
    )
    printed = capsys.readouterr().out
    assert "documents: 2 added, 5 unchanged" in printed
    assert "attachments: none" in printed
    assert "added: One, Two [x]" in printed
    assert "7 chunks to embed (700 tokens), 12 requests, 3 s" in printed
    assert "the listing is incomplete" in printed


def test_one_thing_is_done_about_a_job_at_a_time():
    assert knowledge._choose_action(cancel=False, retry=True, approve=False) == "retry"
    assert knowledge._choose_action(cancel=False) is None
    with pytest.raises(typer.BadParameter):
        knowledge._choose_action(cancel=True, approve=True)
