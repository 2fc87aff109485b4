"""From an address and a token to a running job, as a person would click it."""

import re

import pytest

from headwater.domain.ids import ContentId, SpaceKey
from headwater.domain.jobs import ContentRestriction
from headwater.domain.settings import SyncConfigurationId, SyncSettings
from headwater.sandbox import faults
from headwater.sandbox.faces import DataCenter
from headwater.services.settings import put_configuration
from tests.integration.console.browsing import open_browser, read_words
from tests.integration.sync.lab import TENANT, open_light_lab, pages

HOSTILE = "<script>alert(1)</script>"


def credentials(lab, **changes):
    return {
        "site": lab.site.web_url,
        "username": lab.site.email,
        "token": lab.site.token,
        **changes,
    }


async def connect(lab, browser, **changes):
    return await browser.send("/connect", credentials(lab, **changes))


def read_fields(page):
    """Return the hidden fields of the page's last form."""
    form = page[page.rindex("<form") :]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))


async def plan(browser, **fields):
    chosen = {"source_restriction": "yes", "incremental": "yes", "schedule": "", **fields}
    return await browser.send("/spaces/LAB/plan", chosen)


async def start(browser, page):
    fields = read_fields(page.text)
    return await browser.send("/spaces/LAB/start", fields, csrf=fields.pop("csrf"))


async def test_connecting_says_what_works_and_never_shows_the_token(lab, browser):
    answer = await connect(lab, browser)
    assert answer.headers["location"] == "/console/connect"
    page = (await browser.open("/connect")).text
    told = read_words(page)
    assert "Everything that a sync needs." in told
    assert "It tells who may read a page" in told
    assert lab.site.token not in page
    assert lab.site.token not in str(answer.headers)


async def test_the_address_of_any_page_connects(lab, browser):
    site = f"{lab.site.web_url}/spaces/LAB/pages/123/Title?focus=1#top"
    assert (await connect(lab, browser, site=site)).status_code == 303
    assert f"Connected to {lab.site.web_url}" in await browser.read("/connect")


async def test_a_wrong_token_is_refused_and_what_was_typed_stays_but_the_token(lab, browser):
    answer = await connect(lab, browser, token="wrong-token-1")
    assert answer.status_code == 403
    assert f'value="{lab.site.email}"' in answer.text
    assert "wrong-token-1" not in answer.text
    assert "No Confluence is connected" in await browser.read("/spaces")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"site": ""}, "site"),
        ({"site": "ftp://wiki"}, "site"),
        ({"site": "https://10.0.0.1"}, "site"),
        ({"site": "https://api.atlassian.com/ex/confluence/abc"}, "site"),
        ({"api_url": "https://user:secret@acme.atlassian.net"}, "api_url"),
        ({"token": ""}, "token"),
        ({"token": "two\r\nlines"}, "token"),
        ({"username": "x" * 1001}, "username"),
    ],
    ids=["empty", "scheme", "private", "gateway", "userinfo", "token", "lines", "long"],
)
async def test_a_field_that_cannot_be_used_is_named(lab, browser, changes, field):
    answer = await connect(lab, browser, **changes)
    assert answer.status_code == 422
    assert f'id="{field}-problem"' in answer.text


async def test_what_the_account_lacks_is_told_with_what_follows(lab, browser):
    await connect(lab, browser)
    lab.site.faults.append(faults.only(faults.fail(403), "/wiki/rest/api/content/search"))
    told = await browser.read("/connect")
    assert "1 thing missing" in told
    assert "a sync takes more requests" in told


async def test_data_center_connects_with_a_personal_access_token(tmp_path):
    async with (
        open_light_lab(tmp_path, face=DataCenter()) as lab,
        open_browser(lab.ports, tenant=str(TENANT)) as browser,
    ):
        await browser.sign_in()
        await connect(lab, browser, username="")
        told = await browser.read("/connect")
        assert "the bearer of the token" in told
        assert "It tells who may view a space" in told
        assert "1 space" in await browser.read("/spaces")


async def test_a_confluence_that_stays_away_is_said_and_leads_back_to_the_connection(lab, browser):
    await connect(lab, browser)
    lab.site.faults.append(faults.fail(503))
    assert (await browser.open("/connect")).status_code == 200
    answer = await browser.open("/spaces")
    assert answer.status_code == 502
    assert "Look at the connection" in read_words(answer.text)


async def test_disconnecting_forgets_the_credential(lab, browser):
    await connect(lab, browser)
    await browser.send("/connect/forget")
    assert "Connect a Confluence" in await browser.read("/connect")
    answer = await browser.open("/spaces/LAB")
    assert answer.headers["location"] == "/console/connect"


async def test_spaces_are_found_by_key_and_name_with_their_pages_counted(lab, browser):
    lab.world.add_space("OPS", "Operations & <more>")
    pages(lab.world, 2)
    await connect(lab, browser)
    told = await browser.read("/spaces")
    assert "2 spaces" in told
    page = (await browser.open("/spaces?words=OPERATIONS")).text
    assert "Operations &amp; &lt;more&gt;" in page
    assert "1 space with" in read_words(page)
    assert "/console/spaces/LAB" not in page
    assert "No space has this" in await browser.read("/spaces?words=nothing")


async def test_many_spaces_come_page_by_page_each_once(lab, browser):
    for number in range(60):
        lab.world.add_space(f"S{number:02}", f"Space {number}")
    await connect(lab, browser)
    found: list[str] = []
    path = "/spaces?words=space"
    while path:
        page = (await browser.open(path)).text
        found += re.findall(r'href="/console/spaces/(S\d\d)"', page)
        more = re.search(r'rel="next" href="/console([^"]+)"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert found == [f"S{number:02}" for number in range(60)]


async def test_a_plan_says_what_would_come_in_and_writes_nothing(lab, browser):
    pages(lab.world, 3)
    await connect(lab, browser)
    told = read_words((await plan(browser)).text)
    assert "Added 3 0 New in the knowledge base." in told
    assert "Page 1" in told
    assert "Nothing has been written." in told
    assert await lab.indexed() == {}
    assert lab.queue.waiting == []


async def test_what_was_planned_is_what_starts_and_is_shown_as_chosen_the_next_time(lab, browser):
    pages(lab.world, 3)
    await connect(lab, browser)
    planned = await plan(
        browser, audience="staff\r\ncn=ops,ou=acme\r\n", schedule="own", cron="30  6 * * 1-5"
    )
    answer = await start(browser, planned)
    ref = lab.queue.waiting.pop()
    assert answer.headers["location"] == f"/console/jobs/{ref.job_id}"
    job = await lab.run(ref)
    assert job.progress.documents.added == 3
    assert job.request.restriction == ContentRestriction(
        ("staff", "cn=ops,ou=acme"), blacklisted=False, source_restriction=True
    )
    schedules = await lab.ports.schedules.list_schedules()
    assert [(item.space, item.cron) for item in schedules] == [(SpaceKey("LAB"), "30 6 * * 1-5")]

    form = (await browser.open("/spaces/LAB")).text
    assert "staff\ncn=ops,ou=acme</textarea>" in form
    assert 'value="30 6 * * 1-5"' in form
    assert '<option value="own" selected>' in form
    assert "in 20" in await browser.read("/spaces")
    assert "Everything is in step" in read_words((await plan(browser)).text)


async def test_a_schedule_is_taken_away_by_choosing_none(lab, browser):
    await connect(lab, browser)
    for schedule, left in (("0 3 * * *", 1), ("", 0)):
        await start(browser, await plan(browser, schedule=schedule))
        await lab.run(lab.queue.waiting.pop())
        assert len(await lab.ports.schedules.list_schedules()) == left


async def test_stored_settings_are_followed_and_remembered_so_that_nothing_is_widened(lab, browser):
    ids = pages(lab.world, 3)
    settings = SyncSettings(root_pages=frozenset({ContentId(ids[0])}), schedule="0 5 * * *")
    name = SyncConfigurationId("handbook")
    await put_configuration(lab.ports, TENANT, name, settings)
    await connect(lab, browser)
    await start(browser, await plan(browser, schedule="0 3 * * *"))
    assert (await lab.run(lab.queue.waiting.pop())).progress.documents.added == 3

    planned = await plan(browser, settings="handbook", schedule="0 3 * * *")
    assert "Skipped 2" in read_words(planned.text)
    await start(browser, planned)
    await lab.run(lab.queue.waiting.pop())
    assert set(await lab.indexed()) == {ids[0]}
    schedules = await lab.ports.schedules.list_schedules()
    assert [(item.configuration_id, item.cron) for item in schedules] == [(name, "0 5 * * *")]
    assert '<option value="handbook" selected>' in (await browser.open("/spaces/LAB")).text


async def test_settings_that_are_gone_are_refused(lab, browser):
    await connect(lab, browser)
    answer = await plan(browser, settings="nothing")
    assert answer.status_code == 422
    assert "no such sync configuration" in read_words(answer.text)


async def test_pressing_start_twice_starts_one_job(lab, browser):
    await connect(lab, browser)
    planned = await plan(browser)
    first, second = await start(browser, planned), await start(browser, planned)
    assert first.headers["location"] == second.headers["location"]
    assert len(set(lab.queue.waiting)) == 1


async def test_a_schedule_that_is_none_is_asked_for_again_with_all_else_kept(lab, browser):
    await connect(lab, browser)
    answer = await plan(browser, schedule="own", cron="every day", audience="staff", use_ocr="yes")
    assert answer.status_code == 422
    assert 'id="cron-problem"' in answer.text
    assert 'value="every day"' in answer.text
    assert "staff</textarea>" in answer.text


async def test_a_space_that_is_not_there_is_said_to_be_missing(lab, browser):
    await connect(lab, browser)
    answer = await browser.send("/spaces/NOPE/plan", {"schedule": ""})
    assert answer.status_code == 422
    assert "No such space" in read_words(answer.text)


async def test_hostile_names_and_titles_stay_text(lab, browser):
    lab.world.add_space("BAD", HOSTILE)
    lab.world.create_page("LAB", HOSTILE, "<p>x</p>")
    await connect(lab, browser)
    for page in (await browser.open("/spaces"), await plan(browser)):
        assert HOSTILE not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


async def test_who_may_only_read_neither_connects_nor_plans(lab, browser):
    await connect(lab, browser)
    await browser.send("/sign-out")
    await browser.sign_in(scope="knowledge:read")
    assert 'action="/console/connect"' not in (await browser.open("/connect")).text
    assert (await connect(lab, browser)).status_code == 403
    assert (await browser.open("/spaces/LAB")).status_code == 403
    for path in ("/spaces/LAB/plan", "/spaces/LAB/start", "/connect/forget"):
        assert (await browser.send(path, {"schedule": ""})).status_code == 403
    assert lab.queue.waiting == []
