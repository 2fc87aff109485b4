"""Streams over a real socket: events come as they happen, and a client may leave."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
import uvicorn
from structlog.testing import capture_logs

from headwater.api.application import begin_shutdown
from headwater.domain.jobs import JobStatus, Stage
from tests.contract.api.fakes import (
    World,
    assert_refused,
    call_app,
    headers_for,
    make_job,
    open_app,
)

EVENTS = "/v2/confluence/jobs/job-a/events"


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (neither the server nor the log tells by an event)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serve(world):
    async with open_app(world) as app:
        config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers_for()
        ) as client:
            yield client
        server.should_exit = True
        await serving


async def next_line(lines, beginning):
    async with asyncio.timeout(10):
        async for line in lines:
            if line.startswith(beginning):
                return line
    raise AssertionError(f"no line {beginning!r}")


async def test_events_arrive_while_the_job_runs_and_the_stream_ends_with_it():
    world = World()
    job = make_job()
    world.jobs.stored[job.ref] = job
    async with serve(world) as client, client.stream("GET", EVENTS) as response:
        lines = response.aiter_lines()
        assert '"stage":"listing"' in await next_line(lines, "data: ")
        world.jobs.update(job, stage=Stage.PROCESSING)
        assert '"stage":"processing"' in await next_line(lines, "data: ")
        world.jobs.update(job, status=JobStatus.SUCCEEDED)
        assert await next_line(lines, "id: 2.0.end")
        rest = [line async for line in lines]

    assert [line for line in rest if line.startswith("event: ")] == ["event: end"]


async def test_a_client_that_leaves_ends_its_stream():
    world = World()
    world.jobs.stored[make_job().ref] = make_job()
    with capture_logs() as logs:
        async with serve(world) as client:
            async with client.stream("GET", EVENTS) as response:
                await next_line(response.aiter_lines(), "event: progress")
            await until(lambda: logs)

    (line,) = logs
    assert (line["event"], line["status"]) == ("request", 200)


async def test_a_server_that_is_to_stop_ends_its_streams_and_begins_nothing():
    world = World()
    world.jobs.stored[make_job().ref] = make_job()
    async with open_app(world) as app, call_app(app) as client:
        stream = asyncio.create_task(client.get(EVENTS))
        await until(lambda: len(world.jobs.looks) > 1)
        begin_shutdown(app)
        ended = await asyncio.wait_for(stream, 5)
        refused = [await client.get(path) for path in (EVENTS, "/readyz")]

    assert "event: progress" in ended.text
    assert "event: end" not in ended.text
    for response in refused:
        assert_refused(response, 503, (("service",), "unavailable_error"))


async def test_a_refused_body_does_not_break_the_connection():
    async with serve(World()) as client:
        large = await client.post("/v2/confluence/upload", content=b" " * 3_000_000)
        fine = await client.get("/healthz")

    assert (large.status_code, fine.status_code) == (400, 200)
