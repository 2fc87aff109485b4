"""Approving what a job held, retrying what failed in it, and the credential kept for both."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from starlette.responses import JSONResponse

from headwater.domain.errors import (
    DocumentError,
    FailureType,
    InvalidInputError,
    JobStateError,
    NotFoundError,
    SourceRefusedError,
)
from headwater.domain.ids import JobId, SpaceKey, TenantId
from headwater.domain.jobs import (
    ContentRestriction,
    JobRef,
    JobStatus,
    SiteAddress,
    SiteCredential,
)
from headwater.domain.secrets import Secret
from headwater.services.credentials import KEPT_FOR, Login, remove_expired_credentials
from headwater.services.job_followups import approve_deletions, retry_failed
from headwater.services.sync.gathering import gather
from headwater.services.sync.processing import bring_in
from tests.integration.sync.lab import TENANT, Lab, pages
from tests.integration.sync.serving import call_lab


async def hold(lab: Lab, *, gone=30, of=40):
    """Let so many pages vanish at once; return the job that holds them, and the others' ids."""
    ids = pages(lab.world, of)
    await lab.sync()
    for content_id in ids[:gone]:
        lab.world.purge(content_id)
    job = await lab.sync()
    assert job.progress.documents.held == gone
    return job, ids[gone:]


async def break_store(lab: Lab, monkeypatch, **changes):
    """Sync while the store is away; return the job in which everything failed."""

    async def away(*_args):
        raise DocumentError(FailureType.STORE_ERROR, "the disk is full; free some")

    with monkeypatch.context() as patch:
        patch.setattr(type(lab.ports.store), "apply", away)
        return await lab.sync(**changes)


def login(lab: Lab, *, token=None, url=None):
    address = SiteAddress(url or lab.site.instance_url, lab.site.web_url)
    return Login(address, SiteCredential(lab.site.email, Secret(token or lab.site.token)))


async def stored_credential(lab: Lab, job):
    return await lab.ports.credentials.read(TENANT, job.credential_id)


async def test_approving_carries_out_what_is_held_and_counts_it(lab: Lab) -> None:
    job, rest = await hold(lab)
    approved = await approve_deletions(lab.ports, job.ref, None)
    assert (approved.progress.documents.held, approved.progress.documents.deleted) == (0, 30)
    assert approved.progress.chunks.deleted == 30
    assert approved.revision > job.revision
    assert set(await lab.indexed()) == set(rest)
    assert await lab.ports.catalog.held(TENANT, job.request.space) == []
    assert (await lab.sync()).progress.documents.deleted == 0


async def test_approving_again_changes_nothing_and_needs_no_credential(lab: Lab) -> None:
    job, _ = await hold(lab)
    approved = await approve_deletions(lab.ports, job.ref, None)
    assert await stored_credential(lab, job) is None, "nothing is left to be done with it"
    assert await approve_deletions(lab.ports, job.ref, None) == approved


async def test_a_job_that_holds_says_how_to_approve(lab: Lab) -> None:
    job, _ = await hold(lab)
    name = job.ref.job_id
    assert job.message
    assert f"POST /v2/confluence/jobs/{name}/approve" in job.message
    assert f"headwater jobs {name} --approve" in job.message
    assert "approve" not in ((await lab.sync()).message or ""), "nothing is held any more"


async def test_the_message_says_what_became_of_what_was_held(lab: Lab) -> None:
    job, _ = await hold(lab)
    approved = await approve_deletions(lab.ports, job.ref, None)
    assert approved.status is job.status
    assert approved.message == f"{job.message}; 30 held documents were deleted on approval"


async def test_approving_what_a_later_sync_settled_says_so_and_does_nothing(lab: Lab) -> None:
    job, _ = await hold(lab)
    assert (await lab.sync()).progress.documents.deleted == 30
    approved = await approve_deletions(lab.ports, job.ref, None)
    assert (approved.progress.documents.held, approved.progress.documents.deleted) == (0, 0)
    assert approved.message == f"{job.message}; 30 were settled by a later job"
    assert await stored_credential(lab, job) is None


async def test_a_held_page_that_came_back_is_not_deleted_by_approval(lab: Lab) -> None:
    ids = pages(lab.world, 30)
    await lab.sync()
    for content_id in ids:
        lab.world.trash(content_id)
    job = await lab.sync()
    lab.world.restore(ids[0])
    approved = await approve_deletions(lab.ports, job.ref, None)
    assert (approved.progress.documents.held, approved.progress.documents.deleted) == (1, 29)
    assert set(await lab.indexed()) == {ids[0]}
    assert "29 held documents were deleted on approval; still held, since" in (
        approved.message or ""
    )
    again = await approve_deletions(lab.ports, job.ref, None)
    assert again.message == approved.message, "said once"


async def test_the_attachments_of_an_approved_page_go_with_it(lab: Lab) -> None:
    ids = pages(lab.world, 30)
    lab.world.attach(ids[0], "notes.txt", b"needle in a haystack", media_type="text/plain")
    await lab.sync()
    assert len(await lab.indexed()) == 31
    for content_id in ids:
        lab.world.purge(content_id)
    job = await lab.sync()
    approved = await approve_deletions(lab.ports, job.ref, None)
    assert approved.progress.attachments.deleted == 1
    assert approved.progress.documents.deleted == 30
    assert await lab.indexed() == {}


async def test_an_approval_that_was_interrupted_is_finished_by_repeating_it(
    lab: Lab, monkeypatch
) -> None:
    job, rest = await hold(lab)

    async def die(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(lab.ports.catalog), "remove_held", die)
        with pytest.raises(KeyboardInterrupt):
            await approve_deletions(lab.ports, job.ref, None)
    approved = await approve_deletions(lab.ports, job.ref, None)
    assert (approved.progress.documents.held, approved.progress.documents.deleted) == (0, 30)
    assert set(await lab.indexed()) == set(rest)


async def test_a_held_page_that_another_space_takes_over_during_approval_stays_there(
    lab: Lab, monkeypatch
) -> None:
    lab.world.add_space("NEXT", "Next")
    ids = pages(lab.world, 30)
    await lab.sync()
    for content_id in ids:
        lab.world.move(content_id, key="NEXT")
    job = await lab.sync()
    assert job.progress.documents.held == 30
    apply = type(lab.ports.store).apply

    async def take_over_first(store, namespace, batch):
        monkeypatch.undo()
        assert (await lab.sync(space=SpaceKey("NEXT"))).status is JobStatus.SUCCEEDED
        await apply(store, namespace, batch)

    monkeypatch.setattr(type(lab.ports.store), "apply", take_over_first)
    approved = await approve_deletions(lab.ports, job.ref, None)
    assert approved.progress.documents.deleted == 0
    assert set(await lab.indexed()) == set(ids)


async def test_nothing_is_approved_while_a_job_of_the_space_is_open(lab: Lab) -> None:
    job, _ = await hold(lab)
    ref = await lab.submit()
    with pytest.raises(JobStateError, match=ref.job_id):
        await approve_deletions(lab.ports, job.ref, None)
    with pytest.raises(JobStateError, match="wait"):
        await approve_deletions(lab.ports, ref, None)
    with pytest.raises(JobStateError, match="wait"):
        await retry_failed(lab.ports, ref, None)
    assert len(await lab.indexed()) == 40


async def test_an_approval_proves_nothing_with_an_account_that_does_not_see_the_space(
    lab: Lab,
) -> None:
    job, _ = await hold(lab)
    lab.world.delete_space("LAB")
    with pytest.raises(JobStateError, match="nothing was done"):
        await approve_deletions(lab.ports, job.ref, None)
    assert len(await lab.indexed()) == 40


async def test_an_approval_with_refused_credentials_deletes_nothing(lab: Lab) -> None:
    job, _ = await hold(lab)
    with pytest.raises(SourceRefusedError):
        await approve_deletions(lab.ports, job.ref, login(lab, token="wrong"))
    assert len(await lab.indexed()) == 40


async def test_a_credential_is_asked_for_once_the_stored_one_is_gone(lab: Lab) -> None:
    job, rest = await hold(lab)
    await lab.ports.credentials.remove(TENANT, job.credential_id)
    with pytest.raises(InvalidInputError) as caught:
        await approve_deletions(lab.ports, job.ref, None)
    assert (caught.value.loc, caught.value.kind) == (
        ("body", "authorization"),
        "value_error.missing",
    )
    await approve_deletions(lab.ports, job.ref, login(lab))
    assert set(await lab.indexed()) == set(rest)


async def test_another_confluence_proves_nothing_about_this_one(lab: Lab) -> None:
    job, _ = await hold(lab)
    other = login(lab, url="https://other.example/wiki/rest/api")
    with pytest.raises(InvalidInputError) as caught:
        await approve_deletions(lab.ports, job.ref, other)
    assert caught.value.loc == ("body", "authorization", "instance_url")


@pytest.mark.parametrize("follow_up", [approve_deletions, retry_failed])
async def test_another_tenants_job_is_not_found(lab: Lab, follow_up) -> None:
    job, _ = await hold(lab)
    stranger = JobRef(TenantId("99999999-9999-4999-8999-999999999999"), job.ref.job_id)
    with pytest.raises(NotFoundError):
        await follow_up(lab.ports, stranger, None)


async def retry(lab: Lab, job, given=None):
    """Retry the job, run what was queued, and return how it ended."""
    name = await retry_failed(lab.ports, job.ref, given)
    assert lab.queue.waiting == [JobRef(TENANT, name)]
    return await lab.run(lab.queue.waiting.pop())


async def test_a_retry_processes_what_failed_and_nothing_else(lab: Lab, monkeypatch) -> None:
    pages(lab.world, 3)
    await lab.sync()
    failing = lab.world.create_page("LAB", "Late", "<p>zebra</p>").id
    job = await break_store(lab, monkeypatch)
    assert job.progress.documents.failed == 1
    newer = lab.world.create_page("LAB", "Newer", "<p>heron</p>").id
    retried = await retry(lab, job)
    assert (retried.kind, retried.status) == ("retry", JobStatus.SUCCEEDED)
    documents = retried.progress.documents
    assert (documents.listed, documents.done, documents.added) == (1, 1, 1)
    indexed = await lab.indexed()
    assert failing in indexed
    assert newer not in indexed


async def test_a_retry_deletes_nothing(lab: Lab, monkeypatch) -> None:
    ids = pages(lab.world, 3)
    await lab.sync()
    lab.world.create_page("LAB", "Late", "<p>zebra</p>")
    job = await break_store(lab, monkeypatch)
    lab.world.purge(ids[0])
    retried = await retry(lab, job)
    assert retried.progress.documents.deleted == 0
    assert ids[0] in await lab.indexed()
    assert (await lab.sync()).progress.documents.deleted == 1


async def test_a_retry_does_not_pass_for_a_complete_sync(lab: Lab, monkeypatch) -> None:
    pages(lab.world, 1)
    job = await break_store(lab, monkeypatch)
    before = await lab.ports.catalog.find_space(TENANT, await read_site(lab), job.request.space)
    await retry(lab, job)
    assert before
    after = await lab.ports.catalog.find_space(TENANT, before.site, job.request.space)
    assert after
    assert after.last_complete_sync == before.last_complete_sync


async def read_site(lab: Lab):
    source_of = lab.ports.sources.open(
        SiteAddress(lab.site.instance_url, lab.site.web_url), login(lab).credential
    )
    async with source_of as source:
        return source.site


async def test_a_failed_attachment_is_retried_without_its_page(lab: Lab, monkeypatch) -> None:
    (page,) = pages(lab.world, 1)
    await lab.sync()
    lab.world.attach(page, "notes.txt", b"needle", media_type="text/plain")
    job = await break_store(lab, monkeypatch)
    assert job.progress.attachments.failed == 1
    retried = await retry(lab, job)
    assert (retried.progress.attachments.listed, retried.progress.attachments.added) == (1, 1)
    assert retried.progress.documents.listed == 0


async def test_a_retry_keeps_to_the_restriction_of_the_last_upload(lab: Lab, monkeypatch) -> None:
    pages(lab.world, 1)
    job = await break_store(lab, monkeypatch)
    await lab.sync(restriction=ContentRestriction(audience=("staff",)))
    await retry(lab, job)
    assert await lab.find("word0x") == []
    assert await lab.find("word0x", groups=["staff"]) != []


async def test_a_page_that_lost_its_restriction_stays_findable_after_a_retry(
    lab: Lab, monkeypatch
) -> None:
    everything = ContentRestriction(source_restriction=True)
    (page,) = pages(lab.world, 1)
    lab.world.restrict(page, groups=["confluence-users"])
    await lab.sync(restriction=everything)
    lab.world.create_page("LAB", "Late", "<p>zebra</p>")
    job = await break_store(lab, monkeypatch, restriction=everything)
    lab.world.restrict(page)
    await retry(lab, job)
    assert "Page 0" in await lab.find("word0x", groups=["confluence-users"])


async def test_there_is_nothing_to_retry_where_nothing_failed(lab: Lab) -> None:
    pages(lab.world, 1)
    job = await lab.sync()
    with pytest.raises(JobStateError, match="nothing failed"):
        await retry_failed(lab.ports, job.ref, None)
    assert lab.queue.waiting == []


async def test_a_retry_goes_on_where_it_was_interrupted(lab: Lab, monkeypatch) -> None:
    pages(lab.world, 3)
    job = await break_store(lab, monkeypatch)
    ref = JobRef(TENANT, await retry_failed(lab.ports, job.ref, None))
    await gather(lab.ports, ref)
    survey = await gather(lab.ports, ref)
    for _ in range(2):
        await bring_in(lab.ports, ref, survey)
    retried = await lab.ports.jobs.find(ref)
    assert retried
    assert (retried.progress.documents.listed, retried.progress.documents.added) == (3, 3)


def at(lab: Lab, moment):
    return replace(lab.ports, now=lambda: moment)


async def test_a_credential_outlives_its_job_while_something_failed_and_for_a_week(
    lab: Lab, monkeypatch
) -> None:
    pages(lab.world, 1)
    job = await break_store(lab, monkeypatch)
    assert await stored_credential(lab, job)
    for age, kept in ((KEPT_FOR - timedelta(minutes=1), True), (KEPT_FOR, False)):
        later = job.finished_at + age + timedelta(seconds=1)
        aged = at(lab, later)
        assert await remove_expired_credentials(aged) == (0 if kept else 1)
        assert bool(await stored_credential(lab, job)) is kept


async def test_an_open_jobs_credential_never_expires(lab: Lab) -> None:
    ref = await lab.submit()
    job = await lab.ports.jobs.find(ref)
    assert job
    assert await remove_expired_credentials(at(lab, job.created_at + 10 * KEPT_FOR)) == 0


@asynccontextmanager
async def opened(lab: Lab):
    async with call_lab(lab) as client:
        yield client


async def test_the_routes_answer_the_job_and_the_retrys_id(lab: Lab, monkeypatch) -> None:
    job, _ = await hold(lab)
    async with opened(lab) as client:
        answer = await client.post(f"/v2/confluence/jobs/{job.ref.job_id}/approve")
        assert answer.status_code == 200, answer.text
        assert answer.json()["progress"]["documents"]["deleted"] == 30
        refused = await client.post(f"/v2/confluence/jobs/{job.ref.job_id}/retry")
        assert_problem(refused, 409, ["path", "job_id"], "conflict_error.job_state")
        lab.world.create_page("LAB", "Late", "<p>zebra</p>")
        job = await break_store(lab, monkeypatch)
        answer = await client.post(f"/v2/confluence/jobs/{job.ref.job_id}/retry", json={})
        assert answer.status_code == 200
        assert (await lab.run(lab.queue.waiting.pop())).ref.job_id == JobId(answer.json())


async def test_the_routes_check_body_and_scope_in_the_usual_order(lab: Lab) -> None:
    job, _ = await hold(lab)
    await lab.ports.credentials.remove(TENANT, job.credential_id)
    path = f"/v2/confluence/jobs/{job.ref.job_id}/approve"
    async with opened(lab) as client:
        assert_problem(
            await client.post(path), 422, ["body", "authorization"], "value_error.missing"
        )
        assert_problem(
            await client.post(path, json={"authorization": {}}),
            422,
            ["body", "authorization", "api_token"],
            "value_error.missing",
        )
        broken = await client.post(path, content=b"{", headers={"content-type": "application/json"})
        assert broken.status_code == 400
        missing = await client.post("/v2/confluence/jobs/nobody/approve")
        assert missing.status_code == 404
    async with call_lab(lab, scope="knowledge:read") as client:
        assert (await client.post(path, content=b"{")).status_code == 403


def assert_problem(response: httpx2.Response, status: int, loc: list[str], kind: str) -> None:
    assert response.status_code == status, response.text
    assert (loc, kind) in [(item["loc"], item["type"]) for item in response.json()["detail"]]


async def test_a_listing_that_breaks_off_does_not_hide_what_a_retry_found(
    lab: Lab, monkeypatch
) -> None:
    pages(lab.world, 2)
    job = await break_store(lab, monkeypatch)

    def fault(_request, route, answer):
        return JSONResponse({}, status_code=503) if route.endswith("/footer-comments") else answer

    lab.site.faults.append(fault)
    retried = await retry(lab, job)
    assert retried.progress.documents.added == 2
