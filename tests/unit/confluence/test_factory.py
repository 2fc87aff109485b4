from datetime import datetime, timedelta

import httpx2
import pytest

from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.patience import PATIENT, PROMPT, Patience
from headwater.adapters.confluence.sites import Governors
from headwater.domain.errors import (
    AddressRefusedError,
    ConfigError,
    SourceRefusedError,
    SourceUnreachableError,
)
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.ports import Source
from tests.unit.confluence.confluence_fakes import (
    KNOWN_USER,
    NOW,
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

SPACES = "/wiki/api/v2/spaces"
USER = "/wiki/rest/api/user/current"
TENANT = "/_edge/tenant_info"
DC_USER = {"type": "known", "username": "ann", "userKey": "ff80"}
FAILED = status(401, x_seraph_loginreason="AUTHENTICATED_FAILED")
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
    ("url", "context"),
    [
        ("/wiki", "/wiki"),
        ("", "/wiki"),
        ("", ""),
        ("/", ""),
        ("/rest/api", ""),
        ("/confluence", "/confluence"),
        ("/confluence/rest/api/", "/confluence"),
    ],
)
async def test_a_data_center_is_found_and_named_by_host_and_context(url, context):
    confluence = nothing(**{f"{context}/rest/api/user/current": answer(DC_USER)})
    async with opened(confluence, ROOT + url, username="ann") as source:
        assert source.site == f"acme.example.com{context}"
        await source.check_credentials()
    assert all(
        "Basic" in item.headers.get("authorization", "Basic") for item in confluence.requests
    )


@pytest.mark.parametrize("url", ["", "/wiki"])
async def test_a_data_center_gets_a_bearer_token_where_there_is_no_user_name(url):
    def answer_bearer(request):
        is_bearer = request.headers["authorization"] == f"Bearer {TOKEN}"
        return answer(DC_USER) if is_bearer else FAILED

    confluence = nothing(**{SPACES: FAILED, USER: answer_bearer})
    async with opened(confluence, ROOT + url, username="") as source:
        assert source.site == "acme.example.com/wiki"


@pytest.mark.parametrize("url", ["", "/wiki", "/rest/api"])
async def test_a_failed_login_at_a_data_center_is_tried_once(url):
    routes = {SPACES: FAILED, USER: FAILED, "/rest/api/user/current": FAILED}
    confluence = nothing(**routes)
    assert "check user name" in await refusal(confluence, ROOT + url, username="ann")
    assert len(confluence.requests) == 1


async def test_a_captcha_is_explained():
    captcha = status(403, x_authentication_denied_reason="CAPTCHA_CHALLENGE; login-url=x")
    confluence = nothing(**{"/rest/api/user/current": captcha})
    assert "browser" in await refusal(confluence, ROOT + "/rest/api", username="ann")
    assert len(confluence.requests) == 1


async def test_a_switched_off_basic_authentication_points_to_personal_access_tokens():
    body = {"message": "Basic Authentication has been disabled on this instance."}
    confluence = nothing(**{"/rest/api/user/current": httpx2.Response(403, json=body)})
    message = await refusal(confluence, ROOT + "/rest/api", username="ann")
    assert "personal access token" in message


async def test_an_invalid_personal_access_token_that_opens_an_anonymous_site_is_a_refusal():
    routes = {
        "/rest/api/user/current": answer({"type": "anonymous"}),
        "/rest/api/server-information": answer({"version": "10.0.3", "buildNumber": 9}),
    }
    message = await refusal(nothing(**routes), ROOT + "/rest/api", username="")
    assert "anonymous" in message


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


async def test_whoever_else_has_the_site_open_hears_of_throttling_and_keeps_to_it():
    told: dict[str, list[datetime | None]] = {"job": [], "call": []}
    clock, confluence = FakeClock(), cloud()
    governors = Governors(clock.timing)

    def opened_as(name, patience):
        sources = ConfluenceSources(
            allowed_private_hosts=(),
            patience=patience,
            timing=clock.timing,
            governors=governors,
            make_transport=lambda _: confluence.transport,
        )
        return sources.open(
            SiteAddress(ROOT, ROOT), SiteCredential(name, Secret("b")), on_wait=told[name].append
        )

    async with opened_as("job", PATIENT) as job, opened_as("call", PROMPT) as call:
        confluence.routes[SPACES] = [status(429, retry_after="60"), results([])]
        sent = confluence.count(SPACES)
        with pytest.raises(SourceUnreachableError) as caught:
            await call.list_spaces()
        assert caught.value.retry_after == 61
        assert confluence.count(SPACES) == sent + 1
        await job.list_spaces()
    assert clock.sleeps == [60.5]
    until = NOW + timedelta(seconds=60.5)
    assert told == {"job": [until, None], "call": [until, None]}
    assert governors.sites == ()


async def test_a_probe_names_what_works_and_what_does_not():
    confluence = cloud(
        **{
            "/wiki/api/v2/pages": results([page_item(7)]),
            "/wiki/rest/api/content/search": status(401, x_failure_category="SCOPE"),
            "/wiki/api/v2/users-bulk": results([{"accountId": "557058:me"}]),
            "/wiki/rest/api/content/7/restriction/byOperation/read": answer(restriction_item()),
        }
    )
    async with opened(confluence) as source:
        capabilities = {item.name: item for item in await source.probe()}
    assert {name for name, item in capabilities.items() if not item.ok} == {"search (v1)"}
    assert "search:confluence" in capabilities["search (v1)"].detail
    assert "Confluence Cloud" in capabilities["Confluence"].detail


@pytest.mark.parametrize("reply", [status(500), answer({"restrictions": {}})])
async def test_a_probe_reports_restrictions_that_cannot_be_read(reply):
    confluence = cloud(
        **{
            "/wiki/api/v2/pages": results([page_item(7)]),
            "/wiki/rest/api/content/7/restriction/byOperation/read": reply,
        }
    )
    async with opened(confluence) as source:
        (restrictions,) = [item for item in await source.probe() if "restrictions" in item.name]
        assert not restrictions.ok


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
