"""What clients can make the process hold is bounded: connections, requests, bodies, headers."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
import uvicorn

from headwater.api import json_bodies, protocol
from headwater.api.capacity import Capacity
from headwater.api.protocol import GuardedProtocol
from tests.contract.api.examples import SEARCH_PATH
from tests.contract.api.fakes import (
    World,
    assert_refused,
    call_app,
    headers_for,
    open_app,
)

PATIENCE = 10


@asynccontextmanager
async def connect(world):
    """Serve the application as ``headwater serve`` does, and open one connection to it."""
    async with open_app(world) as app:
        config = uvicorn.Config(
            app, port=0, log_config=None, lifespan="off", ws="none", http=GuardedProtocol
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  (the server does not tell by an event)
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


async def read_rest(reader):
    async with asyncio.timeout(PATIENCE):
        return await reader.read()


async def test_a_client_that_never_ends_its_headers_is_cut_off(monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    async with connect(World()) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nslow")
        assert await read_rest(reader) == b""


async def test_a_client_that_says_nothing_is_cut_off(monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    async with connect(World()) as (reader, _):
        assert await read_rest(reader) == b""


async def test_a_connection_serves_further_requests_after_a_slow_one(monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    async with connect(World()) as (reader, writer):
        for part in (b"GET /healthz HT", b"TP/1.1\r\nhost: x\r\n\r\n") * 2:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(PATIENCE):
            for _ in range(2):
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                (length,) = [
                    int(line.partition(b":")[2])
                    for line in head.lower().splitlines()
                    if line.startswith(b"content-length")
                ]
                await reader.readexactly(length)


async def read_answer(reader):
    """Return the head of an answer whose body is JSON, and leave the connection open."""
    async with asyncio.timeout(PATIENCE):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"]}")
    return head


async def drip(writer):
    """Write byte by byte, never pausing long enough for the connection to be idle."""
    async with asyncio.timeout(PATIENCE):
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)


async def test_a_client_that_goes_on_with_its_body_after_the_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    async with connect(World()) as (reader, writer):
        writer.write(f"POST {SEARCH_PATH} HTTP/1.1\r\nhost: x\r\n".encode())
        writer.write(b"content-length: 1000000\r\n\r\n")
        assert b" 401 " in await read_answer(reader)
        with pytest.raises(ConnectionError):
            await drip(writer)


async def test_nonsense_after_the_answer_ends_the_connection_and_is_no_error_of_ours():
    errors = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    async with connect(World()) as (reader, writer):
        writer.write(f"POST {SEARCH_PATH} HTTP/1.1\r\nhost: x\r\n".encode())
        writer.write(b"transfer-encoding: chunked\r\n\r\n")
        assert b" 401 " in await read_answer(reader)
        writer.write(b"no chunk\r\n")
        assert await read_rest(reader) == b""
    assert errors == []


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ],
    ids=["no HTTP", "two lengths"],
)
async def test_what_is_no_http_is_answered_in_the_one_shape_and_cut_off(sent):
    async with connect(World()) as (reader, writer):
        writer.write(sent)
        head, _, body = (await read_rest(reader)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    (problem,) = json.loads(body)["detail"]
    assert problem["type"] == "value_error.http"


async def test_headers_beyond_64_kib_end_the_connection():
    async with connect(World()) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nbig: " + b"x" * 1_000_000)
        try:
            answer = await read_rest(reader)
        except ConnectionResetError:  # the rest of the headers met a closed door
            answer = b""
    assert b"200 OK" not in answer


async def test_a_body_that_does_not_arrive_is_400(monkeypatch):
    monkeypatch.setattr(json_bodies, "BODY_SECONDS", 0.2)
    fields = {**headers_for(), "host": "x", "content-type": "application/json"}
    lines = [f"POST {SEARCH_PATH} HTTP/1.1", "content-length: 100"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    async with connect(World()) as (reader, writer):
        writer.write(("\r\n".join(lines) + '\r\n\r\n{"query').encode())
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readuntil(b"]}")
    assert head.startswith(b"HTTP/1.1 400")
    assert json.loads(body)["detail"][0]["type"] == "value_error.too_slow"


async def test_requests_beyond_the_capacity_are_told_to_come_again_and_then_served():
    entered, leave = asyncio.Event(), asyncio.Event()

    async def hold(_scope, _receive, send):
        entered.set()
        await leave.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with call_app(Capacity(hold, limit=1)) as client:
        first = asyncio.create_task(client.get("/"))
        await entered.wait()
        refused = await client.get("/")
        assert_refused(refused, 503, (("service",), "unavailable_error"))
        assert refused.headers["retry-after"] == "1"
        leave.set()
        assert (await first).status_code == 204
        assert (await client.get("/")).status_code == 204


async def test_a_process_that_is_full_is_alive():
    async with open_app(World()) as app, call_app(Capacity(app, limit=0)) as client:
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200


async def test_a_request_that_breaks_frees_its_place():
    async def fail(*_):
        raise RuntimeError("broken")

    capacity = Capacity(fail, limit=1)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await capacity({"type": "http", "path": "/"}, fail, fail)


async def test_event_streams_take_no_place_of_other_requests():
    async def answer(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with call_app(Capacity(answer, limit=0)) as client:
        assert (await client.get("/v2/confluence/jobs/job-a/events")).status_code == 204
        assert (await client.get("/console/jobs/job-a/events")).status_code == 204
        assert (await client.get("/v2/confluence/jobs/job-a/failures")).status_code == 503
