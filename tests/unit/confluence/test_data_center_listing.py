"""Lists to their last page, whatever Confluence makes of what was asked."""

import httpx2
import pytest

from headwater.adapters.confluence.answers import BrokenAnswerError, RejectedRequestError
from headwater.adapters.confluence.data_center.listing import (
    Query,
    read_rows,
    scan_or_read,
    scan_rows,
)
from headwater.adapters.confluence.data_center.rest import Rest
from tests.unit.confluence.confluence_fakes import (
    FakeConfluence,
    answer,
    make_client,
    status,
)

LIST, SCAN = "/c/rest/api/content", "/c/rest/api/content/scan"
QUERY, SCAN_QUERY = Query("/content", {"type": "page"}), Query("/content/scan", {"type": "page"})


def rows(*ids, more=True, limit=200, **extra):
    links = {"next": "https://elsewhere.example.org/steal?start=7"} if more else {}
    return answer(
        {"results": [{"id": str(it)} for it in ids], "limit": limit, "_links": links, **extra}
    )


def piece(*ids, cursor=None, link=None):
    links = {"next": link} if link else {}
    return answer(
        {"results": [{"id": str(it)} for it in ids], "nextCursor": cursor, "_links": links}
    )


def rest(confluence):
    return Rest(make_client(confluence), "/c")


async def gather(listing, found):
    async for batch in listing:
        found += [int(row["id"]) for row in batch]


async def ids_of(listing):
    found: list[int] = []
    await gather(listing, found)
    return found


def starts(confluence):
    return [query.get("start") for query in confluence.queries(LIST)]


async def test_the_next_page_starts_behind_the_rows_that_came():
    confluence = FakeConfluence({LIST: [rows(1, 2, 3), rows(4), rows(5, 6, more=False)]})
    assert await ids_of(read_rows(rest(confluence), QUERY)) == [1, 2, 3, 4, 5, 6]
    assert starts(confluence) == ["0", "3", "4"]


async def test_confluences_own_links_are_never_followed():
    confluence = FakeConfluence({LIST: [rows(1), rows(2, more=False)]})
    await ids_of(read_rows(rest(confluence), QUERY))
    assert {request.url.host for request in confluence.requests} == {"acme.example.com"}


async def test_a_page_whose_rows_are_all_hidden_is_stepped_over():
    confluence = FakeConfluence({LIST: [rows(1), rows(limit=50), rows(2, more=False)]})
    assert await ids_of(read_rows(rest(confluence), QUERY)) == [1, 2]
    assert starts(confluence) == ["0", "1", "51"]


async def test_a_list_that_repeated_itself_is_read_on_and_then_called_incomplete():
    confluence = FakeConfluence({LIST: [rows(1, 2), rows(1, 2), rows(3, more=False)]})
    found: list[int] = []
    with pytest.raises(RejectedRequestError, match="repeated"):
        await gather(read_rows(rest(confluence), QUERY), found)
    assert found == [1, 2, 1, 2, 3]


@pytest.mark.parametrize("limit", [200, 0, -1, True, None, "many", 10**9])
async def test_a_list_without_an_end_is_given_up(limit):
    confluence = FakeConfluence({LIST: rows(1, limit=limit)})
    with pytest.raises(RejectedRequestError, match="circles"):
        await ids_of(read_rows(rest(confluence), QUERY))
    assert confluence.count(LIST) == 11
    assert starts(confluence)[1:3] == ["1", "201"]


async def test_a_page_that_cannot_be_delivered_is_asked_for_in_smaller_pieces():
    def answer_small(request):
        return rows(1, more=False) if int(request.url.params["limit"]) <= 50 else status(500)

    confluence = FakeConfluence({LIST: answer_small})
    assert await ids_of(read_rows(rest(confluence), QUERY)) == [1]
    asked = [int(query["limit"]) for query in confluence.queries(LIST)]
    assert sorted(set(asked), reverse=True) == [200, 100, 50]


async def test_a_page_that_fails_in_any_size_ends_the_list_with_its_error():
    confluence = FakeConfluence({LIST: status(500)})
    with pytest.raises(BrokenAnswerError):
        await ids_of(read_rows(rest(confluence), QUERY))


@pytest.mark.parametrize(
    "second",
    [piece(2), piece(2, cursor=""), piece(cursor="c2")],
)
async def test_a_scan_ends_without_a_cursor_or_with_an_empty_page_that_links_nowhere(second):
    confluence = FakeConfluence({SCAN: [piece(1, cursor="c1"), second]})
    found = await ids_of(scan_rows(rest(confluence), SCAN_QUERY))
    assert found in ([1, 2], [1])
    assert [query.get("cursor") for query in confluence.queries(SCAN)] == [None, "c1"]


async def test_a_cursor_is_found_in_the_link_too_and_empty_pages_are_stepped_over():
    link = "/rest/api/content/scan?cursor=content%3Afalse%3A7&limit=200"
    confluence = FakeConfluence({SCAN: [piece(link=link), piece(2)]})
    assert await ids_of(scan_rows(rest(confluence), SCAN_QUERY)) == [2]
    assert confluence.queries(SCAN)[1]["cursor"] == "content:false:7"


async def test_a_scan_with_a_next_page_that_it_does_not_name_is_no_whole_list():
    confluence = FakeConfluence({SCAN: [piece(1, link="/rest/api/content/scan?limit=200")]})
    with pytest.raises(RejectedRequestError, match="does not say how"):
        await ids_of(scan_rows(rest(confluence), SCAN_QUERY))


async def test_a_scan_whose_cursor_returns_is_given_up():
    confluence = FakeConfluence(
        {SCAN: [piece(1, cursor="a"), piece(2, cursor="b"), piece(3, cursor="a")]}
    )
    with pytest.raises(RejectedRequestError, match="circles"):
        await ids_of(scan_rows(rest(confluence), SCAN_QUERY))


@pytest.mark.parametrize("code", [400, 404, 410, 500])
async def test_where_there_is_no_scan_the_list_is_read(code):
    confluence = FakeConfluence({SCAN: status(code), LIST: rows(1, more=False)})
    assert await ids_of(scan_or_read(rest(confluence), SCAN_QUERY, QUERY)) == [1]


async def test_a_scan_that_breaks_off_later_is_not_begun_again_as_a_list():
    confluence = FakeConfluence(
        {SCAN: [piece(1, cursor="c"), status(404)], LIST: rows(1, more=False)}
    )
    with pytest.raises(Exception, match="nothing that this account may see"):
        await ids_of(scan_or_read(rest(confluence), SCAN_QUERY, QUERY))
    assert confluence.count(LIST) == 0


async def test_an_answer_without_rows_is_broken():
    confluence = FakeConfluence({LIST: httpx2.Response(200, json=["x"])})
    with pytest.raises(BrokenAnswerError):
        await ids_of(read_rows(rest(confluence), QUERY))


@pytest.mark.parametrize("link", ["//[::1", "https://acme.example:port/"])
async def test_a_next_page_named_by_no_url_is_not_taken_for_the_end(link):
    confluence = FakeConfluence({SCAN: piece(1, link=link)})
    with pytest.raises(RejectedRequestError):
        await ids_of(scan_rows(rest(confluence), SCAN_QUERY))
