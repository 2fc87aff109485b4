"""Whatever is copied out of the browser leads to the wiki."""

import pytest

from headwater.console.site_address import read_site
from headwater.domain.errors import InvalidInputError

CLOUD = "https://acme.atlassian.net/wiki"


@pytest.mark.parametrize(
    ("site", "base"),
    [
        ("acme.atlassian.net", CLOUD),
        ("https://acme.atlassian.net", CLOUD),
        ("https://acme.atlassian.net/", CLOUD),
        ("https://acme.atlassian.net/wiki/", CLOUD),
        ("https://acme.atlassian.net/wiki/home", CLOUD),
        ("https://acme.atlassian.net/wiki/spaces/ENG/overview?homepageId=1", CLOUD),
        ("https://acme.atlassian.net/wiki/x/AbC", CLOUD),
        ("https://acme.atlassian.net/wiki/rest/api", CLOUD),
        ("https://wiki.acme.example/display/ENG/Home#top", "https://wiki.acme.example"),
        (
            "https://acme.example/confluence/pages/viewpage.action?pageId=1",
            "https://acme.example/confluence",
        ),
        ("https://acme.example/spacesuit", "https://acme.example/spacesuit"),
        ("http://127.0.0.1:8090/wiki", "http://127.0.0.1:8090/wiki"),
    ],
)
def test_the_address_of_any_page_is_that_of_its_wiki(site, base):
    address = read_site(site, "")
    assert address.web_url == base
    assert address.instance_url == base


def test_calls_may_go_elsewhere_while_links_do_not():
    gateway = "https://api.atlassian.com/ex/confluence/abc"
    address = read_site("acme.atlassian.net", gateway)
    assert (address.instance_url, address.web_url) == (gateway, CLOUD)


def test_an_address_for_calls_is_no_base_of_links():
    with pytest.raises(InvalidInputError) as refused:
        read_site("https://api.atlassian.com/ex/confluence/abc/wiki", "")
    assert refused.value.loc == ("site",)
