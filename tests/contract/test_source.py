"""One world, whichever way it is entered: every source tells the same of it."""

import httpx2
import pytest

from headwater.domain.content import Page
from headwater.domain.errors import (
    DocumentError,
    ListingIncompleteError,
    SourceRefusedError,
    SpaceNotFoundError,
)
from headwater.domain.ids import ContentId, SpaceKey
from headwater.domain.jobs import SiteCredential
from headwater.domain.secrets import Secret
from headwater.ports import ContentStatus, SourceOptions
from tests.contract.sources import KEY, WAYS, collect, enter, find, make_world, open_source

NOBODY = ContentId("999999999")


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request):
    return request.param


def admits(way, restriction, world, account):
    """Whether a reader's token for this user, in each form it may have, passes the clause."""
    user, groups = world.people.users[account], world.people.list_groups_of(account)
    by_name = any(name in restriction.account_ids for name in way.names_of(user))
    by_group = any(world.people.groups[item].name in restriction.groups for item in groups)
    return restriction.readable and (restriction.is_open or by_name or by_group)


async def open_space(source, key=KEY):
    return await source.find_space(SpaceKey(key))


async def test_everything_that_a_sync_depends_on_works(way):
    async with enter(way) as (_, source):
        probed = {item.name: item for item in await source.probe()}
        assert {name for name, item in probed.items() if not item.ok} == set()
        assert ("offset" in probed["scan"].detail) if "old" in way.name else True
        assert probed["Confluence"].detail.startswith(source.face)
        assert source.site in probed["Confluence"].detail
        await source.check_credentials()


async def test_the_site_is_the_same_each_time_and_ascii(way):
    async with enter(way) as (sandbox, source):
        async with open_source(way, sandbox) as again:
            assert source.site == again.site
        assert source.site.isascii()
        if not way.is_data_center:
            assert source.site == sandbox.world.cloud_id


async def test_a_wrong_token_is_refused(way):
    async with enter(way) as (sandbox, _):
        for username in (sandbox.username, ""):
            with pytest.raises(SourceRefusedError):
                async with open_source(way, sandbox, SiteCredential(username, Secret("no"))):
                    pass


async def test_spaces_are_listed_and_found(way):
    async with enter(way) as (_, source):
        spaces = {space.key: space for space in await source.list_spaces()}
        assert {key: (space.name, space.type, space.status) for key, space in spaces.items()} == {
            KEY: ("Lab", "global", "current"),
            "~ann": ("Ann", "personal", "current"),
            "BOARD": ("Board", "global", "current"),
            "OLD": ("Old", "global", "archived"),
        }
        for key, space in spaces.items():
            assert await source.find_space(key) == space
        for key in ("NOSUCH", "lab", "a/b", "a b?", "..", ""):
            with pytest.raises(SpaceNotFoundError):
                await source.find_space(SpaceKey(key))


async def test_documents_are_listed_with_titles_versions_dates_and_parents(way):
    async with enter(way) as (sandbox, source):
        space = await open_space(source)
        listed = await collect(source.list_documents(space))
    expected = [
        (item.id, item.kind.value, item.title, item.version.number, item.parent_id)
        for item in sandbox.world.tree.list_space(space.id)
        if item.status == "current"
    ]
    assert sorted(
        (item.content_id, item.kind.value, item.title, item.version, item.parent_id)
        for item in listed
    ) == sorted(expected)
    by_id = {item.content_id: item for item in listed}
    for item_id, *_ in expected:
        assert by_id[item_id].last_modified == find_version(sandbox.world, item_id).created_at
        assert by_id[item_id].author_id
        assert by_id[item_id].web_path.startswith("/")


def find_version(world, content_id):
    return world.find_content(content_id).version


async def test_the_links_lead_to_the_pages(way):
    async with enter(way) as (sandbox, source), make_browser() as browser:
        for item in await collect(source.list_documents(await open_space(source))):
            shown = await browser.get(sandbox.web_url + item.web_path)
            assert shown.status_code == 200
            assert sandbox.world.find_content(item.content_id).title.split()[0] in shown.text


async def test_bodies_are_fetched_in_bulk(way):
    async with enter(way) as (sandbox, source):
        listed = await collect(source.list_documents(await open_space(source)))
        fetched = {item.content_id: item.outcome async for item in source.fetch_pages(listed)}
        assert fetched.keys() == {item.content_id for item in listed}
        for content_id, outcome in fetched.items():
            assert isinstance(outcome, Page)
            assert outcome.body == sandbox.world.find_content(content_id).body
        assert {outcome.listed for outcome in fetched.values()} == set(listed)


async def test_bodies_of_an_archived_space_are_fetched(way):
    async with enter(way) as (_, source):
        listed = await collect(source.list_documents(await open_space(source, "OLD")))
        assert [item.outcome.listed.title async for item in source.fetch_pages(listed)] == ["Kept"]


async def test_a_page_that_vanishes_between_listing_and_fetching_is_left_out(way):
    async with enter(way) as (sandbox, source):
        listed = await collect(source.list_documents(await open_space(source)))
        sandbox.world.trash(find(sandbox.world, "Below").id)
        sandbox.world.purge(find(sandbox.world, "News").id)
        titles = {item.outcome.listed.title async for item in source.fetch_pages(listed)}
        assert titles == {"Home", "Guide: a & b", "Secret"}


@pytest.mark.parametrize("singly", [False, True])
async def test_labels_and_restrictions_are_read(way, singly):
    async with enter(way) as (sandbox, source):
        space, world = await open_space(source), sandbox.world
        listed = await collect(source.list_documents(space))
        read = (
            source.read_annotations(listed) if singly else collect(source.list_annotations(space))
        )
        annotations = {item.content_id: item for item in await read}
    assert annotations.keys() == {item.content_id for item in listed}
    for content_id, annotation in annotations.items():
        content = world.find_content(content_id)
        assert annotation.labels == set(content.labels)
        assert annotation.restriction.is_open is not bool(content.readers)
    guide, secret = (
        annotations[find(world, name).id].restriction for name in ("Guide: a & b", "Secret")
    )
    assert [admits(way, guide, world, name) for name in ("ann", "bob")] == [True, False]
    assert [admits(way, secret, world, name) for name in ("ann", "bob")] == [True, False]
    assert not secret.groups


async def test_a_user_is_known_by_each_of_his_ids(way):
    async with enter(way) as (sandbox, source):
        annotations = await collect(source.list_annotations(await open_space(source)))
        restriction = next(
            item.restriction
            for item in annotations
            if item.content_id == find(sandbox.world, "Secret").id
        )
        assert restriction.account_ids == set(way.names_of(sandbox.world.people.users["ann"]))


async def test_restrictions_longer_than_an_answer_are_read_whole(way):
    world = make_world()
    names = [f"user{number}" for number in range(205)]
    for name in names:
        world.people.add_user(name, f"{name}@example.org", name)
    world.restrict(find(world, "Home").id, users=names)
    async with enter(way, world) as (_, source):
        annotations = await collect(source.list_annotations(await open_space(source)))
        restriction = next(
            item.restriction for item in annotations if item.content_id == find(world, "Home").id
        )
        assert all(admits(way, restriction, world, name) for name in names)


async def test_space_readers_have_the_same_effect(way):
    async with enter(way) as (sandbox, source):
        admitted = {}
        for key in (KEY, "~ann", "BOARD"):
            readers = await source.read_space_readers(await open_space(source, key))
            assert not readers.everyone
            admitted[key] = [
                name
                for name in ("ann", "bob")
                if admits(way, readers.restriction, sandbox.world, name)
            ]
    assert admitted == {KEY: ["ann", "bob"], "~ann": ["ann"], "BOARD": ["ann"]}


async def test_a_space_that_admits_nobody_is_not_open(way):
    world = make_world()
    world.permit(KEY)
    async with enter(way, world) as (_, source):
        readers = await source.read_space_readers(await open_space(source))
        assert not readers.restriction.readable


async def test_people_are_named_by_each_of_their_ids_and_strangers_are_left_out(way):
    async with enter(way) as (sandbox, source):
        users = sandbox.world.people.users
        ids = [name for account in ("ann", "bob") for name in way.names_of(users[account])]
        found = await source.read_names([*ids, "nobody", "a/b?c=d&e", ids[0]])
    assert set(found) == set(ids)
    assert set(found.values()) == {"Ann", "Bob"}


async def test_a_name_is_asked_for_once_and_so_is_somebody_without_one(way):
    async with enter(way) as (sandbox, source):
        (known, *_), strangers = way.names_of(sandbox.world.people.users["ann"]), ["x", "y"]
        asked = source.traffic.requests
        first = await source.read_names([known, *strangers])
        if not way.is_data_center:
            assert source.traffic.requests == asked + 1
        asked = source.traffic.requests
        assert await source.read_names([known, *strangers]) == first == {known: "Ann"}
        assert await source.read_names([]) == {}
        assert source.traffic.requests == asked


async def test_names_that_are_kept_from_us_are_no_error(way):
    def keep(request, _route, response):
        if "/users-bulk" in request.url.path or request.url.path.endswith("/user"):
            response.status_code = 403
        return response

    async with enter(way) as (sandbox, source):
        sandbox.faults.append(keep)
        assert await source.read_names(["ann"]) == {}
        if not way.is_data_center:
            probed = {item.name: item for item in await source.probe()}
            assert "read:user:confluence" in probed["names of people (v2)"].detail
        sandbox.world.people.admin.token = "changed"
        sandbox.world.people.scoped.clear()
        with pytest.raises(SourceRefusedError):
            await source.read_names(["bob"])


async def test_what_became_of_an_id_is_looked_up(way):
    async with enter(way) as (sandbox, source):
        space, world = await open_space(source), sandbox.world
        purged = find(world, "Below").id
        world.purge(purged)
        file = next(iter(world.attachments))
        wanted = [find(world, name).id for name in ("Home", "News", "Trashed")]
        found = await source.look_up([*wanted, purged, NOBODY, ContentId("x/.."), file])
    assert [found[item].status for item in wanted] == ["current", "current", "trashed"]
    assert found[wanted[0]].space_id == space.id
    assert {found[item].status for item in (purged, NOBODY, "x/..")} == {ContentStatus.GONE}
    assert found[file].status is ContentStatus.CURRENT


async def test_a_page_that_moved_away_is_found_in_its_new_space(way):
    async with enter(way) as (sandbox, source):
        moved = find(sandbox.world, "Below").id
        sandbox.world.move(moved, key="BOARD")
        found = (await source.look_up([moved]))[moved]
        board = await open_space(source, "BOARD")
        assert (found.status, found.space_id) == (ContentStatus.CURRENT, board.id)


async def test_ancestors_are_read_with_their_restriction(way):
    async with enter(way) as (sandbox, source):
        world = sandbox.world
        secret, guide = find(world, "Secret"), find(world, "Guide: a & b")
        ancestor = await source.read_ancestor(ContentId(secret.id))
        assert (ancestor.content_id, ancestor.parent_id) == (secret.id, guide.id)
        assert admits(way, ancestor.restriction, world, "ann")
        assert not admits(way, ancestor.restriction, world, "bob")
        for content_id in (NOBODY, ContentId("../x")):
            assert await source.read_ancestor(content_id) is None


async def test_open_comments_are_listed_with_their_replies(way):
    async with enter(way) as (sandbox, source):
        comments = await collect(source.list_comments(await open_space(source)))
        guide = find(sandbox.world, "Guide: a & b").id
    root = next(item for item in comments if item.parent_id is None)
    assert [(item.page_id, item.body) for item in comments] == [
        (guide, "<p>Hm</p>"),
        (guide, "<p>Yes</p>"),
    ]
    assert comments[1].parent_id == root.comment_id


async def test_attachments_are_listed_and_downloaded(way):
    async with enter(way) as (sandbox, source):
        (file,) = await collect(source.list_attachments(await open_space(source)))
        assert (file.title, file.version, file.file_size) == ("a b+c%.txt", 2, 11)
        assert file.page_id == find(sandbox.world, "Home").id
        assert await source.fetch_attachment(file, max_bytes=100) == b"newer bytes"
        with pytest.raises(DocumentError):
            await source.fetch_attachment(file, max_bytes=3)


async def test_a_listing_that_breaks_off_is_incomplete(way):
    def break_posts(request, _template, response):
        path, query = request.url.path, request.url.query
        if path.endswith("/blogposts") or "type=blogpost" in query:
            response.status_code = 400
        return response

    async with enter(way) as (sandbox, source):
        space = await open_space(source)
        sandbox.faults.append(break_posts)
        with pytest.raises(ListingIncompleteError):
            await collect(source.list_documents(space))


async def test_no_look_up_calls_anything_gone_once_the_caller_is_a_stranger(way):
    async with enter(way) as (sandbox, source):
        sandbox.world.anonymous_access = True
        sandbox.world.people.admin.token = "changed"
        sandbox.world.people.scoped.clear()
        with pytest.raises(SourceRefusedError):
            await source.look_up([NOBODY])


async def test_no_listing_ends_well_once_the_caller_is_a_stranger(way):
    async with enter(way) as (sandbox, source):
        space, world = await open_space(source), sandbox.world
        world.anonymous_access = True
        world.permit(KEY, anonymous=True)
        world.people.admin.token = "changed"
        world.people.scoped.clear()
        with pytest.raises(SourceRefusedError):
            await collect(source.list_documents(space))


def make_browser():
    return httpx2.AsyncClient(trust_env=False)


async def test_archived_pages_are_shown_only_where_they_are_asked_for(way):
    async with enter(way) as (sandbox, source):
        world = sandbox.world
        page = world.create_page(KEY, "Kept", "<p>old words</p>").id
        world.label(page, "kept")
        file = world.attach(page, "old.txt", b"old", media_type="text/plain").id
        remark = world.comment(page, "<p>once</p>").id
        world.archive(page)
        space = await open_space(source)
        assert page not in await list_ids(source, space)
        wanted = SourceOptions(include_archived=True)
        async with open_source(way, sandbox, asked=wanted) as archive:
            shown = {page, file, remark} & await list_ids(archive, space)
            # Data Center archives spaces, not pages.
            assert shown == (set() if way.is_data_center else {page, file, remark})
            if shown:
                listed = await collect(archive.list_documents(space))
                chosen = [item for item in listed if item.content_id == page]
                (fetched,) = [item async for item in archive.fetch_pages(chosen)]
                assert fetched.outcome.body == "<p>old words</p>"
                notes = await collect(archive.list_annotations(space))
                assert {item.content_id: item.labels for item in notes}[page] == {"kept"}


async def list_ids(source, space):
    """Return the ids of everything that is listed of a space."""
    return {
        *(item.content_id for item in await collect(source.list_documents(space))),
        *(item.content_id for item in await collect(source.list_attachments(space))),
        *(item.comment_id for item in await collect(source.list_comments(space))),
    }
