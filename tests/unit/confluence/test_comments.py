from datetime import UTC, datetime

import pytest

from headwater.adapters.confluence.comments import list_comments
from headwater.domain.content import Comment
from headwater.domain.errors import ListingIncompleteError, SourceRefusedError
from headwater.domain.ids import ContentId
from tests.unit.confluence.confluence_fakes import (
    SPACE,
    SPACE_ITEM,
    FakeConfluence,
    answer,
    collect,
    make_client,
    page_item,
    results,
    status,
)

SEARCH = "/wiki/rest/api/content/search"
USER = "/wiki/rest/api/user/current"
FOOTER = "/wiki/api/v2/footer-comments"
INLINE = "/wiki/api/v2/inline-comments"


def found(number, *, page="10", above=(), resolution=None, location="footer", **fields):
    return {
        "id": str(number),
        "type": "comment",
        "status": "current",
        "space": {"id": 100, "key": "DOCS"},
        "container": {"id": page, "type": "page", "status": "current"},
        "ancestors": [{"id": str(item), "type": "comment"} for item in above],
        "extensions": {"location": location, "resolution": {"status": resolution}},
        "history": {
            "createdDate": "2026-01-02T03:04:05.678+01:00",
            "createdBy": {"accountId": "557058:ann"},
        },
        "version": {"number": 2, "when": "2026-02-02T03:04:05.678Z", "by": {"accountId": "x"}},
        "body": {"storage": {"value": f"<p>{number}</p>"}},
        **fields,
    }


def listed(number, *, page="10", parent=None, **fields):
    return {
        "id": str(number),
        "status": "current",
        **({"pageId": page} if page else {}),
        **({"parentCommentId": str(parent)} if parent else {}),
        "version": {"number": 1, "createdAt": "2026-01-02T03:04:05.678Z", "authorId": "557058:ann"},
        "body": {"storage": {"value": f"<p>{number}</p>"}},
        **fields,
    }


def read(confluence):
    return collect(list_comments(make_client(confluence), SPACE))


async def read_ids(confluence):
    return [item.comment_id for item in await read(confluence)]


def without_search(reply, **routes):
    """A site whose search is closed, with the pages 10 and 11 and the post 12 in the space."""
    return FakeConfluence(
        {
            SEARCH: reply,
            "/wiki/api/v2/spaces/100/pages": results([page_item(10), page_item(11)]),
            "/wiki/api/v2/spaces/100/blogposts": results([page_item(12)]),
            "/wiki/api/v2/spaces": results([SPACE_ITEM]),
            FOOTER: results([]),
            INLINE: results([]),
            **routes,
        }
    )


async def test_one_search_brings_the_comments_of_a_space():
    confluence = FakeConfluence({SEARCH: results([found(1), found(2, above=[1])])})
    assert await read(confluence) == [
        Comment(
            comment_id=ContentId("1"),
            page_id=ContentId("10"),
            parent_id=None,
            author_id="557058:ann",
            created_at=datetime(2026, 1, 2, 2, 4, 5, 678000, tzinfo=UTC),
            version=2,
            body="<p>1</p>",
        ),
        Comment(
            comment_id=ContentId("2"),
            page_id=ContentId("10"),
            parent_id=ContentId("1"),
            author_id="557058:ann",
            created_at=datetime(2026, 1, 2, 2, 4, 5, 678000, tzinfo=UTC),
            version=2,
            body="<p>2</p>",
        ),
    ]
    query = confluence.queries(SEARCH)[0]
    assert query["cql"] == 'space = "DOCS" and type = comment order by created'
    assert query["limit"] == "250"
    assert "body.storage" in query["expand"]
    assert [request.url.path for request in confluence.requests] == [SEARCH, USER]


async def test_pages_of_the_search_follow_the_cursor():
    following = "/rest/api/content/search?next=true&cursor=_sa_x&limit=250"
    pages = [results([found(2, above=[1])], following), results([found(1), found(3)])]
    assert await read_ids(FakeConfluence({SEARCH: pages})) == ["1", "2", "3"]


@pytest.mark.parametrize("resolution", ["resolved", "dangling"])
async def test_a_settled_thread_is_left_out_with_its_replies(resolution):
    items = [
        found(1, location="inline", resolution=resolution),
        found(2, above=[1], location="inline", resolution="open"),
        found(3, location="inline", resolution="reopened"),
    ]
    assert await read_ids(FakeConfluence({SEARCH: results(items)})) == ["3"]


async def test_the_nearest_ancestor_is_what_a_reply_answers():
    items = [found(1), found(2, above=[1]), found(3, above=[1, 2])]
    comments = await read(FakeConfluence({SEARCH: results(items)}))
    assert [item.parent_id for item in comments] == [None, "1", "2"]


async def test_a_reply_that_hangs_on_a_comment_is_on_that_comments_page():
    reply = found(2, container={"id": "1", "type": "comment", "status": "current"})
    comments = await read(FakeConfluence({SEARCH: results([reply, found(1, page="11")])}))
    assert [(item.comment_id, item.parent_id, item.page_id) for item in comments] == [
        ("1", None, "11"),
        ("2", "1", "11"),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"container": {"id": "10", "type": "page", "status": "trashed"}},
        {"container": {"id": "att5", "type": "attachment", "status": "current"}},
        {"container": {"type": "space", "key": "DOCS"}},
        {"container": None},
        {"space": {"id": 999, "key": "OTHER"}},
        {"status": "trashed"},
    ],
)
async def test_comments_of_anything_but_current_documents_of_the_space_are_left_out(fields):
    confluence = FakeConfluence({SEARCH: results([found(1, **fields), found(2)])})
    assert await read_ids(confluence) == ["2"]


async def test_a_container_that_is_not_written_out_is_known_by_its_path():
    item = found(1, container=None, _expandable={"container": "/rest/api/content/10"})
    assert [it.page_id for it in await read(FakeConfluence({SEARCH: results([item])}))] == ["10"]


@pytest.mark.parametrize("missing", ["createdBy", "history"])
async def test_somebody_who_has_left_is_nobody(missing):
    item = found(1)
    del item["history"]["createdBy"]
    if missing == "history":
        with pytest.raises(ListingIncompleteError, match="history"):
            await read(FakeConfluence({SEARCH: results([{**item, "history": None}])}))
    else:
        comments = await read(FakeConfluence({SEARCH: results([item])}))
        assert comments[0].author_id is None


@pytest.mark.parametrize("body", [{}, {"storage": {}}])
async def test_a_comment_without_its_text_makes_the_listing_incomplete(body):
    with pytest.raises(ListingIncompleteError, match="without its text"):
        await read(FakeConfluence({SEARCH: results([found(1, body=body)])}))


async def test_the_search_page_shrinks_where_it_is_too_much():
    def serve(request):
        return status(504) if int(request.url.params["limit"]) > 50 else results([found(1)])

    confluence = FakeConfluence({SEARCH: serve})
    assert await read_ids(confluence) == ["1"]
    assert confluence.queries(SEARCH)[-1]["limit"] == "31"


async def test_a_search_that_breaks_off_is_incomplete():
    following = "/rest/api/content/search?next=true&cursor=_sa_x&limit=250"
    for trouble in (status(500), status(410)):
        confluence = FakeConfluence({SEARCH: [results([found(1)], following), trouble]})
        with pytest.raises(ListingIncompleteError, match="after 1"):
            await read(confluence)
        assert confluence.count(FOOTER) == 0


async def test_a_refusal_in_the_middle_of_a_search_is_one():
    following = "/rest/api/content/search?next=true&cursor=_sa_x&limit=250"
    for refusal in (status(403), status(404)):
        confluence = FakeConfluence({SEARCH: [results([found(1)], following), refusal]})
        with pytest.raises(SourceRefusedError):
            await read(confluence)


async def test_a_short_list_for_a_caller_that_confluence_no_longer_knows_is_none():
    confluence = FakeConfluence({SEARCH: results([]), USER: answer({"type": "anonymous"})})
    with pytest.raises(SourceRefusedError):
        await read(confluence)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
async def test_where_the_search_is_closed_the_sites_comments_are_sorted_out(code):
    footer = [
        listed(1),
        listed(2, parent=1),
        listed(3, page="99"),
        listed(4, parent=3, page=None),
        listed(5, page=None, blogPostId="12"),
        listed(6, status="trashed"),
    ]
    inline = [
        listed(7, resolutionStatus="resolved"),
        listed(8, parent=7, resolutionStatus="open"),
        listed(9, page="11", resolutionStatus="open"),
        listed(10, page="11", parent=9, resolutionStatus="open"),
    ]
    confluence = without_search(status(code), **{FOOTER: results(footer), INLINE: results(inline)})
    comments = await read(confluence)
    assert [(item.comment_id, item.page_id) for item in comments] == [
        ("1", "10"),
        ("2", "10"),
        ("5", "12"),
        ("9", "11"),
        ("10", "11"),
    ]
    assert comments[0].created_at == datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert comments[0].author_id == "557058:ann"
    params = {"body-format": "storage", "limit": "250", "sort": "created-date"}
    assert confluence.queries(FOOTER) == confluence.queries(INLINE) == [params]


async def test_replies_that_the_sites_list_does_not_show_are_asked_for():
    confluence = without_search(
        status(410),
        **{
            FOOTER: results([listed(1), listed(2, page="99")]),
            f"{FOOTER}/1/children": results([listed(3, page=None, parent=1)]),
            f"{FOOTER}/3/children": results([listed(4, page=None, parent=3)]),
            f"{FOOTER}/4/children": results([]),
        },
    )
    comments = await read(confluence)
    assert [(item.comment_id, item.page_id) for item in comments] == [
        ("1", "10"),
        ("3", "10"),
        ("4", "10"),
    ]
    assert confluence.count(f"{FOOTER}/2/children") == 0


async def test_replies_that_cannot_be_read_make_the_listing_incomplete():
    confluence = without_search(
        status(410),
        **{FOOTER: results([listed(1)]), f"{FOOTER}/1/children": status(500)},
    )
    with pytest.raises(ListingIncompleteError):
        await read(confluence)


async def test_a_refused_account_is_refused_on_the_detour_too():
    with pytest.raises(SourceRefusedError):
        await read(FakeConfluence({SEARCH: status(403)}))
