"""Jobs on a page: what is told, what may be done, and to whom."""

import asyncio
import re
from types import SimpleNamespace

import pytest

from headwater.console import jobs as console_jobs
from headwater.domain.errors import DocumentError, FailureType
from headwater.services import job_reports
from tests.contract.api.fakes import OTHER_TENANT
from tests.integration.console.browsing import open_browser, read_words
from tests.integration.sync.lab import pages, paragraphs

HOSTILE = """<script>alert(1)</script><img src=x onerror="alert(2)">\"'&{{ 7 * 7 }}</td>"""


async def hold(lab):
    """Let 29 of 30 pages vanish at once; return the job that holds them."""
    ids = pages(lab.world, 30)
    await lab.sync()
    for content_id in ids[1:]:
        lab.world.purge(content_id)
    job = await lab.sync()
    assert job.progress.documents.held == 29
    return job


async def break_store(lab, monkeypatch, message="the disk is full; free some"):
    """Sync while the store is away; return the job in which everything failed."""

    async def away(*_args):
        raise DocumentError(FailureType.STORE_ERROR, message)

    with monkeypatch.context() as patch:
        patch.setattr(type(lab.ports.store), "apply", away)
        return await lab.sync()


async def test_without_jobs_the_page_says_how_to_get_one(browser):
    assert "There are no jobs yet" in await browser.read("/jobs")


async def test_a_finished_job_tells_what_it_did(lab, browser):
    pages(lab.world, 3)
    job = await lab.sync()
    assert "LAB" in await browser.read("/jobs")
    told = await browser.read(f"/jobs/{job.ref.job_id}")
    assert "3 of 3 documents settled, 100 %" in told
    assert "The space is in." in told
    assert "Nothing failed." in told


async def test_the_list_is_filtered_by_space_and_status(lab, browser):
    job = await lab.sync()
    assert job.ref.job_id in await browser.read("/jobs?space=LAB&status=succeeded")
    assert "No job fits" in await browser.read("/jobs?space=LAB&status=failed")
    assert "No job fits" in await browser.read("/jobs?space=OTHER")


async def test_a_cursor_that_no_page_gave_is_refused(browser):
    assert (await browser.open("/jobs?cursor=nonsense")).status_code == 422


async def test_only_the_newest_jobs_keep_up_by_themselves(lab, browser, monkeypatch):
    monkeypatch.setattr(console_jobs, "JOBS_PER_PAGE", 1)
    for _ in range(3):
        await lab.submit()
    page = (await browser.open("/jobs")).text
    assert 'hx-trigger="every 5s"' in page
    more = re.search(r'rel="next" href="/console([^"]+)"', page)
    assert more
    older = (await browser.open(more[1].replace("&amp;", "&"))).text
    assert "queued" in read_words(older)
    assert "hx-trigger" not in older


@pytest.mark.parametrize(
    "path", ["/jobs?space=%00", "/jobs?cursor=%00", "/jobs?space=" + "x" * 4_001]
)
async def test_what_no_database_holds_is_refused_before_one_is_asked(browser, path):
    assert (await browser.open(path)).status_code == 422


async def test_an_open_job_can_be_cancelled(lab, browser):
    ref = await lab.submit()
    page = await browser.open(f"/jobs/{ref.job_id}")
    assert "Cancel this job" in page.text
    assert f"/console/jobs/{ref.job_id}/events" in page.text
    answer = await browser.send(f"/jobs/{ref.job_id}/cancel")
    assert answer.headers["location"] == f"/console/jobs/{ref.job_id}"
    told = await browser.read(f"/jobs/{ref.job_id}")
    assert "Somebody cancelled the job." in told
    assert "Cancel this job" not in told


async def test_what_failed_is_named_and_retried_by_another_job(lab, browser, monkeypatch):
    pages(lab.world, 2)
    job = await break_store(lab, monkeypatch)
    told = await browser.read(f"/jobs/{job.ref.job_id}")
    assert "the disk is full; free some" in told
    assert "Page 1" in await browser.read(f"/jobs/{job.ref.job_id}/failures")

    answer = await browser.send(f"/jobs/{job.ref.job_id}/retry")
    ref = lab.queue.waiting.pop()
    assert answer.headers["location"] == f"/console/jobs/{ref.job_id}"
    again = await lab.run(ref)
    assert again.progress.documents.added == 2
    assert "What failed" in await browser.read("/jobs")


async def test_a_retry_where_nothing_failed_is_refused_with_the_reason(lab, browser):
    job = await lab.sync()
    answer = await browser.send(f"/jobs/{job.ref.job_id}/retry")
    assert answer.status_code == 409
    assert "there is nothing to retry" in read_words(answer.text)


async def test_held_deletions_are_shown_before_they_are_approved(lab, browser):
    job = await hold(lab)
    assert "Look at what is held" in await browser.read(f"/jobs/{job.ref.job_id}")
    told = await browser.read(f"/jobs/{job.ref.job_id}/held")
    assert "removes up to 29 pages" in told
    assert "Page 7" in told
    assert len(await lab.indexed()) == 30, "looking removes nothing"

    answer = await browser.send(f"/jobs/{job.ref.job_id}/approve")
    assert answer.headers["location"] == f"/console/jobs/{job.ref.job_id}"
    assert len(await lab.indexed()) == 1
    assert "Look at what is held" not in await browser.read(f"/jobs/{job.ref.job_id}")
    assert "Nothing is held" in await browser.read(f"/jobs/{job.ref.job_id}/held")


async def test_an_approval_without_a_credential_says_where_to_give_one(lab, browser):
    job = await hold(lab)
    await lab.ports.credentials.remove(job.ref.tenant, job.credential_id)
    answer = await browser.send(f"/jobs/{job.ref.job_id}/approve")
    assert answer.status_code == 422
    assert f"connect to {lab.site.instance_url}" in read_words(answer.text)
    assert len(await lab.indexed()) == 30


async def test_who_may_only_read_gets_no_buttons_and_no_way_round_them(lab, browser):
    job = await hold(lab)
    await browser.send("/sign-out")
    await browser.sign_in(scope="knowledge:read")
    for path in (f"/jobs/{job.ref.job_id}", "/jobs"):
        page = (await browser.open(path)).text
        assert set(re.findall(r'method="post" action="([^"]+)"', page)) == {"/console/sign-out"}
    assert (await browser.open(f"/jobs/{job.ref.job_id}/held")).status_code == 403
    for path in ("cancel", "retry", "approve"):
        assert (await browser.send(f"/jobs/{job.ref.job_id}/{path}")).status_code == 403
    assert len(await lab.indexed()) == 30


async def test_a_stream_tells_each_part_and_ends_with_its_job(lab, browser, monkeypatch):
    monkeypatch.setattr(job_reports, "POLL", 0.001)
    pages(lab.world, 3)
    ref = await lab.submit()
    find, looks = lab.ports.jobs.find, []

    async def find_and_run(_, wanted):  # the job runs between two looks at it
        looks.append(wanted)
        if len(looks) == 3:
            await lab.run(ref)
        return await find(wanted)

    monkeypatch.setattr(type(lab.ports.jobs), "find", find_and_run)
    answer = await browser.open(f"/jobs/{ref.job_id}/events")
    monkeypatch.undo()
    names = re.findall(r"^event: (\w+)", answer.text, re.MULTILINE)
    assert names == [
        *("progress", "failures", "actions", "say"),
        *("progress", "failures", "actions", "say", "end"),
    ]
    told = read_words(answer.text)
    assert "Waiting for its turn." in told
    assert "3 of 3 documents settled" in told
    assert told.index("Nothing has failed so far.") < told.index("Nothing failed.")
    assert not re.search(r"^data:\s*$", answer.text.split("event: end")[1].strip())


async def test_a_stream_ends_with_the_server_and_can_be_taken_up_again(lab, browser, monkeypatch):
    ref = await lab.submit()
    find = lab.ports.jobs.find

    async def find_and_stop(_, wanted):
        browser.service.begin_shutdown()
        return await find(wanted)

    monkeypatch.setattr(type(lab.ports.jobs), "find", find_and_stop)
    async with asyncio.timeout(30):
        answer = await browser.open(f"/jobs/{ref.job_id}/events")
    assert answer.status_code == 200
    assert "event: end" not in answer.text


async def test_a_stream_ends_with_its_token(lab, browser, monkeypatch):
    ref = await lab.submit()
    monkeypatch.setattr(console_jobs, "time", SimpleNamespace(time=lambda: 10**12))
    async with asyncio.timeout(30):
        answer = await browser.open(f"/jobs/{ref.job_id}/events")
    assert (answer.status_code, answer.text.strip()) == (200, "")


async def test_no_event_is_empty_since_browsers_drop_those(lab, browser):
    job = await lab.sync()
    answer = await browser.open(f"/jobs/{job.ref.job_id}/events")
    for event in answer.text.replace("\r", "").strip().split("\n\n"):
        assert re.search(r"^data: ?\S", event, re.MULTILINE), event


async def test_who_is_not_signed_in_follows_nothing(lab, browser):
    ref = await lab.submit()
    await browser.send("/sign-out")
    answer = await browser.open(f"/jobs/{ref.job_id}/events", accept="text/event-stream")
    assert (answer.status_code, answer.text) == (401, "")


async def test_no_text_of_the_wiki_becomes_markup(lab, browser, monkeypatch):
    lab.world.create_page("LAB", HOSTILE, paragraphs("x"))
    job = await break_store(lab, monkeypatch, HOSTILE)
    for path in ("", "/failures", "/events"):
        page = (await browser.open(f"/jobs/{job.ref.job_id}{path}")).text
        assert "&lt;script&gt;alert(1)" in page
        assert "{{ 7 * 7 }}" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "onerror=&#34;" in page


async def test_another_tenants_job_is_not_there(lab):
    job = await lab.sync()
    async with open_browser(lab.ports, tenant=OTHER_TENANT) as stranger:
        await stranger.sign_in()
        assert job.ref.job_id not in await stranger.read("/jobs")
        for path in ("", "/events", "/failures", "/held"):
            assert (await stranger.open(f"/jobs/{job.ref.job_id}{path}")).status_code == 404
        for path in ("/cancel", "/retry", "/approve"):
            assert (await stranger.send(f"/jobs/{job.ref.job_id}{path}")).status_code == 404
