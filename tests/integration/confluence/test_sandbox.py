"""The adapter against the packaged sandbox: real HTTP, Confluence's own shapes and habits."""

import pytest

from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.domain.content import DocumentKind, Page, SpaceType
from headwater.domain.errors import (
    ListingIncompleteError,
    SourceRefusedError,
    SpaceNotFoundError,
)
from headwater.domain.ids import ContentId, SpaceKey
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.ports import ContentStatus
from headwater.sandbox.loading import load_wiki
from headwater.sandbox.server import run_sandbox


@pytest.fixture
async def sandbox():
    async with run_sandbox(load_wiki()) as running:
        yield running


def opened(sandbox, *, token=None, url=None):
    sources = ConfluenceSources(allowed_private_hosts=("127.0.0.1",))
    credential = SiteCredential(sandbox.email, Secret(token or sandbox.token))
    return sources.open(SiteAddress(url or sandbox.instance_url, sandbox.web_url), credential)


async def read_all(batches):
    return [item async for batch in batches for item in batch]


async def test_everything_that_a_sync_depends_on_works(sandbox):
    async with opened(sandbox) as source:
        assert [(item.name, item.detail) for item in await source.probe() if not item.ok] == []


async def test_the_bare_site_is_the_same_site(sandbox):
    async with opened(sandbox) as by_rest, opened(sandbox, url=sandbox.url) as by_root:
        assert by_rest.site == by_root.site


async def test_a_wrong_token_is_refused(sandbox):
    with pytest.raises(SourceRefusedError):
        async with opened(sandbox, token="wrong"):
            pass


async def test_spaces_are_listed_and_found(sandbox):
    async with opened(sandbox) as source:
        spaces = {space.key: space for space in await source.list_spaces()}
        assert {"ENG", "HR"} <= spaces.keys()
        personal = [space for space in spaces.values() if space.type is SpaceType.PERSONAL]
        for space in (*personal, spaces["ENG"]):
            assert await source.find_space(space.key) == space
        with pytest.raises(SpaceNotFoundError):
            await source.find_space(SpaceKey("NOSUCH"))


async def test_a_space_is_listed_annotated_and_fetched(sandbox):
    async with opened(sandbox) as source:
        space = await source.find_space(SpaceKey("ENG"))
        documents = await read_all(source.list_documents(space))
        ids = {document.content_id for document in documents}
        assert len(ids) == len(documents) > 20
        assert {document.kind for document in documents} <= {*DocumentKind}
        assert {item.content_id for item in await read_all(source.list_annotations(space))} <= ids
        fetched = {item.content_id: item.outcome async for item in source.fetch_pages(documents)}
        assert fetched.keys() == ids
        assert all(isinstance(outcome, Page) for outcome in fetched.values())


async def test_bulk_and_single_reading_agree_on_labels_and_restrictions(sandbox):
    async with opened(sandbox) as source:
        for space in await source.list_spaces():
            documents = await read_all(source.list_documents(space))
            single = {item.content_id: item for item in await source.read_annotations(documents)}
            assert all(item.restriction.readable for item in single.values())
            for item in await read_all(source.list_annotations(space)):
                assert single[item.content_id] == item


async def test_readers_and_ancestors_are_read(sandbox):
    async with opened(sandbox) as source:
        for space in await source.list_spaces():
            readers = await source.read_space_readers(space)
            assert readers.everyone or readers.restriction.readable or readers.unmapped
            documents = await read_all(source.list_documents(space))
            listed = {document.content_id for document in documents}
            for parent in {item.parent_id for item in documents} - listed - {None}:
                assert await source.read_ancestor(parent) is not None


async def test_what_became_of_an_id_is_looked_up(sandbox):
    async with opened(sandbox) as source:
        space = await source.find_space(SpaceKey("ENG"))
        documents = await read_all(source.list_documents(space))
        kept = documents[0].content_id
        found = await source.look_up([kept, ContentId("999999999999")])
        assert found[kept].status is ContentStatus.CURRENT
        assert found[kept].space_id == space.id
        assert found[ContentId("999999999999")].status is ContentStatus.GONE


async def test_a_fault_in_the_listing_makes_it_incomplete(sandbox):
    def break_posts(request, _template, response):
        if request.url.path.endswith("/blogposts"):
            response.status_code = 400
        return response

    async with opened(sandbox) as source:
        space = await source.find_space(SpaceKey("ENG"))
        sandbox.faults.append(break_posts)
        with pytest.raises(ListingIncompleteError):
            await read_all(source.list_documents(space))
