import io
import json

import jwt
import pytest
import typer

from headwater.cli import knowledge, output
from headwater.cli.confluence import print_plan, print_spaces
from headwater.cli.hints import HINTS, find_hint
from headwater.cli.options import read_credentials
from headwater.cli.output import CommandFailedError
from headwater.cli.tokens import mint_token, parse_tenant
from headwater.client import NoAnswerError, Problem, RefusalError
from headwater.client.answers import Plan, Space
from headwater.config import load_settings
from headwater.domain.errors import ConfigError

TENANT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
SECRET = "a-shared-secret-of-more-than-32-bytes"


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
    assert [item.api_token for item in given] == ["from-file", "from-stdin"]
    assert given[0].web_url_instance == "https://y.example"


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


def refuse(code):
    return RefusalError(422, [Problem(("body", "space"), "no such space", code)])


@pytest.mark.parametrize(("start", "hint"), HINTS.items())
def test_a_refusal_gets_the_hint_of_its_code(start, hint):
    assert find_hint(refuse(f"{start}.more" if "." not in start else start)) == hint


def test_the_narrowest_code_has_the_say():
    assert find_hint(refuse("not_found_error.content")) != find_hint(refuse("not_found_error"))


def test_what_this_command_line_has_no_words_for_the_client_has():
    assert find_hint(refuse("value_error.missing")) == refuse("value_error.missing").next_step
    assert find_hint(NoAnswerError("nobody", next_step="start it")) == "start it"


@pytest.mark.parametrize("name", ["[/]", "[bold]", "Ops [/eu]"])
def test_a_space_is_printed_by_its_whole_name(name, capsys):
    print_spaces([Space(key="OPS", name=name, type="global", status="current")])
    assert name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (CommandFailedError("it [failed]", hint="try"), "hint: try\n"),
        (CommandFailedError("it [failed]"), ""),
        (ConfigError("it [failed]"), "hint: headwater doctor checks every part and setting\n"),
        (NoAnswerError("it [failed]", next_step="go [on]"), "hint: go [on]\n"),
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
    counts = {"updated": 0, "metadata_only": 0, "deleted": 0, "held": 0, "skipped": 0}
    one, two = (
        {"document_id": "1", "title": title, "source_url": "x"} for title in ("One", "Two [x]")
    )
    print_plan(
        Plan.model_validate(
            {
                "documents": {**counts, "added": 2, "unchanged": 5},
                "attachments": {**counts, "added": 0, "unchanged": 0},
                "samples": {"added": [one, two], "unchanged": []},
                "chunks_to_embed": 7,
                "tokens": 700,
                "requests": 12,
                "ocr_pages": 0,
                "estimated_seconds": 3.4,
                "notes": ["the listing is incomplete"],
            }
        )
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
