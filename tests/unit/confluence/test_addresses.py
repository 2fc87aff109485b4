import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.confluence.addresses import (
    Candidate,
    Deployment,
    judge_web_url,
    parse_instance_url,
)
from headwater.adapters.confluence.allowlist import AllowList, parse_allow_list
from headwater.domain.errors import AddressRefusedError

NOTHING_PRIVATE = AllowList()
LOOPBACK = parse_allow_list(["127.0.0.1"])
SITE = "https://acme.atlassian.net"
CLOUD = Candidate(Deployment.CLOUD, SITE, "/wiki")


def data_center(context, root=SITE):
    return Candidate(Deployment.DATA_CENTER, root, context)


@pytest.mark.parametrize("tail", ["", "/", "///"])
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", (CLOUD, data_center("/wiki"), data_center(""))),
        ("/wiki", (CLOUD, data_center("/wiki"))),
        ("/wiki/rest/api", (CLOUD, data_center("/wiki"))),
        ("/wiki/api/v2", (CLOUD, data_center("/wiki"))),
        ("/wiki/spaces/DOCS/overview", (CLOUD, data_center("/wiki"))),
        ("/rest/api", (data_center(""),)),
        ("/confluence/rest/api", (data_center("/confluence"),)),
        ("/a/b/rest/api/content", (data_center("/a/b"),)),
        ("/confluence", (data_center("/confluence"),)),
        ("/wikis", (data_center("/wikis"),)),
    ],
)
def test_the_path_decides_where_to_look(path, expected, tail):
    assert parse_instance_url(SITE + path + tail, NOTHING_PRIVATE) == expected


@pytest.mark.parametrize("rest", ["", "/", "/wiki", "/wiki/rest/api/", "/wiki/api/v2"])
@pytest.mark.parametrize("host", ["api.atlassian.com", "proxy.example.com:8443"])
def test_the_gateway_is_known_by_its_path_on_any_host(host, rest):
    url = f"https://{host}/ex/confluence/AF818FBB-1234{rest}"
    root = f"https://{host}/ex/confluence/af818fbb-1234"
    expected = Candidate(Deployment.GATEWAY, root, "/wiki", "af818fbb-1234")
    assert parse_instance_url(url, NOTHING_PRIVATE) == (expected,)


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("HTTPS://ACME.Atlassian.NET./wiki", SITE),
        ("https://acme.atlassian.net:443/wiki", SITE),
        ("https://acme.atlassian.net:8443", SITE + ":8443"),
        ("https://bücher.example/wiki", "https://xn--bcher-kva.example"),
        ("https://[2606:4700::1111]/wiki", "https://[2606:4700::1111]"),
        ("https://1.1.1.1/wiki", "https://1.1.1.1"),
    ],
)
def test_the_root_is_written_in_one_way(url, root):
    assert parse_instance_url(url, NOTHING_PRIVATE)[0].root == root


REFUSED = [
    ("", "extra"),
    (" https://acme.atlassian.net", "extra"),
    ("https://acme.atlassian.net/wi ki", "extra"),
    ("https://acme.atlassian.net\\@evil.example", "extra"),
    ("https://acme.atlassian.net/wiki?x=1", "extra"),
    ("https://acme.atlassian.net/wiki#x", "extra"),
    ("https://acme.atlassian.net/wiki?", "extra"),
    ("https://" + "a" * 3000, "extra"),
    ("acme.atlassian.net", "scheme"),
    ("//acme.atlassian.net", "scheme"),
    ("ftp://acme.atlassian.net", "scheme"),
    ("javascript:alert(1)", "scheme"),
    ("file:///etc/passwd", "scheme"),
    ("http://acme.atlassian.net", "scheme"),
    ("http://127.0.0.1:8090/wiki", "host"),
    ("https://me:token@acme.atlassian.net", "userinfo"),
    ("https://@acme.atlassian.net", "userinfo"),
    ("https://", "host"),
    ("https:///wiki", "host"),
    ("https://[::1/wiki", "host"),
    ("https://exa_mple..com", "host"),
    ("https://acme.example..", "host"),
    ("https://-.example.com", "host"),
    ("https://%31%32%37.0.0.1", "host"),
    ("https://acme.atlassian.net:0", "port"),
    ("https://acme.atlassian.net:99999", "port"),
    ("https://acme.atlassian.net:x", "port"),
    ("https://acme.atlassian.net/../wiki", "path"),
    ("https://acme.atlassian.net/%2e%2E/wiki", "path"),
    ("https://acme.atlassian.net/<script>", "path"),
]


@pytest.mark.parametrize(("url", "kind"), REFUSED)
def test_a_malformed_url_is_refused_at_its_field(url, kind):
    with pytest.raises(AddressRefusedError) as caught:
        parse_instance_url(url, NOTHING_PRIVATE)
    assert caught.value.loc == ("instance_url",)
    assert caught.value.kind == f"value_error.url.{kind}"


@pytest.mark.parametrize(("url", "kind"), REFUSED)
def test_the_web_url_is_judged_by_the_same_form(url, kind):
    with pytest.raises(AddressRefusedError) as caught:
        judge_web_url(url, NOTHING_PRIVATE)
    assert (caught.value.loc, caught.value.kind) == (
        ("web_url_instance",),
        f"value_error.url.{kind}",
    )


@pytest.mark.parametrize("path", ["/ex/confluence", "/ex/confluence/", "/ex/confluence/a_b/wiki"])
def test_a_gateway_without_a_cloud_id_is_malformed(path):
    with pytest.raises(AddressRefusedError, match="cloudId"):
        parse_instance_url(f"https://api.atlassian.com{path}", NOTHING_PRIVATE)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104  (the point of the case)
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[fd00::1]",
        "2130706433",
        "0x7f000001",
        "127.1",
        "017700000001",
        "0x7f.1",
    ],
)
@pytest.mark.parametrize("judge", [parse_instance_url, judge_web_url])
def test_private_address_literals_are_refused_in_every_spelling(judge, host):
    with pytest.raises(AddressRefusedError) as caught:
        judge(f"https://{host}/wiki", NOTHING_PRIVATE)
    assert caught.value.kind == "value_error.url.host"


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        (["127.0.0.1"], "http://127.0.0.1:8090/wiki"),
        (["127.0.0.0/8"], "http://127.0.0.1/wiki"),
        (["::1"], "http://[::1]:80/wiki"),
        (["[::1]"], "https://[::1]/wiki"),
        (["Wiki.Corp"], "http://wiki.corp/wiki"),
        (["B\u00fccher.corp."], "http://b\u00fccher.corp/wiki"),
        (["xn--bcher-kva.corp"], "http://B\u00dcCHER.corp/wiki"),
        (["10.0.0.0/8"], "http://wiki.corp/wiki"),
    ],
)
def test_the_allow_list_opens_private_hosts_and_http(entries, url):
    allow = parse_allow_list(entries)
    assert parse_instance_url(url, allow)[0].context == "/wiki"
    assert judge_web_url(url, allow).endswith("/wiki")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.2", "http://other.corp", "http://acme.example.com"]
)
def test_http_stays_closed_for_hosts_that_are_not_listed(url):
    with pytest.raises(AddressRefusedError):
        parse_instance_url(url, parse_allow_list(["wiki.corp"]))


def test_the_web_url_loses_its_trailing_slashes_only():
    assert judge_web_url("https://acme.atlassian.net/wiki//", NOTHING_PRIVATE) == SITE + "/wiki"
    assert judge_web_url("https://acme.atlassian.net/", NOTHING_PRIVATE) == SITE


@given(st.text(max_size=60))
def test_any_text_is_either_read_or_refused(text):
    for url in (text, f"https://{text}", f"https://acme.example/{text}"):
        try:
            candidates = parse_instance_url(url, LOOPBACK)
        except AddressRefusedError as error:
            assert error.kind.startswith("value_error.url.")  # noqa: PT017  (either outcome is fine)
        else:
            assert all(item.root.isascii() for item in candidates)
