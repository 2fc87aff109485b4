import pytest

from headwater.adapters.confluence.lookups import look_up
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from headwater.domain.ids import ContentId, SpaceId
from headwater.ports import ContentStatus, LookedUp
from tests.unit.confluence.confluence_fakes import (
    FakeConfluence,
    answer,
    make_client,
    page_item,
    results,
    status,
)

BULK = "/wiki/api/v2/pages"
BULK_POSTS = "/wiki/api/v2/blogposts"
USER = "/wiki/rest/api/user/current"


def file_path(content_id):
    return f"/wiki/api/v2/attachments/{content_id}"


async def test_every_id_gets_its_answer():
    confluence = FakeConfluence(
        {
            BULK: results(
                [
                    page_item(1, spaceId="200"),
                    page_item(2, status="archived"),
                    page_item(3, status="trashed"),
                    page_item(4, status="deleted"),
                    page_item(5, status="mystery"),
                ]
            ),
            BULK_POSTS: results([page_item(6)]),
        }
    )
    ids = [ContentId(item) for item in ("1", "2", "3", "4", "5", "6", "7", "att8")]
    found = await look_up(make_client(confluence), ids)
    assert found[ids[0]] == LookedUp(ContentStatus.CURRENT, SpaceId("200"))
    assert [found[item].status for item in ids] == [
        "current",
        "archived",
        "trashed",
        "trashed",
        "gone",
        "current",
        "gone",
        "gone",
    ]
    assert confluence.queries(BULK)[0]["status"] == "current,archived,trashed,deleted"
    assert confluence.queries(BULK_POSTS)[0]["id"] == "6,7"


async def test_look_ups_come_250_at_a_time():
    confluence = FakeConfluence({BULK: results([]), BULK_POSTS: results([])})
    ids = [ContentId(str(number)) for number in range(600)]
    assert len(await look_up(make_client(confluence), ids)) == 600
    assert confluence.count(BULK) == 3


async def test_nothing_is_called_gone_for_a_caller_that_confluence_no_longer_knows():
    confluence = FakeConfluence(
        {BULK: results([]), BULK_POSTS: results([]), USER: answer({"type": "anonymous"})}
    )
    with pytest.raises(SourceRefusedError):
        await look_up(make_client(confluence), [ContentId("1")])


@pytest.mark.parametrize(
    ("reply", "error"), [(status(404), SourceRefusedError), (status(500), SourceUnreachableError)]
)
async def test_a_look_up_that_fails_says_nothing_about_any_id(reply, error):
    with pytest.raises(error):
        await look_up(make_client(FakeConfluence({BULK: reply})), [ContentId("1")])


async def test_looking_up_nothing_asks_nothing():
    confluence = FakeConfluence()
    assert await look_up(make_client(confluence), []) == {}
    assert confluence.requests == []


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("current", ContentStatus.CURRENT),
        ("archived", ContentStatus.ARCHIVED),
        ("trashed", ContentStatus.TRASHED),
        ("deleted", ContentStatus.TRASHED),
        ("historical", ContentStatus.GONE),
    ],
)
async def test_attachments_are_looked_up_one_by_one(word, meaning):
    confluence = FakeConfluence(
        {
            file_path("att1"): answer({"id": "att1", "status": word}),
            file_path("att2"): answer({"id": "att2", "status": "current"}),
        }
    )
    found = await look_up(make_client(confluence), [ContentId("att1"), ContentId("att2")])
    assert found == {"att1": LookedUp(meaning), "att2": LookedUp(ContentStatus.CURRENT)}
    assert len(confluence.requests) == 2


async def test_an_attachment_that_is_not_there_is_gone_for_a_caller_that_confluence_knows():
    confluence = FakeConfluence()
    found = await look_up(make_client(confluence), [ContentId("att1")])
    assert found == {"att1": LookedUp(ContentStatus.GONE)}
    assert confluence.count(USER) == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (status(401), SourceRefusedError),
        (status(403), SourceRefusedError),
        (status(410), SourceUnreachableError),
        (status(500), SourceUnreachableError),
    ],
)
async def test_no_attachment_is_gone_because_it_cannot_be_asked_for(reply, error):
    with pytest.raises(error):
        await look_up(make_client(FakeConfluence({file_path("att1"): reply})), [ContentId("att1")])


async def test_no_attachment_is_gone_for_a_caller_that_confluence_no_longer_knows():
    confluence = FakeConfluence({USER: answer({"type": "anonymous"})})
    with pytest.raises(SourceRefusedError):
        await look_up(make_client(confluence), [ContentId("att1")])


@pytest.mark.parametrize("content_id", ["att", "att1/../../spaces", "att1?x=1", "¹", "../1"])
async def test_an_id_of_no_known_form_is_gone_and_never_part_of_a_path(content_id):
    confluence = FakeConfluence()
    found = await look_up(make_client(confluence), [ContentId(content_id)])
    assert found == {content_id: LookedUp(ContentStatus.GONE)}
    assert [request.url.path for request in confluence.requests] == [USER]
