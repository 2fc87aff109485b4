"""Every form in which Confluence links to content."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.pipeline.content_urls import parse_content_url

BASE = "https://Acme.atlassian.net/wiki"


@pytest.mark.parametrize(
    "path",
    [
        "/spaces/KB/pages/123",
        "/spaces/KB/pages/123/A+title",
        "/spaces/KB/pages/123/A+title?focusedCommentId=9#comment-9",
        "/spaces/KB/pages/edit-v2/123",
        "/spaces/KB/pages/edit/123",
        "/spaces/~557058:abc/pages/123/Mine",
        "/spaces/KB/blog/2024/02/29/123/News",
        "/spaces/KB/folder/123",
        "/pages/123",
        "/pages/viewpage.action?pageId=123",
        "/pages/viewpage.action?spaceKey=KB&pageId=123",
        "/pages/viewpageattachments.action?pageId=123",
        "/x/ew",
        "/x/ew/",
        "/pages/tinyurl.action?urlIdentifier=ew",
        "/rest/api/content/123",
        "/api/v2/pages/123",
        "/api/v2/blogposts/123",
    ],
)
def test_a_link_that_holds_an_id_names_it(path):
    link = parse_content_url(BASE + path)
    assert link.content_ids == ("123",)
    assert link.host == "acme.atlassian.net"
    assert link.names_content


@pytest.mark.parametrize(
    ("path", "space", "title"),
    [
        ("/display/KB/A+title%3F", "KB", "A title?"),
        ("/display/KB/2024/02/29/News", "KB", "News"),
        ("/pages/viewpage.action?spaceKey=KB&title=A+title", "KB", "A title"),
    ],
)
def test_a_link_by_title_names_space_and_title(path, space, title):
    link = parse_content_url(BASE + path)
    assert (link.content_ids, link.space, link.title) == ((), space, title)
    assert link.names_content


@pytest.mark.parametrize(
    "path",
    [
        "/spaces/KB/pages/123?preview=/123/456/file.pdf",
        "/pages/viewpageattachments.action?pageId=123&preview=%2F123%2F456%2Ffile.pdf",
    ],
)
def test_a_preview_names_the_attachment_in_both_spellings(path):
    assert parse_content_url(BASE + path).content_ids == ("att456", "456")


@pytest.mark.parametrize(
    "path", ["", "/", "/spaces/KB", "/spaces/KB/overview", "/display/KB", "/x/"]
)
def test_a_link_to_no_content_names_none(path):
    assert not parse_content_url(BASE + path).names_content


def test_a_space_is_read_beside_the_id():
    assert parse_content_url(f"{BASE}/spaces/~me%40x/pages/1").space == "~me@x"


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_a_short_link_names_the_id_it_was_made_of(number):
    data = number.to_bytes((number.bit_length() + 7) // 8, "little")
    code = base64.b64encode(data, b"_-").decode().rstrip("=").rstrip("A")
    assert parse_content_url(f"{BASE}/x/{code}").content_ids == (str(number),)


@given(st.text(alphabet="abcAB-_019=+\u00e9", max_size=24))
def test_no_short_link_is_too_broken_to_be_refused_in_peace(code):
    parse_content_url(f"{BASE}/x/{code}")
    parse_content_url(f"{BASE}/pages/tinyurl.action?urlIdentifier={code}")
