import httpx2
import pytest

from headwater.adapters.confluence.client import Limits
from headwater.adapters.confluence.content import fetch_pages, list_documents
from headwater.adapters.confluence.patience import Patience
from headwater.domain.content import DocumentKind, Page
from headwater.domain.errors import (
    DocumentError,
    FailureType,
    ListingIncompleteError,
    SourceRefusedError,
    SourceUnreachableError,
    SpaceNotFoundError,
)
from headwater.domain.ids import ContentId
from tests.unit.confluence.confluence_fakes import (
    SPACE,
    SPACE_ITEM,
    FakeConfluence,
    answer,
    body_item,
    collect,
    html,
    listed,
    make_client,
    page_item,
    results,
    status,
)

PAGES = "/wiki/api/v2/spaces/100/pages"
POSTS = "/wiki/api/v2/spaces/100/blogposts"
BULK = "/wiki/api/v2/pages"
BULK_POSTS = "/wiki/api/v2/blogposts"
USER = "/wiki/rest/api/user/current"


def listing(**routes):
    return FakeConfluence(
        {
            PAGES: results([page_item(1)]),
            POSTS: results([]),
            "/wiki/api/v2/spaces": results([SPACE_ITEM]),
            **routes,
        }
    )


def read(confluence):
    return collect(list_documents(make_client(confluence), SPACE))


async def test_pages_and_posts_are_listed_to_their_last_pages():
    following = f"{PAGES}?cursor=b&limit=250&status=current&sort=id"
    confluence = listing(
        **{
            PAGES: [results([page_item(1)], following), results([page_item(2)])],
            POSTS: results([page_item(3)]),
        }
    )
    documents = await read(confluence)
    assert [(item.content_id, item.kind) for item in documents] == [
        ("1", DocumentKind.PAGE),
        ("2", DocumentKind.PAGE),
        ("3", DocumentKind.BLOGPOST),
    ]
    assert confluence.queries(PAGES)[0] == {"limit": "250", "status": "current", "sort": "id"}


async def test_drafts_archived_pages_and_strangers_are_left_out():
    items = [
        page_item(1),
        page_item(2, status="draft", title=""),
        page_item(3, status="archived"),
        page_item(4, spaceId="999"),
    ]
    documents = await read(listing(**{PAGES: results(items)}))
    assert [item.content_id for item in documents] == ["1"]


def cut_off(_request):
    raise httpx2.RemoteProtocolError("cut")


def away(_request):
    raise httpx2.ConnectError("no")


BREAKS = {
    "server error": status(503),
    "cut off": cut_off,
    "away": away,
    "removed": status(410),
    "bad request": status(400),
    "nonsense": answer({"results": [{"id": "9"}]}),
    "no results": answer({}),
    "foreign link": results([page_item(2)], "https://evil.example/wiki/api/v2/x"),
    "endless": results([page_item(2)], f"{PAGES}?cursor=b"),
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS.keys())
async def test_a_listing_that_breaks_off_is_incomplete_and_says_how_far_it_came(broken):
    confluence = listing(**{PAGES: [results([page_item(1)], f"{PAGES}?cursor=b"), broken]})
    documents = list_documents(make_client(confluence), SPACE)
    assert len(await anext(documents)) == 1
    with pytest.raises(ListingIncompleteError, match=r"after \d documents") as caught:
        await collect(documents)
    assert isinstance(caught.value.__cause__, SourceUnreachableError)


@pytest.mark.parametrize("refusal", [status(401), status(403), status(404), html()])
async def test_a_refusal_in_the_middle_is_a_refusal(refusal):
    confluence = listing(**{PAGES: [results([page_item(1)], f"{PAGES}?cursor=b"), refusal]})
    with pytest.raises(SourceRefusedError):
        await read(confluence)


async def test_trouble_with_the_posts_alone_makes_the_listing_incomplete():
    with pytest.raises(ListingIncompleteError, match="after 1 documents"):
        await read(listing(**{POSTS: status(500)}))


async def test_a_listing_does_not_end_well_when_the_caller_has_become_anonymous():
    with pytest.raises(SourceRefusedError, match="anonymous"):
        await read(listing(**{USER: answer({"type": "anonymous"})}))


async def test_a_listing_does_not_end_well_when_the_space_is_no_longer_shown():
    with pytest.raises(SpaceNotFoundError):
        await read(listing(**{"/wiki/api/v2/spaces": results([]), PAGES: results([])}))


# ── Bodies ─────────────────────────────────────────────────────────────────────────────────────


def serve_bodies(items, *, most=250, weight=None):
    by_id = {str(item["id"]): item for item in items}

    def reply(request):
        ids = request.url.params["id"].split(",")
        if len(ids) > most or any(item == weight for item in ids):
            return status(504)
        return results([by_id[item] for item in ids if item in by_id])

    return reply


async def fetch(confluence, documents, **kwargs):
    client = make_client(confluence, **kwargs)
    found = [item async for item in fetch_pages(client, documents)]
    return {item.content_id: item.outcome for item in found}


async def test_bodies_come_many_per_request_by_kind():
    confluence = FakeConfluence(
        {
            BULK: serve_bodies([body_item(number) for number in range(600)]),
            BULK_POSTS: serve_bodies([body_item(900, "<p>post</p>")]),
        }
    )
    documents = [listed(number) for number in range(600)]
    outcomes = await fetch(confluence, [*documents, listed(900, DocumentKind.BLOGPOST)])
    assert len(outcomes) == 601
    assert outcomes[ContentId("900")].body == "<p>post</p>"
    assert outcomes[ContentId("7")].listed.version == 3
    assert confluence.count(BULK) == 3
    assert confluence.queries(BULK)[0]["body-format"] == "storage"


async def test_what_has_vanished_is_left_out():
    items = [body_item(1), body_item(2, status="trashed"), body_item(4)]
    outcomes = await fetch(
        FakeConfluence({BULK: lambda _: results(items)}), [listed(1), listed(2), listed(3)]
    )
    assert set(outcomes) == {"1"}


async def test_a_batch_that_confluence_cannot_deliver_is_halved():
    confluence = FakeConfluence({BULK: serve_bodies([body_item(n) for n in range(8)], most=2)})
    outcomes = await fetch(confluence, [listed(number) for number in range(8)])
    assert all(isinstance(outcome, Page) for outcome in outcomes.values())
    assert len(outcomes) == 8


async def test_a_batch_that_is_too_large_is_halved_and_a_single_page_may_be_larger():
    items = [body_item(n, "x" * 3000) for n in range(4)]
    confluence = FakeConfluence({BULK: serve_bodies(items)})
    limits = Limits(batch_bytes=2000, answer_bytes=5000)
    outcomes = await fetch(confluence, [listed(n) for n in range(4)], limits=limits)
    assert all(isinstance(outcome, Page) for outcome in outcomes.values())
    assert len(outcomes) == 4


async def test_a_single_page_beyond_the_cap_fails_alone():
    items = [body_item(1), body_item(2, "x" * 9000)]
    confluence = FakeConfluence({BULK: serve_bodies(items)})
    outcomes = await fetch(confluence, [listed(1), listed(2)], limits=Limits(answer_bytes=5000))
    assert isinstance(outcomes[ContentId("1")], Page)
    assert outcomes[ContentId("2")].error_type is FailureType.FILE_TOO_LARGE


async def test_one_page_that_cannot_be_read_fails_alone():
    confluence = FakeConfluence({BULK: serve_bodies([body_item(n) for n in range(8)], weight="5")})
    outcomes = await fetch(confluence, [listed(n) for n in range(8)])
    failed = {
        key: outcome for key, outcome in outcomes.items() if isinstance(outcome, DocumentError)
    }
    assert {key: error.error_type for key, error in failed.items()} == {
        "5": FailureType.NETWORK_ERROR
    }
    assert len(outcomes) == 8


async def test_no_page_is_blamed_while_confluence_is_away_altogether():
    confluence = FakeConfluence({BULK: status(503), USER: status(503)})
    with pytest.raises(SourceUnreachableError):
        await fetch(confluence, [listed(1), listed(2)])


async def test_a_lost_connection_stops_the_fetch():
    with pytest.raises(SourceUnreachableError):
        await fetch(FakeConfluence({BULK: away}), [listed(1)], patience=Patience(attempts=1))


@pytest.mark.parametrize("refusal", [status(401), status(404)])
async def test_refused_credentials_stop_the_fetch(refusal):
    with pytest.raises(SourceRefusedError):
        await fetch(FakeConfluence({BULK: refusal}), [listed(1)])


async def test_a_page_without_a_body_is_a_failure_and_an_empty_body_is_none():
    items = [page_item(1, body={}), body_item(2, "")]
    outcomes = await fetch(FakeConfluence({BULK: results(items)}), [listed(1), listed(2)])
    assert outcomes[ContentId("1")].error_type is FailureType.PARSE_ERROR
    assert outcomes[ContentId("2")].body == ""


async def test_leaving_the_fetch_early_leaves_nothing_running():
    confluence = FakeConfluence({BULK: serve_bodies([body_item(n) for n in range(2000)])})
    pages = fetch_pages(make_client(confluence), [listed(n) for n in range(2000)])
    await anext(pages)
    await pages.aclose()
    assert confluence.count(BULK) <= 3
