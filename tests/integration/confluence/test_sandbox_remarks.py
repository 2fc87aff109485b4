"""Comments and attachments against the packaged sandbox, whose media host refuses credentials."""

import pytest

from headwater.domain.errors import DocumentError, FailureType
from headwater.domain.ids import ContentId, SpaceKey
from headwater.ports import ContentStatus
from headwater.sandbox.server import run_sandbox
from headwater.sandbox.world import World
from tests.integration.confluence.test_sandbox import opened, read_all

SEARCH = "/wiki/rest/api/content/search"


@pytest.fixture
async def sandbox():
    world = World()
    for key in ("ENG", "HR"):
        world.add_space(key, key)
    async with run_sandbox(world) as running:
        yield running


def close_search(request, _template, response):
    if request.url.path == SEARCH:
        response.status_code = 410
    return response


async def list_comments(sandbox, key="ENG"):
    async with opened(sandbox) as source:
        return await read_all(source.list_comments(await source.find_space(SpaceKey(key))))


async def list_attachments(sandbox, key="ENG"):
    async with opened(sandbox) as source:
        return await read_all(source.list_attachments(await source.find_space(SpaceKey(key))))


def add_threads(world):
    """One thread of every kind; returns the ids of those that are open, with what they answer."""
    page = world.create_page("ENG", "Pumps", "<p>x</p>")
    post = world.create_blogpost("ENG", "News", "<p>x</p>")
    trashed = world.create_page("ENG", "Old", "<p>x</p>")
    stranger = world.create_page("HR", "Holidays", "<p>x</p>")
    footer = world.comment(page.id, "<p>footer</p>")
    reply = world.comment(page.id, "<p>reply</p>", reply_to=footer.id)
    nested = world.comment(page.id, "<p>nested</p>", reply_to=reply.id)
    inline = world.comment(post.id, "<p>inline</p>", inline=True, selection="x")
    answer = world.comment(post.id, "<p>answer</p>", reply_to=inline.id)
    settled = world.comment(page.id, "<p>settled</p>", inline=True, resolved=True)
    world.comment(page.id, "<p>thanks</p>", reply_to=settled.id)
    world.comment(trashed.id, "<p>gone</p>")
    world.comment(stranger.id, "<p>elsewhere</p>")
    world.trash(trashed.id)
    return {
        footer.id: None,
        reply.id: footer.id,
        nested.id: reply.id,
        inline.id: None,
        answer.id: inline.id,
    }


@pytest.mark.parametrize("is_searchable", [True, False])
async def test_open_threads_of_the_space_come_with_their_replies(sandbox, is_searchable):
    open_threads = add_threads(sandbox.world)
    if not is_searchable:
        sandbox.faults.append(close_search)
    comments = await list_comments(sandbox)
    assert {item.comment_id: item.parent_id for item in comments} == open_threads
    assert len(comments) == len(open_threads)
    by_id = {item.comment_id: item for item in comments}
    for comment_id, comment in by_id.items():
        kept = sandbox.world.comments[comment_id]
        assert comment.page_id == kept.container_id
        assert comment.body == kept.body
        assert comment.created_at == kept.created_at.replace(
            microsecond=comment.created_at.microsecond
        )


async def test_comments_cost_a_request_for_each_250_and_one_more(sandbox):
    page = sandbox.world.create_page("ENG", "Pumps", "<p>x</p>")
    for number in range(600):
        sandbox.world.comment(page.id, f"<p>{number}</p>")
    async with opened(sandbox) as source:
        space = await source.find_space(SpaceKey("ENG"))
        before = source.traffic.requests
        comments = await read_all(source.list_comments(space))
        assert source.traffic.requests - before == 3 + 1
    assert len({item.comment_id for item in comments}) == 600


async def test_attachments_of_the_space_come_in_bulk(sandbox):
    world = sandbox.world
    page = world.create_page("ENG", "Pumps", "<p>x</p>")
    files = [world.attach(page.id, f"{number}.txt", b"x" * number) for number in range(300)]
    post = world.create_blogpost("ENG", "News", "<p>x</p>")
    files.append(world.attach(post.id, "news.pdf", b"%PDF", media_type="application/pdf"))
    world.attach(world.create_page("HR", "Holidays", "<p>x</p>").id, "plan.txt", b"x")
    world.detach(world.attach(page.id, "old.txt", b"x").id)
    async with opened(sandbox) as source:
        space = await source.find_space(SpaceKey("ENG"))
        before = source.traffic.requests
        searched = await read_all(source.list_attachments(space))
        assert source.traffic.requests - before == 2
    assert {item.content_id: (item.page_id, item.title) for item in searched} == {
        item.id: (item.container_id, item.title) for item in files
    }
    assert searched[-1].media_type == "application/pdf"
    assert searched[-1].file_size == 4
    sandbox.faults.append(close_search)
    listed = await list_attachments(sandbox)
    assert {item.content_id: item for item in listed} == {
        item.content_id: item for item in searched
    }


async def test_a_file_is_downloaded_as_it_was_listed(sandbox):
    page = sandbox.world.create_page("ENG", "Pumps", "<p>x</p>")
    sandbox.world.attach(page.id, "plan.txt", b"first")
    sandbox.world.attach(page.id, "plan.txt", b"second", media_type="text/plain")
    attachment = (await list_attachments(sandbox))[0]
    async with opened(sandbox) as source:
        before = source.traffic
        assert await source.fetch_attachment(attachment, max_bytes=6) == b"second"
        assert source.traffic.requests - before.requests == 2
        assert source.traffic.bytes_fetched - before.bytes_fetched == 6
        sandbox.world.attach(page.id, "plan.txt", b"third")
        assert await source.fetch_attachment(attachment, max_bytes=6) == b"second"


async def test_a_file_that_is_gone_is_a_denial(sandbox):
    page = sandbox.world.create_page("ENG", "Pumps", "<p>x</p>")
    sandbox.world.attach(page.id, "plan.txt", b"x")
    attachment = (await list_attachments(sandbox))[0]
    sandbox.world.purge(page.id)
    async with opened(sandbox) as source:
        with pytest.raises(DocumentError) as caught:
            await source.fetch_attachment(attachment, max_bytes=6)
    assert caught.value.error_type is FailureType.ACCESS_DENIED


async def test_what_became_of_an_attachment_is_looked_up(sandbox):
    page = sandbox.world.create_page("ENG", "Pumps", "<p>x</p>")
    kept = sandbox.world.attach(page.id, "kept.txt", b"x").id
    dropped = sandbox.world.attach(page.id, "dropped.txt", b"x").id
    sandbox.world.detach(dropped)
    async with opened(sandbox) as source:
        found = await source.look_up([ContentId(kept), ContentId(dropped), ContentId("att999999")])
    assert {item: answer.status for item, answer in found.items()} == {
        kept: ContentStatus.CURRENT,
        dropped: ContentStatus.TRASHED,
        "att999999": ContentStatus.GONE,
    }
