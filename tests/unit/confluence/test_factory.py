from datetime import datetime

import httpx2
import pytest
from tests.unit.confluence.confluence_fakes import (
    KNOWN_USER,
    ROOT,
    FakeClock,
    FakeConfluence,
    answer,
    html,
    page_item,
    restriction_item,
    results,
    status,
)

from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.patience import Patience
from headwater.domain.errors import (
    AddressRefusedError,
    ConfigError,
    SourceRefusedError,
    SourceUnreachableError,
)
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.ports import Source

SPACES = "/wiki/api/v2/spaces"
USER = "/wiki/rest/api/user/current"
TENANT = "/_edge/tenant_info"
DC_USER = {"type": "known", "username": "ann", "userKey": "ff80"}
TOKEN = "s3cret-t0ken"
GATEWAY = "/ex/confluence/c-1"


def cloud(**routes):
    return FakeConfluence({SPACES: results([]), TENANT: answer({"cloudId": "AF81-8FBB"}), **routes})


def nothing(**routes):
    return FakeConfluence({USER: status(404), **routes})


def opened(confluence, url=ROOT + "/wiki", *, username="me@x.io", web=ROOT + "/wiki", clock=None):
    sources = ConfluenceSources(
        allowed_private_hosts=(),
        patience=Patience(attempts=2),
        timing=(clock or FakeClock()).timing,
        make_transport=lambda _: confluence.transport,
    )
    return sources.open(SiteAddress(url, web), SiteCredential(username, Secret(TOKEN)))


async def refusal(*args: object, error=SourceRefusedError, **kwargs):
    with pytest.raises(error) as caught:
        async with opened(*args, **kwargs):
            raise AssertionError("it opened")
    assert TOKEN not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", ["", "/", "/wiki", "/wiki/", "/wiki/rest/api", "/wiki/api/v2"])
async def test_cloud_is_found_by_its_answers_and_named_by_its_cloud_id(path):
    async with opened(cloud(), ROOT + path) as source:
        assert source.site == "af81-8fbb"
        assert source.traffic.requests >= 2
        typed: Source = source
        await typed.check_credentials()


async def test_site_and_gateway_are_the_same_site():
    confluence = FakeConfluence({GATEWAY + SPACES: results([]), GATEWAY + USER: answer(KNOWN_USER)})
    url = "https://api.example.com/ex/confluence/C-1/wiki/rest/api"
    async with opened(confluence, url, username="") as source:
        assert source.site == "c-1"
    assert {item.headers["authorization"] for item in confluence.requests} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "reply", [status(401), status(404), html(), answer({}), answer([]), answer({"cloudId": "é/"})]
)
async def test_a_site_that_does_not_tell_its_cloud_id_is_named_by_host_and_context(reply):
    async with opened(cloud(**{TENANT: reply})) as source:
        assert source.site == "acme.example.com/wiki"


async def test_passing_trouble_does_not_rename_a_site():
    await refusal(cloud(**{TENANT: status(503)}), error=SourceUnreachableError)


async def test_the_credentials_are_not_sent_to_ask_for_the_cloud_id():
    confluence = cloud()
    async with opened(confluence):
        pass
    by_path = {item.url.path: "authorization" in item.headers for item in confluence.requests}
    assert by_path == {SPACES: True, USER: True, TENANT: False}


async def test_cookies_are_neither_kept_nor_sent():
    confluence = cloud(
        **{SPACES: answer({"results": []}, **{"set-cookie": "JSESSIONID=1; Path=/"})}
    )
    async with opened(confluence) as source:
        await source.list_spaces()
    assert not any("cookie" in item.headers for item in confluence.requests)


async def test_an_anonymous_site_that_answers_200_is_a_refusal():
    assert "anonymous" in await refusal(cloud(**{USER: answer({"type": "anonymous"})}))


async def test_an_anonymous_site_without_v2_is_a_refusal():
    routes = {SPACES: status(404), USER: answer({"type": "anonymous"})}
    assert "anonymous" in await refusal(cloud(**routes))


@pytest.mark.parametrize("code", [401, 403])
async def test_refused_credentials_are_a_refusal(code):
    message = await refusal(cloud(**{SPACES: status(code), USER: status(code)}))
    assert "check user name, API token" in message


async def test_a_v2_404_with_refused_credentials_is_a_refusal():
    await refusal(cloud(**{SPACES: status(404), USER: status(403)}))


async def test_a_token_without_the_scope_for_v2_is_told_so():
    reply = status(401, x_failure_category="FAILURE_CLIENT_SCOPE_CHECK")
    assert "scope" in await refusal(cloud(**{SPACES: reply}))


async def test_cloud_that_hides_v2_is_recognised_by_its_user():
    assert SPACES in await refusal(cloud(**{SPACES: status(404)}), error=SourceUnreachableError)


async def test_a_login_page_everywhere_is_a_refusal():
    assert "login page" in await refusal(FakeConfluence({SPACES: html(), USER: html()}))


@pytest.mark.parametrize(
    ("url", "routes"),
    [
        ("/wiki", {USER: answer(DC_USER)}),
        ("", {"/rest/api/user/current": answer(DC_USER)}),
        ("/confluence/rest/api", {"/confluence/rest/api/user/current": answer(DC_USER)}),
        ("/rest/api", {"/rest/api/server-information": answer({"version": "9", "buildNumber": 9})}),
        (
            "/wiki",
            {"/wiki/rest/api/server-information": answer({"version": "9", "buildNumber": 9})},
        ),
    ],
)
async def test_a_data_center_is_recognised_and_refused_clearly(url, routes):
    assert "Data Center" in await refusal(nothing(**routes), ROOT + url)


async def test_a_data_center_gets_a_bearer_token_where_there_is_no_user_name():
    confluence = nothing(**{"/rest/api/user/current": answer(DC_USER)})
    await refusal(confluence, ROOT + "/rest/api", username="")
    assert confluence.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


async def test_cloud_behind_a_path_of_data_center_is_pointed_to_its_own():
    confluence = nothing(**{"/x/rest/api/user/current": answer(KNOWN_USER)})
    message = await refusal(confluence, ROOT + "/x/rest/api", error=SourceUnreachableError)
    assert "/wiki" in message


async def test_a_place_where_nothing_answers_is_unreachable():
    message = await refusal(nothing(), error=SourceUnreachableError)
    assert "check instance_url" in message


async def test_a_lost_connection_is_unreachable_and_not_probed_further():
    def away(_request):
        raise httpx2.ConnectError("no")

    clock = FakeClock()
    await refusal(FakeConfluence({SPACES: away}), error=SourceUnreachableError, clock=clock)
    assert len(clock.sleeps) == 1


@pytest.mark.parametrize(
    ("urls", "field"),
    [
        ({"url": "http://acme.example.com"}, "instance_url"),
        ({"web": "javascript:alert(1)"}, "web_url_instance"),
        ({"web": "https://10.0.0.1/wiki"}, "web_url_instance"),
    ],
)
async def test_both_urls_are_judged_before_anything_is_sent(urls, field):
    confluence = cloud()
    with pytest.raises(AddressRefusedError) as caught:
        async with opened(confluence, **urls):
            pass
    assert caught.value.loc == (field,)
    assert confluence.requests == []


async def test_a_web_url_with_a_name_is_never_resolved():
    async with opened(cloud(), web="https://no.such.host.invalid/wiki"):
        pass


def test_an_unusable_allow_list_refuses_to_start():
    with pytest.raises(ConfigError):
        ConfluenceSources(allowed_private_hosts=("http://x",))


async def test_the_listener_hears_of_throttling():
    told: list[datetime | None] = []
    confluence = cloud(**{SPACES: [status(429, retry_after="60"), results([])]})
    sources = ConfluenceSources(
        allowed_private_hosts=(),
        timing=FakeClock().timing,
        make_transport=lambda _: confluence.transport,
    )
    address = SiteAddress(ROOT, ROOT)
    async with sources.open(address, SiteCredential("a", Secret("b")), on_wait=told.append):
        pass
    assert [item is None for item in told] == [False, True]


async def test_a_probe_names_what_works_and_what_does_not():
    confluence = cloud(
        **{
            "/wiki/api/v2/pages": results([page_item(7)]),
            "/wiki/rest/api/content/search": status(401, x_failure_category="SCOPE"),
            "/wiki/rest/api/content/7/restriction/byOperation/read": answer(restriction_item()),
        }
    )
    async with opened(confluence) as source:
        capabilities = {item.name: item for item in await source.probe()}
    assert {name for name, item in capabilities.items() if not item.ok} == {"search (v1)"}
    assert "search:confluence" in capabilities["search (v1)"].detail
    assert len(capabilities) == 4


@pytest.mark.parametrize("reply", [status(500), answer({"restrictions": {}})])
async def test_a_probe_reports_restrictions_that_cannot_be_read(reply):
    confluence = cloud(
        **{
            "/wiki/api/v2/pages": results([page_item(7)]),
            "/wiki/rest/api/content/7/restriction/byOperation/read": reply,
        }
    )
    async with opened(confluence) as source:
        assert not (await source.probe())[-1].ok


async def test_every_call_of_the_port_is_served():
    space_item = {"id": "100", "key": "DOCS", "name": "Docs", "status": "current"}
    confluence = cloud(
        **{
            SPACES: results([space_item]),
            "/wiki/api/v2/spaces/100/pages": results([page_item(1)]),
            "/wiki/api/v2/spaces/100/blogposts": results([]),
            "/wiki/api/v2/spaces/100/permissions": results([]),
            "/wiki/rest/api/content/search": results([]),
            "/wiki/api/v2/pages": results([page_item(1, body={"storage": {"value": "x"}})]),
            "/wiki/api/v2/blogposts": results([]),
        }
    )
    async with opened(confluence) as source:
        assert len(await source.list_spaces()) == 1
        space = await source.find_space("DOCS")
        documents = [item async for batch in source.list_documents(space) for item in batch]
        assert [item async for batch in source.list_annotations(space) for item in batch] == []
        assert len(await source.read_annotations(documents)) == 1
        assert await source.read_ancestor("9") is None
        assert not (await source.read_space_readers(space)).restriction.readable
        assert [item.outcome.body async for item in source.fetch_pages(documents)] == ["x"]
        assert (await source.look_up(["1"]))["1"].status == "current"
