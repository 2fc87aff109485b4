"""The tools for language models, as the SDK's own client calls them: over stdio and over HTTP."""

import json
import subprocess
import time
from contextlib import asynccontextmanager

import httpx
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from headwater.client import Client, Login, Upload
from headwater.client.calls import Call
from headwater.sandbox.server import run_sandbox_thread
from headwater.sandbox.worlds import make_world
from tests.e2e.conftest import make_data_dir
from tests.e2e.service_process import (
    COMMAND,
    TENANT,
    make_environment,
    make_token,
    run_service,
    serve,
)

STAFF = ["all-staff"]


@pytest.fixture(scope="module")
def service(tmp_path_factory, built_models):
    """A server that holds the space IT under Confluence's own rights; gives its URL."""
    folder = make_data_dir(tmp_path_factory.mktemp("mcp") / "data", built_models)
    with run_sandbox_thread(make_world()) as site, serve(folder) as (_, api):
        url = str(api.http.base_url)
        login = Login(site.instance_url, site.email, site.token, site.web_url)
        with Client(url, token=make_token(), tenant=TENANT) as client:
            job = client.wait_for_job(client.upload(Upload(login, "IT", source_restriction=True)))
        assert job.status == "succeeded", job.message
        yield url


@pytest.fixture(scope="module")
def http_url(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mcp-http")
    with run_service(folder, "mcp", "--http", "--port", "0", "--server", service) as process:
        yield process.url


@pytest.fixture(params=["stdio", "http"])
def open_session(request, service, tmp_path):
    """Open a session in the name of a token."""

    @asynccontextmanager
    async def over_stdio(token):
        path = tmp_path / "token"
        path.write_text(token)
        command = StdioServerParameters(
            command=COMMAND,
            args=["mcp", "--server", service, "--token-file", str(path)],
            env=make_environment(tmp_path / "data"),
        )
        async with (
            stdio_client(command) as (reading, writing),
            ClientSession(reading, writing) as session,
        ):
            yield session

    @asynccontextmanager
    async def over_http(token):
        url = request.getfixturevalue("http_url")
        async with (
            httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=60) as http,
            streamable_http_client(url, http_client=http) as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            yield session

    return {"stdio": over_stdio, "http": over_http}[request.param]


async def call(session, name, **arguments):
    answer = await session.call_tool(name, arguments)
    assert not answer.isError, answer.content
    return answer.structuredContent


async def test_a_model_searches_reads_and_lists_as_the_tokens_reader(open_session):
    async with open_session(make_token(groups=STAFF)) as session:
        told = await session.initialize()
        assert "never instructions" in told.instructions
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == {"search_knowledge", "get_document", "list_spaces"}
        for tool in tools.values():
            assert tool.description
            assert tool.outputSchema
            assert tool.annotations.readOnlyHint
            assert "context" not in tool.inputSchema["properties"]

        (space,) = (await call(session, "list_spaces"))["spaces"]
        assert (space["key"], space["documents"] > 10) == ("IT", True)
        found = await call(session, "search_knowledge", query="the printer shows E-034", top_k=2)
        best = found["passages"][0]
        assert "E-034" in best["text"]
        assert (best["is_cut"], best["space"]) == (False, "IT")
        read = await call(session, "get_document", document=best["source_url"])
        assert read["title"] == best["title"]
        assert "E-034" in read["markdown"]
        assert (read["is_complete"], read["next_cursor"]) == (True, None)

        for arguments in ({"query": "x", "top_k": 21}, {"query": ""}, {"query": "x" * 2_001}):
            assert (await session.call_tool("search_knowledge", arguments)).isError
        missing = await session.call_tool("get_document", {"document": "confluence:x:1"})
        assert missing.isError
        assert "not yours to read" in missing.content[0].text
        assert "What to do: " in missing.content[0].text


@pytest.fixture(scope="module")
def closed(service):
    """A link to what is in and not for all staff, and groups that may read it."""
    with Client(service, token=make_token(), tenant=TENANT) as client:
        body = {"rezolve_domain": "tests.example", "tenant_id": TENANT}
        query = {"platform_type": "confluence"}
        held = client.send(Call("POST", "/v2/get-vectors", dict, body, query, inside="data"))
        for document in held["documents"]:
            found = client.explain_access(document["source_url"], [f"group:{STAFF[0]}"])
            if not found.together.admitted:
                admitted = [
                    name for step in found.access for it in step.clauses for name in it.admits
                ]
                names = {name.removeprefix("group:") for name in admitted if "group:" in name}
                return document["source_url"], sorted(names)
    raise AssertionError("the sample wiki has nothing restricted")


async def test_what_two_readers_see_is_what_is_theirs(open_session, closed):
    link, insiders = closed
    for groups, may_read in ((STAFF, False), (insiders, True)):
        async with open_session(make_token(groups=groups)) as session:
            await session.initialize()
            answer = await session.call_tool("get_document", {"document": link})
            assert answer.isError is not may_read
            asked = {"query": link.rpartition("/")[2].replace("+", " "), "top_k": 20}
            found = await call(session, "search_knowledge", **asked)
            assert (link in {item["source_url"] for item in found["passages"]}) is may_read


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic eDp5"},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Bearer \u00e9".encode("latin-1")},
    ],
    ids=["none", "basic", "nonsense", "not ascii"],
)
def test_nobody_comes_in_without_a_token(http_url, headers):
    check_refused(http_url, headers, 401)


@pytest.mark.parametrize(
    ("make_claims", "status"),
    [
        (lambda: {"exp": int(time.time()) - 600}, 401),
        (lambda: {"scope": "knowledge:write"}, 403),
        (lambda: {"tenant_id": None}, 403),
    ],
    ids=["expired", "scope", "tenant"],
)
def test_nobody_comes_in_with_a_token_that_the_api_refuses(http_url, make_claims, status):
    check_refused(http_url, {"authorization": f"Bearer {make_token(**make_claims())}"}, status)


def check_refused(http_url, headers, status):
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"accept": "application/json, text/event-stream"}
    answer = httpx.post(http_url, json=hello, headers={**accept, **headers}, timeout=60)
    assert answer.status_code == status, answer.text
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert set(answer.json()["detail"][0]) == {"loc", "msg", "type"}


def test_the_tools_may_stand_behind_a_proxy_of_any_name(http_url):
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {
        "accept": "application/json, text/event-stream",
        "authorization": f"Bearer {make_token()}",
        "host": "headwater.acme.example",
    }
    answer = httpx.post(http_url, json=hello, headers=headers, timeout=60)
    assert len(answer.json()["result"]["tools"]) == 3


async def test_a_server_that_is_away_is_the_tools_error_and_its_next_step(tmp_path):
    (tmp_path / "token").write_text(make_token())
    command = StdioServerParameters(
        command=COMMAND,
        args=["mcp", "--server", "http://127.0.0.1:9", "--token-file", str(tmp_path / "token")],
        env=make_environment(tmp_path / "data"),
    )
    async with (
        stdio_client(command) as (reading, writing),
        ClientSession(reading, writing) as session,
    ):
        await session.initialize()
        answer = await session.call_tool("list_spaces", {})
    assert answer.isError
    assert "no answer from http://127.0.0.1:9" in str(answer.content)
    assert "is the server running?" in str(answer.content)


def test_nothing_but_the_protocol_stands_on_standard_output(service, tmp_path):
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    ended = subprocess.run(
        [COMMAND, "mcp", "--server", service, "--group", "all-staff", "--tenant", TENANT],
        env=make_environment(tmp_path / "data"),
        input=json.dumps(hello) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (line,) = ended.stdout.splitlines()
    assert json.loads(line)["result"]["serverInfo"]["name"] == "headwater"
    assert "Traceback" not in ended.stderr
