"""What a source makes of trouble, whichever way the site is entered."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from starlette.responses import JSONResponse

from headwater.domain.content import Page
from headwater.domain.errors import (
    ListingIncompleteError,
    SourceRefusedError,
    SourceUnreachableError,
)
from headwater.domain.ids import ContentId, SpaceKey
from headwater.domain.jobs import SiteCredential
from headwater.domain.secrets import Secret
from headwater.ports import ContentStatus
from headwater.sandbox import faults
from headwater.sandbox.faces import DataCenter
from tests.contract.sources import (
    KEY,
    WAYS,
    Way,
    collect,
    enter,
    find,
    make_world,
    open_source,
)

CLOUD, GATEWAY = WAYS[:2]
SERVER, OLD_SERVER = Way("data center", DataCenter()), Way("old", DataCenter(has_scan=False))
V1 = "/wiki/rest/api"
RESTRICTION = f"{V1}/content/{{id}}/restriction/byOperation/{{operation}}"


@pytest.fixture(params=[CLOUD, GATEWAY, SERVER, OLD_SERVER], ids=lambda way: way.name)
def way(request):
    return request.param


async def titles(source):
    space = await source.find_space(SpaceKey(KEY))
    return {item.title for item in await collect(source.list_documents(space))}


TITLES = {"Home", "Guide: a & b", "Secret", "Below", "News"}


@pytest.mark.parametrize(
    "fault",
    [
        faults.throttle("0"),
        faults.throttle(faults.ABSURD),
        faults.throttle(format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)),
        faults.throttle(),
        faults.fail(),
        faults.fail(500),
        faults.reset(),
        faults.truncate(),
    ],
)
async def test_trouble_that_passes_leaves_no_trace(way, fault):
    async with enter(way) as (sandbox, source):
        sandbox.faults.append(faults.only(fault, times=1))
        assert await titles(source) == TITLES


@pytest.mark.parametrize("seed", range(3))
async def test_a_site_that_fails_now_and_then_is_listed_whole_or_not_at_all(way, seed):
    async with enter(way) as (sandbox, source):
        sandbox.faults.append(faults.at_rate(faults.fail(), 0.3, seed=seed))
        try:
            assert await titles(source) == TITLES
        except (ListingIncompleteError, SourceUnreachableError):
            sandbox.faults.clear()
        assert await titles(source) == TITLES


@pytest.mark.parametrize("fault", [faults.show_login_page(), faults.throttle(status=403)])
async def test_a_site_that_shuts_the_door_is_a_refusal(way, fault):
    async with enter(way) as (sandbox, source):
        sandbox.faults.append(fault)
        with pytest.raises(SourceRefusedError):
            await titles(source)


async def test_an_answer_of_the_wrong_kind_is_not_believed(way):
    async with enter(way) as (sandbox, source):
        sandbox.faults.append(faults.mislabel())
        with pytest.raises(SourceUnreachableError):
            await titles(source)


async def test_rows_that_come_twice_are_no_harm(way):
    async with enter(way) as (sandbox, source):
        sandbox.faults.append(faults.repeat_rows(0.5))
        listed = await titles(source)
    assert listed == TITLES


async def test_what_the_index_does_not_know_yet_is_fetched_and_found(way):
    async with enter(way) as (sandbox, source):
        world = sandbox.world
        moment = world.clock()
        world.edit(find(world, "Home").id, "<p>fresh</p>")
        newest = ContentId(world.create_page(KEY, "Newest", "<p>n</p>").id)
        sandbox.faults.append(faults.lag_index(world, moment))
        space = await source.find_space(SpaceKey(KEY))
        listed = await collect(source.list_documents(space))
        fetched = {
            item.outcome.listed.title: item.outcome async for item in source.fetch_pages(listed)
        }
        assert fetched.keys() == TITLES | {"Newest"}
        assert isinstance(fetched["Home"], Page)
        assert fetched["Home"].body == "<p>fresh</p>"
        assert (await source.look_up([newest]))[newest].status is ContentStatus.CURRENT


async def test_a_stalled_answer_is_waited_for(way):
    async with enter(way) as (sandbox, source):
        let_go = asyncio.Event()
        sandbox.faults.append(faults.only(faults.stall(let_go), times=1))
        listing = asyncio.create_task(titles(source))
        await asyncio.sleep(0)
        let_go.set()
        assert await listing == TITLES


async def test_without_a_search_labels_and_restrictions_are_read_one_by_one():
    async with enter(CLOUD) as (sandbox, source):
        sandbox.faults.append(faults.only(faults.remove(), f"{V1}/content/search"))
        space = await source.find_space(SpaceKey(KEY))
        with pytest.raises(SourceUnreachableError, match="no longer has"):
            await collect(source.list_annotations(space))
        assert sandbox.requests.count("GET", f"{V1}/content/search") == 1
        listed = await collect(source.list_documents(space))
        annotations = {item.content_id: item for item in await source.read_annotations(listed)}
        assert all(item.restriction.readable for item in annotations.values())
        assert annotations[find(sandbox.world, "Guide: a & b").id].labels == {"howto", "keys"}


async def test_without_restrictions_everything_is_closed_and_labels_are_still_read():
    async with enter(CLOUD) as (sandbox, source):
        sandbox.faults.append(faults.only(faults.remove(), RESTRICTION, f"{V1}/content/search"))
        listed = await collect(source.list_documents(await source.find_space(SpaceKey(KEY))))
        annotations = {item.content_id: item for item in await source.read_annotations(listed)}
        assert not any(item.restriction.readable for item in annotations.values())
        assert annotations[find(sandbox.world, "Guide: a & b").id].labels == {"howto", "keys"}
        probed = {item.name: item for item in await source.probe()}
        assert "no longer has" in probed["search (v1)"].detail
        assert not probed["restrictions (v1)"].ok


async def test_a_removed_endpoint_is_asked_for_once(way):
    async with enter(way) as (sandbox, source):
        sandbox.faults.append(faults.remove())
        with pytest.raises((SourceUnreachableError, SourceRefusedError)):
            await source.check_credentials()
        current = [visit for visit in sandbox.requests.all if visit.status == 410]
        assert len(current) == 1


async def test_a_token_without_a_scope_is_told_which_call_lacks_it():
    async with enter(GATEWAY) as (sandbox, _):
        sandbox.world.people.grant_token(
            "narrow", "ann", ["read:space:confluence", "read:confluence-user"]
        )
        login = SiteCredential("", Secret("narrow"))
        async with open_source(GATEWAY, sandbox, login) as source:
            probed = {item.name: item for item in await source.probe()}
            assert probed["spaces (v2)"].ok
            lacking = {
                "search (v1)": "search:confluence",
                "names of groups (v1)": "read:confluence-groups",
                "folders (v2)": "read:folder:confluence",
                "files (v1)": "readonly:content.attachment:confluence",
            }
            for name, scope in lacking.items():
                assert not probed[name].ok
                assert scope in probed[name].detail
            space = await source.find_space(SpaceKey(KEY))
            with pytest.raises(SourceRefusedError, match="scope"):
                await collect(source.list_documents(space))
        sandbox.world.people.grant_token("nothing", "ann", [])
        with pytest.raises(SourceRefusedError, match="scope"):
            async with open_source(GATEWAY, sandbox, SiteCredential("", Secret("nothing"))):
                pass


@pytest.mark.parametrize("way", [CLOUD, GATEWAY], ids=lambda way: way.name)
async def test_space_permissions_that_are_kept_from_the_account_are_probed(way):
    def keep(_request, route, answer):
        return JSONResponse({}, 403) if route.endswith("/permissions") else answer

    async with enter(way) as (sandbox, source):
        sandbox.faults.append(keep)
        probed = {item.name: item for item in await source.probe()}
        assert "source_restriction closes" in probed["space permissions (v2)"].detail


async def test_roles_admit_users_groups_and_the_anonymous_and_no_other_class():
    world = make_world()
    world.uses_roles = True
    classes = ["all-licensed-users"]
    world.permit(KEY, users=["ann"], groups=["board & co"], access_classes=classes)
    world.permit("~ann", anonymous=True)
    async with enter(CLOUD, world) as (_, source):
        readers = await source.read_space_readers(await source.find_space(SpaceKey(KEY)))
        assert readers.restriction.account_ids == {"ann"}
        assert "board & co" in readers.restriction.groups
        assert not readers.everyone
        assert readers.unmapped == {"all-licensed-users": 1}
        open_to_all = await source.read_space_readers(await source.find_space(SpaceKey("~ann")))
        assert open_to_all.everyone


async def test_one_wrong_password_is_one_failed_login_at_a_data_center():
    way = Way("at the root", DataCenter(""), is_bare=True)
    async with enter(way) as (sandbox, _):
        sandbox.requests.clear()
        with pytest.raises(SourceRefusedError):
            async with open_source(way, sandbox, SiteCredential("ann", Secret("wrong"))):
                pass
        failed = [visit for visit in sandbox.requests.all if visit.status == 401]
        assert len(failed) <= 1


async def test_a_locked_account_is_sent_to_the_browser():
    async with enter(SERVER) as (sandbox, _):
        wrong = SiteCredential("sandbox", Secret("wrong"))
        for _ in range(3):
            with pytest.raises(SourceRefusedError, match="check user name"):
                async with open_source(SERVER, sandbox, wrong):
                    pass
        with pytest.raises(SourceRefusedError, match="browser"):
            async with open_source(SERVER, sandbox):
                pass


async def test_data_center_without_basic_authentication_takes_a_token():
    way = Way("tokens only", DataCenter(basic_allowed=False), by_token=True)
    async with enter(way) as (sandbox, source):
        assert await titles(source) == TITLES
        with pytest.raises(SourceRefusedError, match="personal access token"):
            async with open_source(SERVER, sandbox):
                pass
