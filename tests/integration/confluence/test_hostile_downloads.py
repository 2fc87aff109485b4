"""Attachments from servers that lie, stall, or send us where we must not go."""

import logging
import socket

import pytest

from headwater.domain.content import ListedAttachment
from headwater.domain.errors import DocumentError, FailureType
from headwater.domain.ids import ContentId
from tests.integration.confluence.hostile_server import endless, hang_up, reply, run
from tests.integration.confluence.test_hostile_servers import CLOUD, opened
from tests.unit.confluence.confluence_fakes import NOW

HERE = "/wiki/rest/api/content/10/child/attachment/att1/download"
FILE = "/file/1"
PDF = reply(200, "%PDF", content_type="application/pdf")
PLAN = ListedAttachment(
    ContentId("att1"), ContentId("10"), "plan.pdf", "application/pdf", 4, 1, NOW
)
LIMIT = 1_000_000


def redirect(target):
    return reply(302, "", location=f"{target}?signature=s3cret")


async def resolve(host, _port):
    if host not in {"wiki.corp", "inside.corp"}:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")
    return ["127.0.0.1"]


async def fetch(url, *, allowed=("127.0.0.1",)):
    async with opened(url, allowed=allowed, resolve=resolve) as source:
        return await source.fetch_attachment(PLAN, max_bytes=LIMIT)


async def fail(url, **options):
    with pytest.raises(DocumentError) as caught:
        await fetch(url, **options)
    assert "s3cret" not in str(caught.value)
    return caught.value


async def fail_at_media(script):
    """Fail to fetch from a host of files that behaves like ``script``."""
    async with run({FILE: script}) as media, run(CLOUD) as server:
        server.scripts[HERE] = redirect(f"{media.url}{FILE}")
        return (await fail(server.url + "/wiki")).error_type


async def test_credentials_stay_with_confluence():
    async with run({FILE: PDF}) as media, run(CLOUD) as server:
        server.scripts[HERE] = redirect(f"{media.url}{FILE}")
        assert await fetch(server.url + "/wiki") == b"%PDF"
    assert (f"{HERE}?version=1", True) in server.requests
    assert media.requests == [(f"{FILE}?signature=s3cret", False)]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_redirect_to_a_private_address_is_not_followed(scheme):
    async with run({FILE: PDF}) as inside, run(CLOUD) as server:
        for host in ("127.0.0.1", "inside.corp", "[::ffff:127.0.0.1]"):
            server.scripts[HERE] = redirect(f"{scheme}://{host}:{inside.port}{FILE}")
            failure = await fail(f"http://wiki.corp:{server.port}/wiki", allowed=("wiki.corp",))
            assert failure.error_type is FailureType.NETWORK_ERROR
            assert "HEADWATER_ALLOWED_PRIVATE_HOSTS" in str(failure)
    assert inside.requests == []


async def test_a_redirect_to_http_at_a_public_address_is_not_followed():
    async with run(CLOUD) as server:
        server.scripts[HERE] = redirect("http://93.184.216.34/file/1")
        failure = await fail(server.url + "/wiki")
    assert failure.error_type is FailureType.NETWORK_ERROR


async def test_a_redirect_to_a_host_that_does_not_exist_is_a_network_error():
    async with run(CLOUD) as server:
        server.scripts[HERE] = redirect("https://nowhere.corp/file/1")
        failure = await fail(server.url + "/wiki")
    assert failure.error_type is FailureType.NETWORK_ERROR
    assert "nowhere.corp" in str(failure)


async def test_redirects_in_circles_end():
    async with run(CLOUD) as server:
        server.scripts[HERE] = redirect(HERE)
        assert (await fail(server.url + "/wiki")).error_type is FailureType.NETWORK_ERROR
    assert len([path for path, _ in server.requests if path.startswith(HERE)]) == 4


async def test_a_file_that_says_it_is_too_large_is_not_even_begun():
    script = reply(200, "x", length=LIMIT + 1, content_type="application/pdf")
    assert await fail_at_media(script) is FailureType.FILE_TOO_LARGE


async def test_a_file_that_does_not_say_is_cut_at_the_limit():
    sent: list[int] = []
    assert await fail_at_media(endless(b" " * 65_536, sent)) is FailureType.FILE_TOO_LARGE
    assert sum(sent) < 40_000_000


async def test_a_login_page_in_place_of_the_file_is_a_denial():
    script = reply(200, "<form>Log in to continue</form>", content_type="text/html;charset=UTF-8")
    assert await fail_at_media(script) is FailureType.ACCESS_DENIED


@pytest.mark.parametrize(
    "script",
    [reply(200, "%PDF", length=9000, content_type="application/pdf"), hang_up()],
    ids=["cut off", "hangs up"],
)
async def test_a_file_that_does_not_arrive_whole_is_a_network_error(script):
    assert await fail_at_media(script) is FailureType.NETWORK_ERROR


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip, gzip"])
async def test_what_could_unpack_to_any_size_is_not_unpacked(encoding):
    script = reply(200, "x", content_encoding=encoding)
    async with run({FILE: script}) as media, run(CLOUD) as server:
        server.scripts[HERE] = redirect(f"{media.url}{FILE}")
        assert (await fail(server.url + "/wiki")).error_type is FailureType.NETWORK_ERROR
    assert len(media.requests) == 1


async def test_the_signed_url_is_not_logged_where_the_service_logs(caplog):
    caplog.set_level(logging.WARNING)
    async with run({FILE: reply(500, "")}) as media, run(CLOUD) as server:
        server.scripts[HERE] = redirect(f"{media.url}{FILE}")
        await fail(server.url + "/wiki")
    assert "s3cret" not in caplog.text
