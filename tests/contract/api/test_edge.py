import asyncio
import re

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs

from headwater.api.answers import install_handlers
from headwater.api.edge import Edge
from headwater.domain.jobs import JobStatus
from tests.contract.api.examples import SEARCH, SEARCH_PATH, UPLOAD_PATH
from tests.contract.api.fakes import (
    TENANT,
    World,
    assert_refused,
    call_app,
    make_job,
    make_token,
    open_app,
)

JOBS = "/v2/confluence/jobs"


def lines(logs):
    return [entry for entry in logs if entry["event"] == "request"]


async def test_a_request_leaves_one_line_without_tenant_token_or_question(client):
    with capture_logs() as logs:
        response = await client.post(SEARCH_PATH, json=SEARCH, headers={"x-request-id": "req-1"})

    (line,) = lines(logs)
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "POST",
        "route": SEARCH_PATH,
        "status": 200,
        "request_id": "req-1",
    }
    assert response.headers["x-request-id"] == "req-1"
    text = repr(logs)
    assert not any(part in text for part in (TENANT, make_token()[:20], "reset password"))


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        (f"{JOBS}/job-a", f"{JOBS}/{{job_id}}", 200),
        (f"{JOBS}/secret-job/failures", f"{JOBS}/{{job_id}}/failures", 404),
        ("/nowhere/secret-job", None, 404),
        (UPLOAD_PATH, UPLOAD_PATH, 405),
    ],
)
async def test_the_line_names_the_route_and_never_the_path(client, world, path, route, status):
    world.jobs.stored[make_job().ref] = make_job()

    with capture_logs() as logs:
        await client.get(path)

    (line,) = lines(logs)
    assert (line["route"], line["status"]) == (route, status)
    assert "secret-job" not in repr(logs)


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\x7fb", '"'])
async def test_an_unfit_request_id_is_replaced(client, given):
    response = await client.get("/healthz", headers={"x-request-id": given})

    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/nowhere", JOBS, "/docs"])
async def test_every_answer_carries_the_security_headers(client, path):
    headers = (await client.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/docs", f"{JOBS}/job-a"])
async def test_head_answers_the_headers_of_get_and_no_body(client, world, path):
    world.jobs.stored[make_job().ref] = make_job()

    got, head = await client.get(path), await client.head(path)

    assert head.status_code == got.status_code == 200
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.content == b""


async def test_head_of_an_endless_stream_ends(client, world):
    world.jobs.stored[make_job().ref] = make_job(status=JobStatus.RUNNING)

    with capture_logs() as logs:
        response = await asyncio.wait_for(client.head(f"{JOBS}/job-a/events"), 5)

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert lines(logs)[0]["method"] == "HEAD"


async def test_a_client_that_leaves_while_sending_is_logged_and_not_an_error():
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = [
        (b"authorization", f"Bearer {make_token()}".encode()),
        (b"x-tenantid", TENANT.encode()),
        (b"content-type", b"application/json"),
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "path": UPLOAD_PATH,
        "query_string": b"",
        "headers": headers,
    }
    async with open_app(World()) as app:
        with capture_logs() as logs:
            await app(scope, receive, send)

    assert sent == []
    assert [entry["event"] for entry in logs] == ["request"]
    assert lines(logs)[0]["status"] == 499


async def test_an_answer_that_breaks_off_is_logged_and_gets_no_second_start():
    async def broken():
        yield b"a"
        raise RuntimeError("s3cret")

    async def app(scope, receive, send):
        await StreamingResponse(broken())(scope, receive, send)

    sent = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message["type"])

    with capture_logs() as logs:
        await Edge(app)({"type": "http", "method": "GET", "headers": []}, receive, send)

    assert sent == ["http.response.start", "http.response.body"]
    assert [entry["event"] for entry in logs] == ["unexpected error", "request"]
    assert "s3cret" not in repr(logs)


async def test_other_protocols_pass_through():
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["type"], receive, send))

    async def receive(): ...

    async def send(message): ...

    await Edge(app)({"type": "lifespan"}, receive, send)

    assert seen == [("lifespan", receive, send)]


async def test_parameters_declared_to_the_framework_are_refused_in_the_same_shape():
    class Body(BaseModel):
        count: int

    app = FastAPI()
    install_handlers(app)

    @app.post("/{number}")
    async def read(number: int, body: Body):
        return [number, body]

    app.add_middleware(Edge)
    async with call_app(app) as client:
        response = await client.post("/x", json={})

    assert_refused(response, 422, (("body", "count"), "value_error.missing"))
