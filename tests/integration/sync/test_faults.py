"""A sync that meets trouble loses nothing and deletes nothing."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.patience import PATIENT
from headwater.domain.errors import DocumentError, FailureType, JobCancelledError, RetryableError
from headwater.domain.ids import ContentId, JobId, SiteId
from headwater.domain.jobs import JobRef, JobStatus, SiteAddress, Stage
from headwater.domain.sync import DocumentState
from headwater.services import job_reports
from headwater.services.sync.ending import abort, finish
from headwater.services.sync.gathering import gather
from headwater.services.sync.processing import bring_in
from headwater.services.sync.reconciling import reconcile
from tests.integration.sync.lab import HASTY, KEY, TENANT, Lab, pages

PAGES = "/wiki/api/v2/spaces/{id}/pages"
ASKED_ONCE = HASTY.attempts
"""Requests by which a lone page's body is asked for before it fails."""


def answer_instead(template: str, response, *, after: int = 0):
    """Return a fault that replaces the answers of a route after the first ones."""
    seen = 0

    def fault(_request, route: str, answer: Response) -> Response:
        nonlocal seen
        if route != template:
            return answer
        seen += 1
        return response() if seen > after else answer

    return fault


async def test_an_unfinished_listing_never_deletes(lab: Lab) -> None:
    ids = pages(lab.world, 300)
    await lab.sync()
    lab.world.trash(ids[0])
    lab.site.faults.append(
        answer_instead(PAGES, lambda: JSONResponse({}, status_code=503), after=1)
    )
    job = await lab.sync()
    assert job.status is JobStatus.PARTIAL
    assert job.progress.documents.deleted == 0
    assert "incomplete" in (job.message or "")
    assert len(await lab.indexed()) == 300
    lab.site.faults.clear()
    assert (await lab.sync()).progress.documents.deleted == 1


@pytest.mark.parametrize(
    "trouble",
    [
        lambda: HTMLResponse("<html>Log in</html>"),
        lambda: JSONResponse({"errors": []}, status_code=404),
        lambda: JSONResponse({}, status_code=401),
        lambda: Response("{", media_type="application/json"),
        lambda: JSONResponse({"results": []}, status_code=500),
    ],
)
async def test_a_refused_or_broken_listing_never_deletes(lab: Lab, trouble) -> None:
    ids = pages(lab.world, 3)
    await lab.sync()
    lab.site.faults.append(answer_instead(PAGES, trouble))
    job = await lab.sync()
    assert job.status in {JobStatus.FAILED, JobStatus.PARTIAL}
    assert job.progress.documents.deleted == 0
    assert set(await lab.indexed()) == set(ids)


async def test_losing_the_space_permission_deletes_nothing(lab: Lab) -> None:
    ids = pages(lab.world, 3)
    await lab.sync()
    ref = await lab.submit()
    lab.world.delete_space(KEY)
    job = await lab.run(ref)
    assert job.status is JobStatus.FAILED
    assert job.progress.documents.deleted == 0
    assert set(await lab.indexed()) == set(ids)


async def test_many_pages_vanishing_at_once_are_held_until_missed_again(lab: Lab) -> None:
    ids = pages(lab.world, 40)
    await lab.sync()
    for content_id in ids[:30]:
        lab.world.purge(content_id)
    job = await lab.sync()
    assert job.status is JobStatus.PARTIAL
    assert (job.progress.documents.held, job.progress.documents.deleted) == (30, 0)
    assert "Page 3" in await lab.find("word3x")
    job = await lab.sync()
    assert (job.progress.documents.held, job.progress.documents.deleted) == (0, 30)
    assert set(await lab.indexed()) == set(ids[30:])


async def test_a_repeated_step_does_not_take_what_it_held_for_missed_twice(lab: Lab) -> None:
    ids = pages(lab.world, 40)
    await lab.sync()
    for content_id in ids[:30]:
        lab.world.purge(content_id)
    ref = await lab.submit()
    survey = await gather(lab.ports, ref)
    for step in (bring_in, reconcile, reconcile, finish):
        await step(lab.ports, ref, survey)
    job = await lab.ports.jobs.find(ref)
    assert job
    assert (job.progress.documents.held, job.progress.documents.deleted) == (30, 0)
    assert len(await lab.indexed()) == 40


async def test_an_account_that_is_blinded_while_bodies_are_read_deletes_nothing(lab: Lab) -> None:
    ids = pages(lab.world, 3)
    await lab.sync()
    for content_id in ids:
        lab.world.edit(content_id, "<p>new text</p>")
    lab.site.faults.append(
        answer_instead("/wiki/api/v2/pages", lambda: JSONResponse({"results": [], "_links": {}}))
    )
    job = await lab.sync()
    assert job.progress.documents.done == 3
    assert set(await lab.indexed()) == set(ids)
    assert (await lab.find("word0x"))[0] == "Page 0"
    lab.site.faults.clear()
    assert (await lab.sync()).progress.documents.updated == 3


async def test_a_held_page_that_comes_back_is_no_longer_held(lab: Lab) -> None:
    ids = pages(lab.world, 30)
    await lab.sync()
    for content_id in ids:
        lab.world.trash(content_id)
    assert (await lab.sync()).progress.documents.held == 30
    lab.world.restore(ids[0])
    job = await lab.sync()
    assert job.progress.documents.unchanged == 1
    assert job.progress.documents.deleted == 29
    page = ContentId(ids[0])
    known = await lab.ports.catalog.known(TENANT, SiteId(lab.world.cloud_id), [page])
    assert known[page].state is DocumentState.INDEXED


async def test_every_step_may_be_repeated_without_counting_twice(lab: Lab) -> None:
    pages(lab.world, 40)
    ref = await lab.submit()
    await gather(lab.ports, ref)
    survey = await gather(lab.ports, ref)
    for step in (bring_in, bring_in, reconcile, reconcile):
        await step(lab.ports, ref, survey)
    await finish(lab.ports, ref, survey)
    job = await lab.ports.jobs.find(ref)
    assert job
    documents = job.progress.documents
    assert (documents.listed, documents.done, documents.added) == (40, 40, 40)
    assert job.progress.chunks.embedded == lab.embedder.texts_embedded == 40


async def test_a_job_goes_on_where_it_was_interrupted(lab: Lab, monkeypatch) -> None:
    pages(lab.world, 100)
    ref = await lab.submit()
    survey = await gather(lab.ports, ref)
    original = lab.embedder.embed

    async def die_late(texts, *, kind):
        if lab.embedder.texts_embedded >= 60:
            raise RuntimeError("the process dies")
        return await original(texts, kind=kind)

    monkeypatch.setattr(lab.embedder, "embed", die_late)
    with pytest.raises(RuntimeError, match="dies"):
        await bring_in(lab.ports, ref, survey)
    settled = lab.embedder.texts_embedded
    assert 0 < settled < 100
    monkeypatch.undo()
    await bring_in(lab.ports, ref, survey)
    await finish(lab.ports, ref, survey)
    job = await lab.ports.jobs.find(ref)
    assert job
    assert job.progress.documents.added == 100
    assert lab.embedder.texts_embedded == 100, "nothing that was settled is embedded again"


async def test_a_cancelled_job_stops_and_keeps_what_is_in(lab: Lab) -> None:
    pages(lab.world, 10)
    ref = await lab.submit()
    survey = await gather(lab.ports, ref)
    await lab.ports.jobs.request_cancel(ref)
    with pytest.raises(JobCancelledError) as caught:
        await bring_in(lab.ports, ref, survey)
    await abort(lab.ports, ref, caught.value)
    job = await lab.ports.jobs.find(ref)
    assert job
    assert job.status is JobStatus.CANCELLED
    assert await lab.indexed() == {}


def throttle(seconds: int, *, on: str = ""):
    """Return a fault that throttles every request to routes that hold this text."""
    headers = {"retry-after": str(seconds)}
    return lambda _request, route, answer: (
        Response(status_code=429, headers=headers) if on in route else answer
    )


async def is_throttled(lab: Lab, ref: JobRef) -> bool:
    job = await lab.ports.jobs.find(ref)
    return job is not None and job.stage is Stage.THROTTLED


async def cancel_while_throttled(lab: Lab, ref: JobRef, work: Awaitable[object]) -> None:
    """Begin the work, cancel the job once Confluence makes it wait, and see that it stops soon."""
    working = asyncio.ensure_future(work)
    async with asyncio.timeout(20):
        while not await is_throttled(lab, ref):  # noqa: ASYNC110  (a job calls nobody)
            await asyncio.sleep(0.05)
    await lab.ports.jobs.request_cancel(ref)
    async with asyncio.timeout(2.5):
        with pytest.raises(JobCancelledError):
            await working


@pytest.fixture
def patient(lab: Lab) -> Lab:
    """Return a lab whose jobs sit long pauses out."""
    sources = ConfluenceSources(allowed_private_hosts=("127.0.0.1",), patience=PATIENT)
    return replace(lab, ports=replace(lab.ports, patient_sources=sources))


async def test_a_job_that_waits_for_confluence_to_list_stops_when_it_is_cancelled(patient) -> None:
    pages(patient.world, 3)
    ref = await patient.submit()
    patient.site.faults.append(throttle(1800, on="/spaces"))
    await cancel_while_throttled(patient, ref, gather(patient.ports, ref))


async def test_a_job_that_waits_for_bodies_stops_when_it_is_cancelled(patient) -> None:
    pages(patient.world, 3)
    ref = await patient.submit()
    survey = await gather(patient.ports, ref)
    patient.site.faults.append(throttle(1800, on="/pages"))
    await cancel_while_throttled(patient, ref, bring_in(patient.ports, ref, survey))


async def test_a_job_that_waits_to_be_let_in_again_stops_when_it_is_cancelled(patient) -> None:
    pages(patient.world, 3)
    ref = await patient.submit()
    survey = await gather(patient.ports, ref)
    patient.site.faults.append(throttle(1800))
    await cancel_while_throttled(patient, ref, bring_in(patient.ports, ref, survey))


async def test_a_job_that_waits_to_look_missing_pages_up_stops_when_it_is_cancelled(
    patient,
) -> None:
    gone, *_ = pages(patient.world, 3)
    await patient.sync()
    patient.world.trash(gone)
    ref = await patient.submit()
    survey = await gather(patient.ports, ref)
    patient.site.faults.append(throttle(1800, on="search"))
    patient.site.faults.append(throttle(1800, on="/pages"))
    await cancel_while_throttled(patient, ref, reconcile(patient.ports, ref, survey))
    assert gone in await patient.indexed()


async def test_a_job_does_not_go_on_under_another_name_of_its_site(lab: Lab) -> None:
    pages(lab.world, 2)
    await lab.sync()
    ref = await lab.submit()
    lab.site.faults.append(
        answer_instead("/_edge/tenant_info", lambda: JSONResponse({"cloudId": "another"}))
    )
    job = await lab.run(ref)
    assert (job.status, job.progress.documents.listed) == (JobStatus.FAILED, 0)
    assert len(await lab.indexed()) == 2


@pytest.mark.parametrize("later", [0, 3], ids=["the newest job", "an old job"])
async def test_a_site_that_does_not_tell_its_name_keeps_the_one_it_had(
    lab: Lab, monkeypatch, later
) -> None:
    monkeypatch.setattr(job_reports, "JOBS_AT_A_TIME", 2)
    ids = pages(lab.world, 2)
    await lab.sync()
    for number in range(later):
        await add_job_elsewhere(lab, number)
    lab.site.faults.append(
        answer_instead("/_edge/tenant_info", lambda: HTMLResponse("<title>Log in</title>"))
    )
    job = await lab.sync()
    assert job.progress.documents.unchanged == 2, "nothing comes in a second time"
    assert set(await lab.indexed()) == set(ids)


async def add_job_elsewhere(lab: Lab, number: int) -> None:
    """Store a job that read another Confluence, and is over."""
    listed = await lab.ports.jobs.list(
        lab.tenant, space=None, status=None, cursor=None, limit=number + 1
    )
    job = listed.jobs[-1]
    address = SiteAddress("https://elsewhere.example", "https://elsewhere.example")
    request = replace(job.request, address=address, site=SiteId("elsewhere"))
    ref = JobRef(lab.tenant, JobId(f"elsewhere-{number}"))
    later = job.created_at + timedelta(days=1)
    await lab.ports.jobs.add(replace(job, ref=ref, request=request, created_at=later), None)


async def fail_once(lab: Lab, monkeypatch, name: str, error: Exception) -> list[object]:
    """Let the store's next call of this name fail; return what it was called with."""
    original = getattr(type(lab.ports.store), name)
    failed: list[object] = []

    async def call(self, namespace, batch):
        if not failed:
            failed.append(batch)
            raise error
        return await original(self, namespace, batch)

    monkeypatch.setattr(type(lab.ports.store), name, call)
    return failed


async def test_a_document_that_fails_in_passing_is_tried_again_in_the_same_job(
    lab: Lab, monkeypatch
) -> None:
    pages(lab.world, 1)
    trouble = DocumentError(FailureType.STORE_ERROR, "not now")
    failed = await fail_once(lab, monkeypatch, "apply", trouble)
    job = await lab.sync()
    assert failed
    assert (job.status, job.progress.documents.added) == (JobStatus.SUCCEEDED, 1)
    assert job.progress.documents.done == 1


async def test_a_page_whose_body_comes_at_the_second_asking_does_not_fail(lab: Lab) -> None:
    pages(lab.world, 1)
    asked = []

    def fault(request, _route: str, answer):
        is_body = "body-format" in request.query_params
        asked.extend([request.url.path] * is_body)
        return Response(status_code=503) if is_body and len(asked) <= ASKED_ONCE else answer

    lab.site.faults.append(fault)
    job = await lab.sync()
    assert len(asked) > ASKED_ONCE
    assert (job.status, job.progress.documents.added) == (JobStatus.SUCCEEDED, 1), job.message


async def test_an_attachment_that_comes_at_the_second_asking_does_not_fail(lab: Lab) -> None:
    (holder,) = pages(lab.world, 1)
    lab.world.attach(holder, "plan.txt", b"everyword", media_type="text/plain")
    asked = []

    def fault(_request, route: str, answer):
        asked.extend([route] * ("download" in route))
        is_first = "download" in route and len(asked) <= HASTY.attempts
        return Response(status_code=503) if is_first else answer

    lab.site.faults.append(fault)
    job = await lab.sync()
    assert len(asked) > HASTY.attempts
    assert job.progress.attachments.added == 1, job.message


async def test_a_document_that_fails_at_every_try_is_reported_once(lab: Lab) -> None:
    (holder,) = pages(lab.world, 1)
    lab.world.attach(holder, "plan.txt", b"everyword", media_type="text/plain")
    lab.site.faults.append(
        lambda _request, route, answer: Response(status_code=503) if "download" in route else answer
    )
    job = await lab.sync()
    assert (job.status, job.progress.attachments.failed) == (JobStatus.PARTIAL, 1)
    assert job.progress.attachments.done == 1


async def test_a_page_that_vanishes_while_the_job_runs_is_counted_as_skipped(lab: Lab) -> None:
    ids = pages(lab.world, 3)
    ref = await lab.submit()
    survey = await gather(lab.ports, ref)
    lab.world.purge(ids[0])
    await bring_in(lab.ports, ref, survey)
    job = await lab.ports.jobs.find(ref)
    assert job
    assert job.progress.skipped == {"vanished": 1}
    assert job.progress.documents.added == 2
    job = await lab.sync()
    assert job.progress.documents.listed == 2


async def test_the_credential_is_gone_when_the_job_is_over(lab: Lab) -> None:
    pages(lab.world, 1)
    ref = await lab.submit()
    job = await lab.ports.jobs.find(ref)
    assert job
    assert job.credential_id
    assert await lab.ports.credentials.read(TENANT, job.credential_id)
    await lab.run(ref)
    assert await lab.ports.credentials.read(TENANT, job.credential_id) is None


async def test_labels_are_read_page_by_page_when_the_search_index_is_down(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    lab.world.label(page, "howto")
    lab.site.faults.append(
        answer_instead("/wiki/rest/api/content/search", lambda: JSONResponse({}, status_code=500))
    )
    job = await lab.sync()
    assert job.status is JobStatus.PARTIAL, "comments and attachments were not listed"
    assert job.progress.documents.added == 1
    assert await lab.find("word0x", labels=frozenset({"howto"})) == ["Page 0"]
    assert "page by page" in (job.message or "")


async def test_a_store_that_stays_away_fails_the_documents_and_not_the_job(
    lab: Lab, monkeypatch
) -> None:
    pages(lab.world, 2)

    async def away(*_args):
        raise RetryableError("the disk is full; free some")

    monkeypatch.setattr(type(lab.ports.store), "apply", away)
    job = await lab.sync()
    assert job.status is JobStatus.PARTIAL
    assert job.progress.documents.failed == 2
    monkeypatch.undo()
    job = await lab.sync()
    assert job.progress.documents.added == 2
