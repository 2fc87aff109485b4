import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from headwater.api import job_events, job_routes
from headwater.domain.errors import RetryableError
from headwater.domain.ids import TenantId
from headwater.domain.jobs import (
    ChunkCounts,
    DocumentCounts,
    JobRef,
    JobStatus,
    Progress,
    Stage,
)
from headwater.services import job_reports
from headwater.services.failure_reports import FailureReports
from tests.contract.api.examples import INCREMENTAL_WITH_OCR, UPLOAD_PATH, changed
from tests.contract.api.fakes import (
    NOW,
    OTHER_TENANT,
    assert_refused,
    headers_for,
    make_failure,
    make_job,
    make_token,
    open_client,
)

JOBS = "/v2/confluence/jobs"
COUNTS = DocumentCounts(10, 9, 1, 2, 3, 4, 5, 6, 7, 8)
COUNTS_JSON = {
    "listed": 10,
    "done": 9,
    "added": 1,
    "updated": 2,
    "metadata_only": 3,
    "unchanged": 4,
    "skipped": 5,
    "failed": 6,
    "deleted": 7,
    "held": 8,
}


def store(world, job, *, failures=0):
    world.jobs.stored[job.ref] = job
    world.jobs.failed[job.ref] = [make_failure(number) for number in range(failures)]
    return job


async def test_a_job_is_shown_exactly_as_promised(client, world):
    store(
        world,
        make_job(
            status=JobStatus.PARTIAL,
            stage=Stage.DONE,
            started_at=datetime(2026, 11, 21, 13, 0, tzinfo=timezone(timedelta(hours=1))),
            finished_at=NOW,
            message="8 documents are held",
            throttled_until=NOW,
            progress=Progress(
                documents=COUNTS,
                attachments=COUNTS,
                chunks=ChunkCounts(1, 2, 3),
                ocr_pages=4,
                bytes_fetched=5,
                requests=6,
                skipped={"before_last_sync": 5},
                losses={"chart": 1},
            ),
        ),
        failures=1,
    )

    response = await client.get(f"{JOBS}/job-a")

    assert response.status_code == 200
    assert response.json() == {
        "job_id": "job-a",
        "kind": "upload",
        "status": "partial",
        "stage": "done",
        "space": "KB",
        "incremental": True,
        "created_at": "2026-11-21T12:00:00.123Z",
        "started_at": "2026-11-21T12:00:00.000Z",
        "finished_at": "2026-11-21T12:00:00.123Z",
        "progress": {
            "documents": COUNTS_JSON,
            "attachments": COUNTS_JSON,
            "chunks": {"embedded": 1, "reused": 2, "deleted": 3},
            "ocr_pages": 4,
            "bytes_fetched": 5,
            "requests": 6,
        },
        "skipped": {"before_last_sync": 5},
        "losses": {"chart": 1},
        "throttled_until": None,
        "failures": [
            {
                "document_id": "confluence:site:0",
                "title": "Page 0",
                "source_url": "https://acme.atlassian.net/wiki/pages/0",
                "error_type": "PARSE_ERROR",
                "error_message": "the body is broken; edit the page",
                "attempts": 1,
                "failed_at": "2026-11-21T12:00:00.123Z",
            }
        ],
        "message": "8 documents are held",
    }


async def test_a_waiting_job_says_until_when(client, world):
    store(world, make_job(stage=Stage.THROTTLED, throttled_until=NOW.replace(tzinfo=UTC)))

    job = (await client.get(f"{JOBS}/job-a")).json()

    assert (job["stage"], job["throttled_until"]) == ("throttled", "2026-11-21T12:00:00.123Z")
    assert (job["started_at"], job["message"], job["failures"]) == (None, None, [])


@pytest.mark.parametrize("path", ["job-a", "job-a/failures", "job-a/events", "job-a/cancel"])
async def test_another_tenants_job_is_404(client, world, path):
    store(world, make_job(tenant=OTHER_TENANT))
    method = "POST" if path.endswith("cancel") else "GET"

    response = await client.request(method, f"{JOBS}/{path}")

    assert_refused(response, 404, (("path",), "not_found_error"))


@pytest.mark.parametrize("job_id", ["%00", "a%20b", "x" * 201, "%ED%A0%80", "''"])
async def test_an_impossible_job_id_is_404(client, job_id):
    assert_refused(await client.get(f"{JOBS}/{job_id}"), 404)


async def test_jobs_are_listed_page_by_page_newest_first_with_their_filters(client, world):
    for number in range(5):
        status = JobStatus.FAILED if number == 3 else JobStatus.SUCCEEDED
        created = NOW + timedelta(minutes=number)
        space = "IT" if number == 4 else "KB"
        store(world, make_job(f"job-{number}", status=status, created_at=created, space=space))
    store(world, make_job("foreign", tenant=OTHER_TENANT))

    first = (await client.get(JOBS, params={"limit": 3})).json()
    rest = (await client.get(JOBS, params={"limit": 3, "cursor": first["next"]})).json()
    failed = (await client.get(JOBS, params={"status": "failed", "space": "KB"})).json()
    unfiltered = (await client.get(JOBS, params={"status": "", "space": "", "limit": ""})).json()

    assert set(first) == {"jobs", "next"}
    assert [job["job_id"] for job in first["jobs"]] == ["job-4", "job-3", "job-2"]
    assert [job["job_id"] for job in rest["jobs"]] == ["job-1", "job-0"]
    assert rest["next"] is None
    assert [job["job_id"] for job in failed["jobs"]] == ["job-3"]
    assert len(unfiltered["jobs"]) == 5


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("limit", "0", "value_error.number.not_ge"),
        ("limit", "251", "value_error.number.not_le"),
        ("limit", "ten", "type_error.integer"),
        ("limit", "-1", "type_error.integer"),
        ("limit", "9" * 40, "type_error.integer"),
        ("status", "done", "type_error.enum"),
        ("space", "  ", "value_error.any_str.min_length"),
        ("cursor", "x" * 1001, "value_error.any_str.max_length"),
    ],
)
async def test_a_wrong_query_is_422_there(client, name, value, kind):
    response = await client.get(JOBS, params={name: value})

    assert_refused(response, 422, (("query", name), kind))


async def test_failures_come_in_pages_with_their_total(client, world):
    store(world, make_job(), failures=130)

    shown = (await client.get(f"{JOBS}/job-a")).json()["failures"]
    first = (await client.get(f"{JOBS}/job-a/failures")).json()
    rest = (await client.get(f"{JOBS}/job-a/failures", params={"cursor": first["next"]})).json()

    assert [failure["title"] for failure in shown] == [f"Page {n}" for n in range(20)]
    assert set(first) == {"failures", "total", "next"}
    assert (len(first["failures"]), first["total"]) == (100, 130)
    assert ([failure["title"] for failure in rest["failures"]], rest["next"]) == (
        [f"Page {n}" for n in range(100, 130)],
        None,
    )


async def test_cancelling_answers_the_job_and_needs_no_body(client, world):
    store(world, make_job())

    response = await client.post(f"{JOBS}/job-a/cancel")

    assert response.status_code == 200
    assert response.json()["status"] == "cancelled"


async def test_cancelling_needs_the_write_scope(client, world):
    store(world, make_job())
    headers = headers_for(make_token(scope="knowledge:read"))

    response = await client.post(f"{JOBS}/job-a/cancel", headers=headers)

    assert_refused(response, 403)
    assert world.jobs.stored[make_job().ref].status is JobStatus.RUNNING


async def test_a_job_id_makes_the_upload_idempotent_and_another_body_conflicts(client, world):
    first = await client.post(UPLOAD_PATH, json=INCREMENTAL_WITH_OCR)
    world.sources.error = RetryableError("Confluence must not be asked again")
    again = changed(INCREMENTAL_WITH_OCR, "authorization.api_token", "renewed")
    second = await client.post(UPLOAD_PATH, json=again)
    third = await client.post(UPLOAD_PATH, json=changed(again, "space", "KB"))

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert_refused(third, 409, (("body", "job_id"), "conflict_error"))
    assert len(world.jobs.stored) == 1


# ── Events ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(job_reports, "POLL", 0.001)


def parse_events(text):
    events = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        events.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return events


def kinds(events):
    return [event for event, _, _ in events]


async def follow(client, last=None, job_id="job-a"):
    headers = {} if last is None else {"last-event-id": last}
    response = await client.get(f"{JOBS}/{job_id}/events", headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return parse_events(response.text)


def tell_story(world, job):
    """Let a job be listed, meet two failures and end, one step per look."""
    failed = world.jobs.failed[job.ref]

    def fail():
        failed.extend([make_failure(1), make_failure(2)])
        world.jobs.update(job, stage=Stage.PROCESSING)

    def finish():
        world.jobs.update(job, status=JobStatus.PARTIAL, stage=Stage.DONE)

    world.jobs.script = [*[lambda: None] * 4, fail, *[lambda: None] * 4, finish]


async def test_a_job_is_followed_to_its_end(client, world):
    job = store(world, make_job())
    tell_story(world, job)

    events = await follow(client)

    assert kinds(events) == ["progress", "failure", "failure", "progress", "progress", "end"]
    assert [data["title"] for kind, _, data in events if kind == "failure"] == ["Page 1", "Page 2"]
    stages = [data["stage"] for kind, _, data in events if kind == "progress"]
    assert stages == ["listing", "processing", "done"]
    assert events[-1][2]["status"] == "partial"
    assert events[-1][2] == (await client.get(f"{JOBS}/job-a")).json()


async def test_every_event_id_resumes_exactly_after_it(client, world):
    job = store(
        world, make_job(status=JobStatus.PARTIAL, stage=Stage.DONE, revision=7), failures=250
    )
    whole = await follow(client)
    assert kinds(whole) == ["failure"] * 250 + ["progress", "end"]

    for seen in (0, 98, 99, 100, 199, 249, 250):
        rest = await follow(client, last=whole[seen][1])
        assert rest == whole[seen + 1 :]

    over = await client.get(f"{JOBS}/job-a/events", headers={"last-event-id": whole[-1][1]})
    assert over.status_code == 204
    world.jobs.update(job, message="approved")
    assert kinds(await follow(client, last=whole[-1][1])) == ["progress", "end"]


@pytest.mark.parametrize("last", ["", "x", "1", "1.2.3", "9" * 30 + ".1", "1.2.end.end", "-1.-1"])
async def test_an_event_id_that_is_none_of_ours_starts_from_the_beginning(client, world, last):
    store(world, make_job(status=JobStatus.SUCCEEDED), failures=1)

    assert kinds(await follow(client, last=last)) == ["failure", "progress", "end"]


async def test_failures_that_arrive_later_are_sent_once_across_full_pages(
    client, world, monkeypatch
):
    monkeypatch.setattr(job_events, "PAGE", 2)
    job = store(world, make_job())
    failed = world.jobs.failed[job.ref]

    def fail(number):
        def step():
            failed.append(make_failure(number))
            world.jobs.update(job)

        return step

    def finish():
        world.jobs.update(job, status=JobStatus.PARTIAL)

    world.jobs.script = [lambda: None, *(fail(number) for number in range(40)), finish]

    titles = [data["title"] for kind, _, data in await follow(client) if kind == "failure"]

    assert titles == [f"Page {number}" for number in range(40)]


async def test_a_stream_ends_with_its_token_and_without_an_end_event(client, world, monkeypatch):
    store(world, make_job())
    begun = time.time()
    times = iter([begun, begun + 629, begun + 631])
    monkeypatch.setattr(job_routes, "time", SimpleNamespace(time=lambda: next(times)))
    token = make_token(exp=int(begun) + 600)

    response = await client.get(f"{JOBS}/job-a/events", headers=headers_for(token))

    assert kinds(parse_events(response.text)) == ["progress"]
    assert next(times, None) is None


async def test_a_stream_ends_when_its_job_is_gone(world):
    ref = JobRef(TenantId(OTHER_TENANT), make_job().ref.job_id)

    events = job_events.follow_job(
        FailureReports(world.ports(), None), ref, job_events.Position(), may_go_on=lambda: True
    )

    assert [event async for event in events] == []


async def test_an_unreachable_job_store_is_503_before_the_stream_begins(world):
    world.jobs.error = RetryableError("the catalog is busy; try again", retry_after=1.2)
    async with open_client(world) as client:
        response = await client.get(f"{JOBS}/job-a/events")

    assert_refused(response, 503, (("service",), "unavailable_error"))
    assert response.headers["retry-after"] == "2"


async def test_a_job_replaced_by_an_older_copy_is_shown_again(client, world):
    job = store(world, make_job(status=JobStatus.SUCCEEDED, revision=9))
    seen = (await follow(client))[-1][1]
    world.jobs.stored[job.ref] = replace(job, revision=3)

    assert kinds(await follow(client, last=seen)) == ["progress", "end"]
