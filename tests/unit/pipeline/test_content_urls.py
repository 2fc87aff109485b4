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


@pytest.mark.parametrize(
    ("path", "space", "site"),
    [
        ("/spaces/KB", True, None),
        ("/spaces/KB/overview?homepageId=3", True, None),
        ("/display/KB/", True, None),
        ("/spaces/viewspace.action?key=KB", True, None),
        ("", False, "/wiki"),
        ("/", False, "/wiki"),
        ("/home", False, "/wiki"),
        ("/rest/api", False, "/wiki"),
        ("/dashboard.action", False, "/wiki"),
        # What is not surely a space or the site is neither: a delete would take all of it.
        ("/spaces", False, None),
        ("/spaces/viewspace.action", False, None),
        ("/spaces/KB/pages/nonsense", False, None),
        ("/spaces/KB/pages/123", False, None),
        ("/pages/viewpage.action?pageId=", False, None),
        ("/download/attachments/1/a.txt", False, None),
        ("/search?text=x", False, None),
        ("/?x=y", False, None),
        ("/people/1", False, None),
    ],
)
def test_only_links_to_a_whole_space_or_site_are_taken_for_one(path, space, site):
    link = parse_content_url(BASE + path)
    assert (link.is_whole_space, link.site_path) == (space, site)


def test_a_file_is_named_by_its_page_and_each_way_of_writing_its_name():
    link = parse_content_url(f"{BASE}/download/attachments/12/a+b%20c.txt?version=1&api=v2")
    assert (link.page_id, link.file_names) == ("12", ("a+b c.txt", "a b c.txt"))
    assert link.names_content


@pytest.mark.parametrize("host", ["Acme.atlassian.net:443", "ACME.ATLASSIAN.NET"])
def test_hosts_compare_without_case_and_without_the_usual_port(host):
    assert parse_content_url(f"https://{host}/wiki").host == "acme.atlassian.net"


@pytest.mark.parametrize("place", ["pages/", "blog/"])
def test_a_link_that_an_empty_id_was_joined_to_is_not_the_whole_space(place):
    assert not parse_content_url(f"https://acme.example/wiki/spaces/KB/{place}").is_whole_space
    assert parse_content_url("https://acme.example/wiki/spaces/KB/").is_whole_space
