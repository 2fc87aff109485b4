import json

import httpx2
import pytest

from headwater.adapters.confluence.answers import BrokenAnswerError
from headwater.adapters.confluence.client import JsonClient, Limits
from headwater.adapters.confluence.egress import GuardedTransport
from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.patience import Patience
from headwater.domain.errors import (
    AddressRefusedError,
    ListingIncompleteError,
    SourceRefusedError,
    SourceUnreachableError,
)
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from tests.integration.confluence.hostile_server import (
    dripping,
    endless,
    hang_up,
    reply,
    run,
    silent,
)
from tests.unit.confluence.confluence_fakes import KNOWN_USER, SPACE, FakeClock, page_item

SPACES = "/wiki/api/v2/spaces"
PAGES = "/wiki/api/v2/spaces/100/pages"
CLOUD = {
    "/wiki/rest/api/user/current": reply(200, json.dumps(KNOWN_USER)),
    SPACES: reply(200, '{"results": []}'),
}


def opened(url, *, allowed=("127.0.0.1",), resolve=None):
    def make_transport(allow):
        return GuardedTransport(allow, **({"resolve": resolve} if resolve else {}))

    sources = ConfluenceSources(
        allowed_private_hosts=allowed,
        limits=Limits(answer_bytes=1_000_000),
        patience=Patience(attempts=2),
        timing=FakeClock().timing,
        make_transport=make_transport,
    )
    return sources.open(SiteAddress(url, url), SiteCredential("me@x.io", Secret("t0ken")))


async def list_pages(script):
    async with (
        run({**CLOUD, PAGES: script}) as server,
        opened(server.url + "/wiki") as source,
    ):
        found = [item async for batch in source.list_documents(SPACE) for item in batch]
    raise AssertionError(f"ended normally with {len(found)}")


async def test_a_real_connection_is_opened_and_read():
    async with run(CLOUD) as server, opened(server.url) as source:
        assert source.site == f"127.0.0.1:{server.port}/wiki"
        assert await source.list_spaces() == ()


async def test_the_loopback_is_closed_unless_it_is_listed():
    async with run(CLOUD) as server:
        with pytest.raises(AddressRefusedError):
            async with opened(server.url, allowed=()):
                pass
    assert server.requests == []


@pytest.mark.parametrize(("scheme", "allowed"), [("https", ()), ("http", ("10.0.0.0/8",))])
async def test_a_name_that_resolves_to_a_private_address_is_refused(scheme, allowed):
    async def resolve(_host, _port):
        return ["127.0.0.1"]

    async with run(CLOUD) as server:
        with pytest.raises(AddressRefusedError):
            async with opened(
                f"{scheme}://innocent.example:{server.port}/wiki", allowed=allowed, resolve=resolve
            ):
                pass
    assert server.requests == []


async def test_a_listed_name_reaches_its_private_address_under_its_own_name():
    async def resolve(_host, _port):
        return ["127.0.0.1"]

    async with (
        run(CLOUD) as server,
        opened(
            f"http://wiki.corp:{server.port}/wiki", allowed=("wiki.corp",), resolve=resolve
        ) as source,
    ):
        assert source.site == f"wiki.corp:{server.port}/wiki"


async def test_a_redirect_to_another_host_gets_no_credentials():
    async with run({}) as other:
        script = reply(302, "", location=f"{other.url}/wiki/api/v2/spaces/100/pages")
        with pytest.raises(ListingIncompleteError):
            await list_pages(script)
    assert other.requests == []


async def test_a_next_link_to_another_port_gets_no_credentials():
    async with run({}) as other:
        links = {"next": f"{other.url}{PAGES}?cursor=b"}
        body = json.dumps({"results": [page_item(1)], "_links": links})
        with pytest.raises(ListingIncompleteError, match="outside"):
            await list_pages(reply(200, body))
    assert other.requests == []


async def test_a_login_page_in_the_middle_is_a_refusal():
    with pytest.raises(SourceRefusedError, match="login page"):
        await list_pages(reply(200, "<html>", content_type="text/html"))


@pytest.mark.parametrize(
    "script",
    [
        hang_up(),
        reply(200, '{"results": [', length=9000),
        reply(200, '{"results": ['),
        reply(200, "x", content_encoding="gzip"),
        reply(503, "", content_type="text/html"),
    ],
    ids=["hangs up", "cut off", "broken JSON", "broken gzip", "503"],
)
async def test_a_listing_with_a_broken_answer_is_incomplete(script):
    with pytest.raises(ListingIncompleteError):
        await list_pages(script)


async def test_an_answer_without_end_is_cut_at_the_cap():
    sent: list[int] = []
    with pytest.raises(ListingIncompleteError, match="exceeds"):
        await list_pages(endless(b" " * 65_536, sent))
    assert sum(sent) < 40_000_000


@pytest.mark.parametrize("script", [dripping(0.02), silent()], ids=["drips", "stops"])
async def test_an_answer_that_never_ends_meets_a_deadline(script):
    limits = Limits(read_seconds=0.2, answer_seconds=0.4)
    async with (
        run({SPACES: script}) as server,
        httpx2.AsyncClient(timeout=limits.timeout()) as http,
    ):
        client = JsonClient(http, server.url, None, limits=limits, patience=Patience(attempts=1))
        with pytest.raises(BrokenAnswerError, match="too long"):
            await client.get(SPACES)


async def test_nobody_listening_is_unreachable():
    async with run(CLOUD) as server:
        url = server.url
    with pytest.raises(SourceUnreachableError, match="connections"):
        async with opened(url):
            pass
