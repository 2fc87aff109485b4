"""What every job store and credential store keeps to."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from headwater.domain.errors import ConflictError, FailureType, InvalidInputError, NotFoundError
from headwater.domain.ids import CredentialId, SpaceKey
from headwater.domain.jobs import (
    ChunkCounts,
    DocumentCounts,
    Failure,
    JobChange,
    JobStatus,
    Progress,
    Stage,
)
from headwater.domain.sync import Outcome
from tests.contract.catalog_samples import (
    ENGINES,
    NOW,
    add_running_job,
    document_id,
    make_job,
    make_ref,
    make_request,
    make_result,
    open_engine,
)


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


async def list_jobs(stores, tenant, *, space=None, status=None, cursor=None, limit=10):
    return await stores.jobs.list(tenant, space=space, status=status, cursor=cursor, limit=limit)


async def test_a_stored_job_is_found_as_it_was_given(stores):
    ref = make_ref()
    job = make_job(
        ref,
        started_at=NOW + timedelta(seconds=1),
        finished_at=NOW + timedelta(seconds=2),
        throttled_until=NOW + timedelta(seconds=3),
        message="wait",
        progress=Progress(
            documents=DocumentCounts(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
            attachments=DocumentCounts(held=1),
            chunks=ChunkCounts(1, 2, 3),
            ocr_pages=4,
            bytes_fetched=5,
            requests=6,
            skipped={"too_old": 2},
            losses={"jira": 1},
        ),
    )
    await stores.jobs.add(job, None)
    assert await stores.jobs.find(ref) == job


async def test_a_request_of_defaults_is_found_as_it_was_given(stores):
    ref = make_ref()
    request = make_request(last_sync=None, sync_configuration_id=None)
    await stores.jobs.add(make_job(ref, request=request, credential_id=None), None)
    found = await stores.jobs.find(ref)
    assert found.request == request
    assert found.credential_id is None


async def test_times_come_back_in_utc_whatever_zone_they_were_given_in(stores):
    ref = make_ref()
    given = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    await stores.jobs.add(make_job(ref, created_at=given), None)
    found = await stores.jobs.find(ref)
    assert found.created_at == given
    assert found.created_at.tzinfo is UTC


async def test_an_unknown_job_is_not_found(stores):
    assert await stores.jobs.find(make_ref()) is None


async def test_a_job_id_is_taken_once_per_tenant(stores):
    ref = make_ref()
    await stores.jobs.add(make_job(ref), b"first")
    with pytest.raises(ConflictError, match="job-1"):
        await stores.jobs.add(make_job(ref, credential_id=CredentialId("other")), b"second")
    assert await stores.credentials.read(ref.tenant, CredentialId("other")) is None
    await stores.jobs.add(make_job(make_ref()), b"another tenant's")


async def test_a_job_whose_credential_cannot_be_stored_is_not_stored(stores):
    first, second = make_ref("a"), make_ref("b")
    taken = CredentialId("shared")
    second = make_ref("b", first.tenant)
    await stores.jobs.add(make_job(first, credential_id=taken), b"first")
    with pytest.raises(ConflictError):
        await stores.jobs.add(make_job(second, credential_id=taken), b"second")
    assert await stores.jobs.find(second) is None
    assert await stores.credentials.read(first.tenant, taken) == b"first"


async def test_a_sealed_credential_needs_an_id(stores):
    ref = make_ref()
    with pytest.raises(ValueError, match="credential_id"):
        await stores.jobs.add(make_job(ref, credential_id=None), b"sealed")
    assert await stores.jobs.find(ref) is None


async def test_credentials_expire_with_the_end_of_their_job_and_only_with_it(stores):
    old, fresh, still_open = make_ref("old"), make_ref("fresh"), make_ref("open")
    for ref in (old, fresh, still_open):
        await add_running_job(stores, ref)
    for ref, ended in ((old, NOW - timedelta(seconds=1)), (fresh, NOW)):
        await stores.jobs.change(ref, JobChange(status=JobStatus.PARTIAL, finished_at=ended))
    assert await stores.credentials.remove_expired(ended_before=NOW) == 1
    assert await stores.credentials.remove_expired(ended_before=NOW) == 0
    for ref, kept in ((old, None), (fresh, b"sealed"), (still_open, b"sealed")):
        found = await stores.credentials.read(ref.tenant, make_job(ref).credential_id)
        assert found == kept


async def test_a_finished_job_takes_amendments_and_nothing_else(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    await stores.jobs.change(ref, JobChange(status=JobStatus.PARTIAL))
    deleted = Progress(documents=DocumentCounts(deleted=2))
    await stores.jobs.change(ref, JobChange(progress=deleted))
    assert (await stores.jobs.find(ref)).progress == Progress()
    await stores.jobs.change(ref, JobChange(progress=deleted, amends=True))
    job = await stores.jobs.find(ref)
    assert (job.progress, job.status) == (deleted, JobStatus.PARTIAL)


async def test_a_credential_is_read_by_its_tenant_until_it_is_removed(stores):
    ref, stranger = make_ref(), make_ref()
    job = make_job(ref)
    await stores.jobs.add(job, b"\x00sealed\xff")
    assert await stores.credentials.read(ref.tenant, job.credential_id) == b"\x00sealed\xff"
    await stores.credentials.remove(stranger.tenant, job.credential_id)
    assert await stores.credentials.read(stranger.tenant, job.credential_id) is None
    assert await stores.credentials.read(ref.tenant, job.credential_id) is not None
    await stores.credentials.remove(ref.tenant, job.credential_id)
    await stores.credentials.remove(ref.tenant, job.credential_id)
    assert await stores.credentials.read(ref.tenant, job.credential_id) is None


async def test_pages_of_jobs_show_each_once_newest_first(stores):
    ref = make_ref()
    times = [0, 1, 1, 1, 2, 3, 3]
    for number, seconds in enumerate(times):
        job_ref = make_ref(f"j{number}", ref.tenant)
        created = NOW + timedelta(seconds=seconds)
        await stores.jobs.add(make_job(job_ref, created_at=created), None)
    seen, cursor = [], None
    while True:
        page = await list_jobs(stores, ref.tenant, cursor=cursor, limit=2)
        seen += [job.ref.job_id for job in page.jobs]
        cursor = page.next
        if cursor is None:
            break
    assert seen == ["j6", "j5", "j4", "j3", "j2", "j1", "j0"]


async def test_a_last_full_page_of_jobs_has_no_next(stores):
    ref = make_ref()
    for number in range(2):
        await stores.jobs.add(make_job(make_ref(f"j{number}", ref.tenant)), None)
    assert (await list_jobs(stores, ref.tenant, limit=2)).next is None


async def test_jobs_are_listed_by_space_and_status(stores):
    ref = make_ref("running")
    await add_running_job(stores, ref)
    await stores.jobs.add(make_job(make_ref("queued", ref.tenant)), None)
    other = make_request(space=SpaceKey("HR"))
    await stores.jobs.add(make_job(make_ref("other", ref.tenant), request=other), None)

    async def ids(**filters: Any):
        page = await list_jobs(stores, ref.tenant, **filters)
        return {job.ref.job_id for job in page.jobs}

    assert await ids() == {"running", "queued", "other"}
    assert await ids(space=SpaceKey("HR")) == {"other"}
    assert await ids(status=JobStatus.QUEUED) == {"queued", "other"}
    assert await ids(space=SpaceKey("ENG"), status=JobStatus.RUNNING) == {"running"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "ünïcode",
        "2026-03-01T12:00:00+00:00",
        "2026-03-01T12:00:00 no-zone",
        "2026-03-01T12:00:00+00:00 ",
        "2026-03-01T12:00:00+00:00 \0",
        "0001-01-01T00:00:00+23:59 before-time",
        "yesterday j",
    ],
)
async def test_a_cursor_that_no_list_gave_is_refused(stores, text):
    for cursor in (text, base64.urlsafe_b64encode(text.encode()).decode()):
        with pytest.raises(InvalidInputError) as caught:
            await list_jobs(stores, make_ref().tenant, cursor=cursor)
        assert caught.value.loc == ("query", "cursor")
        assert caught.value.kind == "value_error.cursor"
        with pytest.raises(InvalidInputError):
            await stores.jobs.failures(make_ref(), cursor=cursor, limit=1)


async def test_open_jobs_of_every_tenant_are_listed_oldest_first(stores):
    refs = [make_ref(f"j{number}") for number in range(4)]
    for age, ref in enumerate(refs):
        await stores.jobs.add(make_job(ref, created_at=NOW - timedelta(hours=age)), None)
    await stores.jobs.change(refs[1], JobChange(status=JobStatus.RUNNING))
    await stores.jobs.change(refs[2], JobChange(status=JobStatus.FAILED))
    found = await stores.jobs.list_open()
    assert [job.ref for job in found] == [refs[3], refs[1], refs[0]]
    assert [job.status for job in found] == [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.QUEUED]
    assert {job.lane for job in found} == {
        f"{ref.tenant}/ENG" for ref in (refs[0], refs[1], refs[3])
    }


async def test_a_change_sets_what_it_names_and_leaves_the_rest(stores):
    ref = make_ref()
    await stores.jobs.add(make_job(ref, message="before"), None)
    await stores.jobs.change(ref, JobChange(stage=Stage.PROBING, started_at=NOW))
    job = await stores.jobs.find(ref)
    assert (job.stage, job.started_at, job.message) == (Stage.PROBING, NOW, "before")
    assert (job.status, job.finished_at) == (JobStatus.QUEUED, None)


async def test_progress_adds_up(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    step = Progress(documents=DocumentCounts(done=2), requests=3, losses={"jira": 1})
    await stores.jobs.change(ref, JobChange(progress=step))
    await stores.jobs.change(ref, JobChange(progress=step))
    progress = (await stores.jobs.find(ref)).progress
    assert progress == step + step


async def test_progress_of_concurrent_changes_all_counts(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    step = JobChange(progress=Progress(requests=1))
    await asyncio.gather(*(stores.jobs.change(ref, step) for _ in range(20)))
    assert (await stores.jobs.find(ref)).progress.requests == 20


async def test_the_revision_grows_with_each_visible_change_only(stores):
    ref = make_ref()
    await stores.jobs.add(make_job(ref), None)
    revisions = []
    for change in (
        JobChange(stage=Stage.LISTING),
        JobChange(stage=Stage.LISTING),
        JobChange(),
        JobChange(progress=Progress(requests=1)),
    ):
        await stores.jobs.change(ref, change)
        revisions.append((await stores.jobs.find(ref)).revision)
    assert revisions == [1, 1, 1, 2]


async def test_waiting_ends_with_the_next_stage(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    until = NOW + timedelta(seconds=30)
    await stores.jobs.change(ref, JobChange(stage=Stage.THROTTLED, throttled_until=until))
    await stores.jobs.change(ref, JobChange(progress=Progress(requests=1)))
    assert (await stores.jobs.find(ref)).throttled_until == until
    await stores.jobs.change(ref, JobChange(stage=Stage.PROCESSING))
    assert (await stores.jobs.find(ref)).throttled_until is None


@pytest.mark.parametrize("final", [status for status in JobStatus if status.is_final])
async def test_a_job_in_a_final_status_changes_no_more(stores, final):
    ref = make_ref()
    await add_running_job(stores, ref)
    await stores.jobs.change(ref, JobChange(status=final, stage=Stage.DONE, finished_at=NOW))
    ended = await stores.jobs.find(ref)
    late = JobChange(status=JobStatus.RUNNING, message="late", progress=Progress(requests=1))
    await stores.jobs.change(ref, late)
    await stores.jobs.request_cancel(ref)
    assert await stores.jobs.find(ref) == ended


async def test_a_queued_job_is_cancelled_at_once(stores):
    ref = make_ref()
    await stores.jobs.add(make_job(ref), None)
    await stores.jobs.request_cancel(ref)
    job = await stores.jobs.find(ref)
    assert (job.status, job.stage, job.finished_at) == (JobStatus.CANCELLED, Stage.DONE, NOW)
    assert (job.cancel_requested, job.revision) == (True, 1)
    assert job.message == "cancelled on request before it began"


async def test_a_running_job_is_asked_once_to_stop(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    await stores.jobs.request_cancel(ref)
    asked = await stores.jobs.find(ref)
    assert (asked.status, asked.cancel_requested) == (JobStatus.RUNNING, True)
    await stores.jobs.request_cancel(ref)
    assert await stores.jobs.find(ref) == asked


async def test_an_unknown_job_can_be_neither_changed_nor_cancelled(stores):
    ref = make_ref()
    with pytest.raises(NotFoundError, match="job-1"):
        await stores.jobs.change(ref, JobChange(stage=Stage.LISTING))
    with pytest.raises(NotFoundError):
        await stores.jobs.request_cancel(ref)


async def test_pages_of_failures_show_each_once_and_the_total(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    results = [make_result(number, Outcome.FAILED) for number in range(5)]
    await stores.catalog.record(ref, results, JobChange())
    seen, cursor = [], None
    while True:
        page = await stores.jobs.failures(ref, cursor=cursor, limit=2)
        assert page.total == 5
        seen += [failure.document_id for failure in page.failures]
        cursor = page.next
        if cursor is None:
            break
    assert seen == [document_id(number) for number in range(5)]


async def test_failures_are_listed_oldest_first(tmp_path):
    clock = iter(NOW + timedelta(seconds=seconds) for seconds in range(9))
    async with open_engine("sqlite", tmp_path, now=lambda: next(clock)) as stores:
        ref = make_ref()
        await add_running_job(stores, ref)
        for number in (9, 1, 5):
            await stores.catalog.record(ref, [make_result(number, Outcome.FAILED)], JobChange())
        page = await stores.jobs.failures(ref, cursor=None, limit=5)
    assert [failure.document_id for failure in page.failures] == [document_id(n) for n in (9, 1, 5)]


async def test_the_first_failures_of_many_jobs_come_at_once_each_with_its_own(stores):
    tenant = make_ref().tenant
    refs = [make_ref(f"job-{number}", tenant) for number in range(3)]
    for ref, failed in zip(refs, (3, 0, 1), strict=True):
        await add_running_job(stores, ref)
        results = [make_result(number, Outcome.FAILED) for number in range(failed)]
        await stores.catalog.record(ref, results, JobChange())
    found = await stores.jobs.first_failures([*refs, make_ref("job-9", tenant)], limit=2)
    for ref in refs:
        page = await stores.jobs.failures(ref, cursor=None, limit=2)
        assert tuple(found.get(ref, ())) == page.failures
    assert set(found) == {refs[0], refs[2]}
    assert await stores.jobs.first_failures([], limit=2) == {}


async def test_another_tenants_failures_are_not_among_the_first(stores):
    ref, other = make_ref(), make_ref()
    for each in (ref, other):
        await add_running_job(stores, each)
    await stores.catalog.record(other, [make_result(1, Outcome.FAILED)], JobChange())
    assert await stores.jobs.first_failures([ref], limit=2) == {}


async def test_a_failure_tells_what_happened(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    await stores.catalog.record(ref, [make_result(4, Outcome.FAILED)], JobChange())
    page = await stores.jobs.failures(ref, cursor=None, limit=5)
    assert page.failures == (
        Failure(
            document_id=document_id(4),
            title="Page 4",
            source_url="https://wiki.acme.example/pages/4",
            error_type=FailureType.PARSE_ERROR,
            error_message="not well-formed",
            attempts=1,
            failed_at=NOW,
        ),
    )
    assert page.next is None


async def test_jobs_of_a_space_keep_their_order_although_the_clock_was_set_back(stores):
    first = make_ref("first")
    refs = [first, make_ref("other", first.tenant), make_ref("second", first.tenant)]
    spaces = [SpaceKey("KEY"), SpaceKey("ELSE"), SpaceKey("KEY")]
    for days, (ref, space) in enumerate(zip(refs, spaces, strict=True)):
        request = make_request(space=space)
        created_at = NOW - timedelta(days=days)
        await stores.jobs.add(make_job(ref, request=request, created_at=created_at), None)
    listed = [job.ref for job in await stores.jobs.list_open()]
    assert listed.index(refs[0]) < listed.index(refs[2])
    assert (await stores.jobs.find(refs[1])).created_at == NOW - timedelta(days=1)
