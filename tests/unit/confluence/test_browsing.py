"""A page of a listing says whether another follows, or says that it cannot tell."""

import pytest

from headwater.adapters.confluence.answers import RejectedRequestError
from headwater.adapters.confluence.browsing import _read_page
from tests.unit.confluence.confluence_fakes import FakeConfluence, answer, make_client

PAGES = "/wiki/api/v2/pages"


@pytest.mark.parametrize("link", ["/wiki/api/v2/pages?limit=1", "//[", "https://x:99999999/"])
async def test_a_next_page_that_is_not_named_is_no_end(link):
    confluence = FakeConfluence({PAGES: [answer({"results": [], "_links": {"next": link}})]})
    with pytest.raises(RejectedRequestError, match="does not say how"):
        await _read_page(make_client(confluence), PAGES, {}, "")


async def test_a_page_without_a_link_is_the_last():
    confluence = FakeConfluence({PAGES: [answer({"results": [{"id": "1"}], "_links": {}})]})
    assert await _read_page(make_client(confluence), PAGES, {}, "") == ([{"id": "1"}], "")
