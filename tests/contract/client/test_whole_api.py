"""Every call of both clients, against the real application on a socket."""

import inspect
import re
import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter

from headwater import client
from headwater.api.application import create_app
from headwater.client import AsyncClient, Client, Login, NotFoundError, Settings, Upload, calls
from headwater.domain.ids import TenantId
from tests.contract.api.fakes import TENANT, make_settings
from tests.contract.api.live_app import serve_small_app
from tools.blocking_client import CLIENT, make_blocking

LOGIN = Login("https://acme.atlassian.net/wiki/rest/api", "me@acme.example", "top-secret-token")
OLD_LOGIN = Login("https://acme.example/wiki", "me@acme.example", "token")
"""For the Confluence of the job that is there from the beginning."""

UPLOAD = Upload(LOGIN, "KB", source_restriction=False, job_id="mine")
SAMPLES: dict[str, list[Any]] = {
    "list_spaces": [LOGIN],
    "count_spaces": [LOGIN],
    "list_content": [LOGIN, "KB"],
    "upload": [UPLOAD],
    "plan": [UPLOAD],
    "search": ["words"],
    "explain_access": ["https://acme.example/x", ["everyone"]],
    "put_configuration": ["nightly", Settings()],
    "add_blacklist_entry": ["label", "draft"],
    "list_configurations": [],
    "list_blacklist": [],
    "list_known_spaces": [],
    "list_jobs": [],
}
"""Arguments of the calls; one text for all others."""

LEFT_OUT = {
    ("POST", "/v2/get-vectors"),
    ("POST", "/v2/delete"),
    ("POST", "/v2/failed-files"),
}
"""The platform's own endpoints, which its own clients call."""

DOCUMENT = create_app(make_settings(), lambda: None).openapi()  # type: ignore[arg-type,return-value]


def list_calls():
    for name, function in inspect.getmembers(calls, inspect.isfunction):
        if (
            not name.startswith("_")
            and name != "locate_events"
            and function.__module__ == calls.__name__
        ):
            yield name, function(*SAMPLES.get(name, ["1"]))


CALLS = dict(list_calls())


def find_route(call):
    for path, methods in DOCUMENT["paths"].items():
        pattern = re.sub(r"\{[a-z_]+\}", "[^/]+", path)
        if re.fullmatch(pattern, call.path) and call.method.lower() in methods:
            return call.method, path
    return None


def test_every_route_that_a_user_needs_has_a_call():
    wanted = {
        (method.upper(), path)
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
        if path.startswith("/v2")
    }
    covered = {find_route(call) for call in CALLS.values()}
    assert covered | {("GET", "/v2/confluence/jobs/{job_id}/events")} == wanted - LEFT_OUT


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_every_call_is_a_method_of_both_clients(kind):
    for name in CALLS:
        method = getattr(kind, name)
        assert method.__doc__ == getattr(calls, name).__doc__
        assert inspect.signature(method) == inspect.signature(getattr(calls, name))


def test_the_client_that_waits_is_made_from_the_one_that_awaits():
    made = make_blocking((CLIENT / "asynchronous.py").read_text(encoding="utf-8"))
    assert (CLIENT / "synchronous.py").read_text(encoding="utf-8") == made


def shape(schema, document):
    """Return what a JSON schema says of a value's form, without names, texts and orders."""
    if "$ref" in schema:
        schema = {**find_definition(schema["$ref"], document)}
    if "anyOf" in schema:
        forms = {repr(shape(choice, document)) for choice in schema["anyOf"]}
        return sorted(forms)
    if "properties" in schema:
        return {name: shape(part, document) for name, part in sorted(schema["properties"].items())}
    inner = schema.get("items") or schema.get("additionalProperties")
    return [schema["type"], shape(inner, document)] if inner else schema["type"]


def find_definition(ref, document):
    for step in ref.removeprefix("#/").split("/"):
        document = document[step]
    return document


@pytest.mark.parametrize("name", sorted(CALLS))
def test_every_answer_has_the_fields_of_the_contract_and_their_types(name):
    call = CALLS[name]
    method, path = find_route(call)
    responses = DOCUMENT["paths"][path][method.lower()]["responses"]
    if call.answer is type(None):
        assert "204" in responses
        return
    served = responses["200"]["content"]["application/json"]["schema"]
    if "$ref" in served and call.inside:
        served = find_definition(served["$ref"], DOCUMENT)["properties"][call.inside]
    ours = TypeAdapter(call.answer).json_schema()
    choices = [shape(choice, DOCUMENT) for choice in served.get("anyOf", [served])]
    assert shape(ours, ours) in choices


def test_it_may_be_imported_without_the_service():
    code = "import sys, headwater.client; print(sorted(m for m in sys.modules if m.startswith('headwater') or m in {'fastapi', 'sqlalchemy', 'lancedb', 'structlog'}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[1] for name in re.findall(r"'(headwater\.[a-z_.]+)'", ended.stdout)}
    assert loaded == {"client"}
    assert not re.search("fastapi|sqlalchemy|lancedb|structlog", ended.stdout)


def test_the_module_says_what_it_offers():
    assert [name for name in client.__all__ if not hasattr(client, name)] == []


def test_an_api_token_is_nowhere_shown():
    assert "top-secret" not in f"{LOGIN!r} {UPLOAD!r} {calls.upload(UPLOAD)!r} {LOGIN}"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with serve_small_app(tmp_path_factory.mktemp("small"), TenantId(TENANT)) as url:
        yield url


async def test_a_user_does_all_that_there_is_to_do(make_client, url):
    headwater = make_client(url)
    assert {space.key for space in (await headwater.list_spaces(LOGIN)).spaces} >= {"KB", "IT"}
    assert (await headwater.count_spaces(LOGIN, limit=2)).next
    listed = await headwater.list_content(LOGIN, "KB", limit=2)
    assert [page.title for page in listed.pages] == ["Page 1", "Page 2"]
    assert (await headwater.plan(UPLOAD)).documents.added >= 0

    wanted = Upload(LOGIN, "KB", source_restriction=False)
    job_id = await headwater.upload(wanted)
    assert job_id == wanted.job_id == await headwater.upload(wanted)
    seen = []
    job = await headwater.wait_for_job(job_id, on_progress=lambda job: seen.append(job.status))
    assert (job.status, seen[-1], job.is_final) == ("succeeded", "succeeded", True)
    assert job == await headwater.read_job(job_id) == await headwater.cancel_job(job_id)
    assert (await headwater.wait_for_job(job_id, at_most=0)).is_final
    assert job_id in {job.job_id for job in (await headwater.list_jobs(space="KB")).jobs}

    (failure,) = (await headwater.list_failures("job-1")).failures
    assert failure.error_type in {"PARSE_ERROR", "TIMEOUT", "NETWORK_ERROR"}
    assert (await headwater.retry_job("job-1", OLD_LOGIN)).startswith("job-")
    assert (await headwater.approve_job("job-1", OLD_LOGIN)).job_id == "job-1"

    assert (await headwater.search("words", top_k=3)).results is not None
    assert (await headwater.list_known_spaces()).spaces == ()
    with pytest.raises(NotFoundError):
        await headwater.read_document("confluence:wiki.acme.example:404", limit=1)
    why = await headwater.explain_presence(failure.source_url)
    assert why.to_json()["data"]["status"] == why.status == "failed"
    known = await headwater.explain_access(failure.source_url, ["everyone"])
    assert known.together.principals == ("everyone",)


async def test_settings_and_the_blacklist_are_kept(make_client, url):
    headwater = make_client(url)
    settings = Settings(content_types=("page",), schedule="0 3 * * *")
    stored = await headwater.put_configuration("night:ly", settings)
    assert stored == await headwater.read_configuration("night:ly")
    assert stored.settings.content_types == ("page",)
    assert stored in (await headwater.list_configurations()).sync_configurations
    assert await headwater.delete_configuration("night:ly") is None
    entry = await headwater.add_blacklist_entry("label", "Draft")
    assert entry.value == "draft"
    assert entry in (await headwater.list_blacklist()).entries
    assert await headwater.delete_blacklist_entry(entry.id) is None


async def test_a_page_is_deleted_by_its_link_and_only_once(make_client, url):
    headwater = make_client(url)
    links = [f"https://wiki.acme.example/spaces/ENG/pages/{number}/x" for number in (1, 2, 3)]
    here = [link for link in links if (await headwater.explain_presence(link)).status == "here"]
    assert (await headwater.delete(here[0])).documents_deleted == 1
    with pytest.raises(NotFoundError):
        await headwater.delete(here[0])
