import asyncio

import httpx2
import pytest

from headwater.adapters.confluence.annotations import (
    list_annotations,
    quote_cql,
    read_ancestor,
    read_annotations,
)
from headwater.domain.content import UNREADABLE, Annotation, DocumentKind, Restriction
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from headwater.domain.ids import ContentId
from headwater.ports import Ancestor
from tests.unit.confluence.confluence_fakes import (
    SPACE,
    FakeConfluence,
    answer,
    collect,
    inner,
    listed,
    make_client,
    restriction_item,
    results,
    status,
)

SEARCH = "/wiki/rest/api/content/search"
USER = "/wiki/rest/api/user/current"
ANONYMOUS = answer({"type": "anonymous"})


def restriction_path(content_id):
    return f"/wiki/rest/api/content/{content_id}/restriction/byOperation/read"


def labels_path(content_id, kind="pages"):
    return f"/wiki/api/v2/{kind}/{content_id}/labels"


def found(content_id, restriction=None, labels=(), **fields):
    return {
        "id": str(content_id),
        "type": "page",
        "metadata": {"labels": inner([{"name": name, "prefix": "global"} for name in labels])},
        "restrictions": {"read": restriction or restriction_item()},
        **fields,
    }


def search(confluence):
    return collect(list_annotations(make_client(confluence), SPACE))


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("DOCS", '"DOCS"'), ('a"b', '"a\\"b"'), ("a\\", '"a\\\\"'), ('\\"', '"\\\\\\""')],
)
def test_cql_literals_cannot_be_broken_out_of(text, quoted):
    assert quote_cql(text) == quoted


async def test_labels_and_restrictions_come_in_bulk():
    items = [
        found(1, labels=["howto"]),
        found(2, restriction_item(["a:1"], [("g", "staff")])),
    ]
    confluence = FakeConfluence({SEARCH: results(items)})
    assert await search(confluence) == [
        Annotation(ContentId("1"), frozenset({"howto"}), Restriction()),
        Annotation(
            ContentId("2"),
            frozenset(),
            Restriction(frozenset({"a:1"}), groups=frozenset({"g", "staff"})),
        ),
    ]
    query = confluence.queries(SEARCH)[0]
    assert query["cql"] == 'space = "DOCS" and type in (page,blogpost)'
    assert query["limit"] == "200"
    assert len(confluence.requests) == 1


async def test_pages_of_the_search_follow_the_cursor():
    following = "/rest/api/content/search?next=true&cursor=_sa_x&limit=200"
    confluence = FakeConfluence({SEARCH: [results([found(1)], following), results([found(2)])]})
    assert [item.content_id for item in await search(confluence)] == ["1", "2"]


@pytest.mark.parametrize(
    "incomplete",
    [
        found(1, restriction_item(["a:1"], limit=1)),
        found(1, {"restrictions": {"user": inner([{"type": "mystery"}]), "group": inner([])}}),
        {"id": "1", "type": "page"},
        found(1, metadata={"labels": inner([{"name": "x"}], limit=1)}),
        found(1, metadata={}),
    ],
)
async def test_what_the_search_holds_incompletely_is_read_by_itself(incomplete):
    confluence = FakeConfluence(
        {
            SEARCH: results([incomplete]),
            restriction_path(1): answer(restriction_item(["a:1", "a:2"])),
            labels_path(1): results([{"name": "howto"}]),
        }
    )
    expected = Restriction(frozenset({"a:1", "a:2"}))
    assert await search(confluence) == [Annotation(ContentId("1"), frozenset({"howto"}), expected)]


async def test_what_stays_incomplete_is_closed():
    confluence = FakeConfluence({SEARCH: results([{"id": "1", "type": "page"}])})
    assert await search(confluence) == [Annotation(ContentId("1"), frozenset(), UNREADABLE)]


async def test_the_search_page_shrinks_where_the_expansion_is_too_wide():
    def serve(request):
        return status(504) if int(request.url.params["limit"]) > 50 else results([found(1)])

    confluence = FakeConfluence({SEARCH: serve})
    assert len(await search(confluence)) == 1
    assert confluence.queries(SEARCH)[-1]["limit"] == "50"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (status(404), SourceRefusedError),
        (status(403), SourceRefusedError),
        (status(500), SourceUnreachableError),
    ],
)
async def test_a_search_that_fails_is_no_empty_one(reply, error):
    with pytest.raises(error):
        await search(FakeConfluence({SEARCH: reply}))


async def test_annotations_are_read_one_by_one_and_come_in_order():
    confluence = FakeConfluence(
        {
            restriction_path(1): answer(restriction_item()),
            labels_path(1): results([{"name": "howto"}]),
            restriction_path(2): answer(restriction_item(["a:1"])),
            labels_path(2, "blogposts"): results([]),
        }
    )
    documents = [listed(2, DocumentKind.BLOGPOST), listed(1)]
    assert await read_annotations(make_client(confluence), documents) == [
        Annotation(ContentId("2"), frozenset(), Restriction(frozenset({"a:1"}))),
        Annotation(ContentId("1"), frozenset({"howto"}), Restriction()),
    ]
    assert confluence.count(USER) == 0


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 500, 503])
async def test_a_restriction_that_cannot_be_read_closes(code):
    confluence = FakeConfluence({restriction_path(1): status(code)})
    found_ = await read_annotations(make_client(confluence), [listed(1)])
    assert found_ == [Annotation(ContentId("1"), frozenset(), UNREADABLE)]


async def test_labels_that_cannot_be_read_close_nothing():
    confluence = FakeConfluence({restriction_path(1): answer(restriction_item())})
    found_ = await read_annotations(make_client(confluence), [listed(1)])
    assert found_ == [Annotation(ContentId("1"), frozenset(), Restriction())]


async def test_a_refused_account_is_told_from_an_unreadable_page():
    confluence = FakeConfluence({restriction_path(1): status(403), USER: status(403)})
    with pytest.raises(SourceRefusedError):
        await read_annotations(make_client(confluence), [listed(1)])


async def test_a_lost_connection_closes_nothing_for_good():
    def away(_request):
        raise httpx2.ConnectError("no")

    with pytest.raises(SourceUnreachableError):
        await read_annotations(
            make_client(FakeConfluence({restriction_path(1): away})), [listed(1)]
        )


async def test_no_more_than_a_few_requests_are_in_flight():
    routes = {restriction_path(number): answer(restriction_item()) for number in range(50)}
    confluence = FakeConfluence(routes)
    running = peak = 0

    async def serve(request):
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0)
        running -= 1
        return confluence(request)

    client = make_client(serve)
    await read_annotations(client, [listed(number) for number in range(50)])
    assert 4 <= peak <= client.limits.in_flight


@pytest.mark.parametrize("kind", ["folders", "pages", "whiteboards", "databases", "embeds"])
async def test_an_ancestor_is_found_whatever_it_is(kind):
    confluence = FakeConfluence(
        {
            f"/wiki/api/v2/{kind}/5": answer({"id": "5", "parentId": "4", "createdAt": 17}),
            restriction_path(5): answer(restriction_item(["a:1"])),
        }
    )
    assert await read_ancestor(make_client(confluence), ContentId("5")) == Ancestor(
        ContentId("5"), ContentId("4"), Restriction(frozenset({"a:1"}))
    )


async def test_an_ancestor_at_the_top_whose_restriction_is_kept_from_us_is_closed():
    confluence = FakeConfluence({"/wiki/api/v2/pages/5": answer({"id": "5", "parentId": None})})
    ancestor = await read_ancestor(make_client(confluence), ContentId("5"))
    assert ancestor == Ancestor(ContentId("5"), None, UNREADABLE)


@pytest.mark.parametrize("content_id", ["5", "../../spaces", "att5"])
async def test_an_ancestor_that_cannot_be_seen_is_none(content_id):
    assert await read_ancestor(make_client(FakeConfluence()), ContentId(content_id)) is None


async def test_an_ancestor_that_confluence_cannot_deliver_is_not_seen():
    confluence = FakeConfluence({"/wiki/api/v2/folders/5": status(500)})
    assert await read_ancestor(make_client(confluence), ContentId("5")) is None


@pytest.mark.parametrize("routes", [{}, {"/wiki/api/v2/folders/5": answer({"id": "5"})}])
async def test_no_ancestor_is_judged_with_a_dead_credential(routes):
    confluence = FakeConfluence({USER: ANONYMOUS, **routes})
    with pytest.raises(SourceRefusedError):
        await read_ancestor(make_client(confluence), ContentId("5"))
