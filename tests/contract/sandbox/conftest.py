import ssl
from functools import partial

import httpx2
import pytest

from headwater.sandbox.entities import Status
from headwater.sandbox.server import run_sandbox
from headwater.sandbox.world import World

TLS = ssl.create_default_context()
"""Made once: reading the certificates takes longer than a test."""


def add_people(world):
    people = world.people
    people.add_group("board", group_id="b0a4d000-0000-4000-8000-000000000001")
    people.add_user("ann", "ann@example.org", "Ann", token="ann-token", groups=["board"])
    people.add_user("bob", "bob@example.org", "Bob", token="bob-token")
    people.users["bob"].email_visible = False


def add_spaces(world):
    world.add_space("ENG", "Engineering", description="How we build")
    world.add_space("~ann", "Ann")
    world.add_space("OLD", "Old things")
    world.archive_space("OLD")
    world.permit("~ann", users=["ann"])


def add_pages(world):
    """Home > Guides (a folder) > Guide; the rest under Home. Returns those that take remarks."""
    home = world.create_page("ENG", "Home", "<p>Welcome <strong>all</strong></p>")
    folder = world.create_folder("ENG", "Guides", parent=home.id)
    guide = world.create_page("ENG", "Guide & <more>", "<p>Rotate the key</p>", parent=folder.id)
    world.edit(guide.id, "<p>Rotate the zafego key</p>", author="ann", message="clearer")
    world.label(guide.id, "howto", "keys")
    secret = world.create_page("ENG", "Board only", "<p>Numbers</p>", parent=home.id)
    world.restrict(secret.id, groups=["board"], users=["ann"])
    world.archive(world.create_page("ENG", "Archived", parent=home.id).id)
    world.trash(world.create_page("ENG", "Trashed", parent=home.id).id)
    world.add_content("ENG", "Draft", author="ann", status=Status.DRAFT)
    post = world.create_blogpost("ENG", "News", "<p>It works</p>")
    world.label(post.id, "news")
    return guide, post, secret


def add_remarks(world, content):
    world.attach(content.id, "notes über.txt", b"some bytes", media_type="text/plain")
    root = world.comment(content.id, "<p>Hm</p>", author="bob")
    world.comment(content.id, "<p>Yes</p>", reply_to=root.id)
    inline = world.comment(content.id, "<p>Why?</p>", inline=True, selection="key")
    world.comment(content.id, "<p>So</p>", reply_to=inline.id)


@pytest.fixture
def world():
    """A small site with one of everything."""
    world = World()
    add_people(world)
    add_spaces(world)
    for content in add_pages(world):
        add_remarks(world, content)
    return world


@pytest.fixture
def ids(world):
    """Content ids by title."""
    return {content.title: content.id for content in world.tree.contents.values()}


@pytest.fixture
def connect():
    """Open a client that shares the one TLS context."""
    return partial(httpx2.AsyncClient, verify=TLS)


@pytest.fixture
async def sandbox(world):
    async with run_sandbox(world) as sandbox:
        yield sandbox


@pytest.fixture
async def client(sandbox, connect):
    """The admin's client; paths are relative to the site's root."""
    login = (sandbox.email, sandbox.token)
    async with connect(base_url=sandbox.url, auth=login) as client:
        yield client
