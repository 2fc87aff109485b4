import json
from pathlib import Path

import httpx2
import pytest

from headwater.adapters.confluence.answers import BrokenAnswerError, RejectedRequestError
from headwater.adapters.confluence.paging import read_all, read_pages, reanchor
from tests.unit.confluence.confluence_fakes import (
    ROOT,
    FakeConfluence,
    answer,
    make_client,
    results,
    status,
)

PATH = "/wiki/api/v2/spaces"
SITE = httpx2.URL(ROOT)
GATEWAY = httpx2.URL("https://api.example.com/ex/confluence/c1")
RECORDED = (
    Path(__file__).parents[3] / "../shared/data/recorded/errors_and_headers/pagination_forms.json"
)


@pytest.mark.parametrize("root", [SITE, GATEWAY, httpx2.URL("http://127.0.0.1:8090")])
@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (
            "/wiki/api/v2/spaces?cursor=a%3D%3D&limit=2",
            "/wiki/api/v2/spaces?cursor=a%3D%3D&limit=2",
        ),
        ("/rest/api/content/search?next=true", "/wiki/rest/api/content/search?next=true"),
        ("/wiki/rest/api/content/search?x", "/wiki/rest/api/content/search?x"),
    ],
)
def test_relative_links_are_anchored_below_the_configured_root(root, link, expected):
    assert str(reanchor(link, root)) == str(root).rstrip("/") + expected


@pytest.mark.parametrize("root", [SITE, GATEWAY])
def test_an_absolute_link_to_the_same_place_is_followed(root):
    link = str(root).rstrip("/") + "/wiki/api/v2/spaces?cursor=a"
    assert str(reanchor(link, root)) == link


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/wiki/api/v2/spaces",
        "http://acme.example.com/wiki/api/v2/spaces",
        "https://acme.example.com:8443/wiki/api/v2/spaces",
        "https://me:pw@acme.example.com/wiki/api/v2/spaces",
        "//evil.example/wiki/api/v2/spaces",
        "/\\evil.example/wiki/api/v2/",
        "/wiki/api/v2/spaces?cursor=\ud83d",
        "/wiki/api/v2/spaces?cursor=\x00",
        "/wiki/logout",
        "/wiki/api/v2/../../logout",
        "/wiki/api/v2/%2e%2e/logout",
        "https://[/",
        "//[",
        "file:///etc/passwd",
        "\x00",
    ],
)
def test_a_link_that_leads_elsewhere_is_refused(link):
    with pytest.raises(RejectedRequestError, match="outside"):
        reanchor(link, SITE)


async def test_pages_are_read_to_the_last_one():
    confluence = FakeConfluence(
        {PATH: [results([{"id": 1}], f"{PATH}?cursor=b&limit=1"), results([{"id": 2}])]}
    )
    assert await read_all(make_client(confluence), PATH, {"limit": "1"}) == [{"id": 1}, {"id": 2}]
    assert confluence.queries(PATH) == [{"limit": "1"}, {"cursor": "b", "limit": "1"}]


async def test_the_link_header_counts_where_the_body_names_no_next_page():
    link = f'<{PATH}?cursor=b>; rel="next", <{ROOT}/wiki>; rel="base"'
    first = answer({"results": [{"id": 1}]}, link=link)
    confluence = FakeConfluence({PATH: [first, answer({"results": [{"id": 2}]})]})
    assert len(await read_all(make_client(confluence), PATH, {})) == 2


async def test_a_foreign_link_is_refused_and_gets_no_credentials():
    confluence = FakeConfluence({PATH: results([{"id": 1}], "https://evil.example/wiki/api/v2/x")})
    with pytest.raises(RejectedRequestError):
        await read_all(make_client(confluence), PATH, {})
    assert {request.url.host for request in confluence.requests} == {"acme.example.com"}


async def test_a_next_link_that_repeats_is_no_listing():
    confluence = FakeConfluence({PATH: results([{"id": 1}], f"{PATH}?cursor=a")})
    with pytest.raises(RejectedRequestError, match="circles"):
        await read_all(make_client(confluence), PATH, {})
    assert confluence.count(PATH) == 2


async def test_ever_new_links_to_the_same_items_are_no_listing():
    def serve(_request):
        return results([{"id": 1}], f"{PATH}?cursor={len(confluence.requests)}")

    confluence = FakeConfluence({PATH: serve})
    with pytest.raises(RejectedRequestError, match="circles"):
        await read_all(make_client(confluence), PATH, {})
    assert confluence.count(PATH) < 15


async def test_an_empty_page_in_the_middle_is_no_end():
    pages = [results([], f"{PATH}?cursor=b"), results([{"id": 2}])]
    assert await read_all(make_client(FakeConfluence({PATH: pages})), PATH, {}) == [{"id": 2}]


@pytest.mark.parametrize("value", [[], {}, {"results": None}, {"results": ["x"]}, "x", None])
async def test_an_answer_without_results_is_nonsense_and_not_an_empty_list(value):
    with pytest.raises(BrokenAnswerError):
        await read_all(make_client(FakeConfluence({PATH: answer(value)})), PATH, {})


async def test_the_limit_halves_where_confluence_fails_and_stays_small():
    def serve(request):
        limit = int(request.url.params["limit"])
        if limit > 50:
            return status(504)
        following = None if "cursor" in request.url.params else f"{PATH}?cursor=b&limit={limit}"
        return results([{"id": f"{request.url}"}], following)

    confluence = FakeConfluence({PATH: serve})
    pages = read_pages(make_client(confluence), PATH, {"limit": "200"}, smallest=25)
    assert len([page async for page in pages]) == 2
    limits = [query["limit"] for query in confluence.queries(PATH)]
    assert limits == ["200", "200", "100", "100", "50", "50"]


async def test_a_halved_limit_holds_for_the_rest_even_where_the_links_forget_it():
    def serve(request):
        limit, place = int(request.url.params["limit"]), int(request.url.params.get("cursor", "0"))
        if limit > 50:
            return status(504)
        following = f"{PATH}?cursor={place + 1}&limit=200" if place < 3 else None
        return results([{"id": place}], following)

    confluence = FakeConfluence({PATH: serve})
    pages = read_pages(make_client(confluence), PATH, {"limit": "200"}, smallest=25)
    assert len([page async for page in pages]) == 4
    limits = [query["limit"] for query in confluence.queries(PATH)]
    assert limits == ["200", "200", "100", "100", "50", "50", "50", "50"]


@pytest.mark.parametrize("limit", ["abc", "", "-5", "9" * 5000])
async def test_a_strange_limit_in_a_link_shrinks_nothing(limit):
    following = f"{PATH}?cursor=b&limit={limit}"
    confluence = FakeConfluence({PATH: [results([{"id": 1}], following), status(500)]})
    pages = read_pages(make_client(confluence), PATH, {"limit": "60"}, smallest=25)
    await anext(pages)
    with pytest.raises(BrokenAnswerError):
        await anext(pages)


async def test_below_the_floor_the_failure_is_raised():
    confluence = FakeConfluence({PATH: status(500)})
    pages = read_pages(make_client(confluence), PATH, {"limit": "60"}, smallest=25)
    with pytest.raises(BrokenAnswerError):
        await anext(pages)
    assert {query["limit"] for query in confluence.queries(PATH)} == {"60", "30", "25"}


@pytest.mark.skipif(not RECORDED.exists(), reason="recorded answers are not at hand")
def test_the_recorded_cloud_forms_are_anchored():
    for entry in json.loads(RECORDED.read_text()):
        if entry["api"].startswith("cloud"):
            link = entry["example"]["_links"]["next"].replace("{groupId}", "g")
            assert reanchor(link, GATEWAY).path.startswith("/ex/confluence/c1/wiki/")
