import traceback

import httpx2
import pytest

from headwater.adapters.confluence.attachments import fetch_attachment
from headwater.adapters.confluence.patience import Patience
from headwater.domain.content import ListedAttachment
from headwater.domain.errors import (
    DocumentError,
    FailureType,
    SourceRefusedError,
    SourceUnreachableError,
)
from headwater.domain.ids import ContentId
from tests.unit.confluence.confluence_fakes import (
    NOW,
    ROOT,
    FakeConfluence,
    answer,
    html,
    make_client,
    status,
)

HERE = "/wiki/rest/api/content/10/child/attachment/att1/download"
MEDIA = "https://media.example.net/file/1?signature=s3cret"
USER = "/wiki/rest/api/user/current"
PDF = httpx2.Response(200, content=b"%PDF", headers={"content-type": "application/pdf"})
LOGIN_PAGE = html()


def attachment(**fields):
    values = {"title": "plan.pdf", "media_type": "application/pdf", **fields}
    return ListedAttachment(
        ContentId("att1"), ContentId("10"), file_size=4, version=2, last_modified=NOW, **values
    )


def redirect(target=MEDIA, code=302):
    return httpx2.Response(code, headers={"location": target})


def site(**routes):
    paths = {"here": HERE, "media": "/file/1", "user": USER}
    replies = {"here": redirect(), "media": PDF, **routes}
    return FakeConfluence({paths.get(name, name): reply for name, reply in replies.items()})


async def fetch(confluence, file=None, *, max_bytes=1000, **options):
    client = make_client(confluence, **options)
    return await fetch_attachment(client, file or attachment(), max_bytes=max_bytes)


async def fail(confluence, file=None, **options):
    with pytest.raises(DocumentError) as caught:
        await fetch(confluence, file, **options)
    shown = "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in shown
    return caught.value.error_type


async def test_a_file_is_fetched_by_ids_from_where_confluence_redirects_to():
    confluence = site()
    client = make_client(confluence)
    assert await fetch_attachment(client, attachment(), max_bytes=4) == b"%PDF"
    assert [str(request.url) for request in confluence.requests] == [
        f"{ROOT}{HERE}?version=2",
        MEDIA,
    ]
    assert client.traffic.requests == 2
    assert client.traffic.bytes_fetched == 4


async def test_the_other_host_gets_neither_credentials_nor_cookies():
    confluence = site(
        here=httpx2.Response(302, headers={"location": MEDIA, "set-cookie": "session=1"})
    )
    await fetch(confluence)
    home, media = confluence.requests
    assert "authorization" in home.headers
    assert "authorization" not in media.headers
    assert "cookie" not in media.headers


@pytest.mark.parametrize(
    "target",
    [
        "http://acme.example.com/file/1",
        "https://acme.example.com:8443/file/1",
        "//other.example.com/file/1",
    ],
)
async def test_another_scheme_port_or_host_is_another_host(target):
    confluence = site(here=redirect(target))
    await fetch(confluence)
    assert "authorization" not in confluence.requests[1].headers


async def test_the_same_host_gets_credentials_until_it_has_sent_us_away():
    confluence = site(here=redirect("/wiki/step"), **{"/wiki/step": redirect()})
    confluence.routes["/file/1"] = redirect(f"{ROOT}/wiki/back")
    confluence.routes["/wiki/back"] = PDF
    assert await fetch(confluence) == b"%PDF"
    sent = ["authorization" in request.headers for request in confluence.requests]
    assert sent == [True, True, False, False]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_every_kind_of_redirect_is_followed(code):
    assert await fetch(site(here=redirect(code=code))) == b"%PDF"


async def test_a_file_that_comes_without_a_redirect_is_taken():
    assert await fetch(site(here=PDF)) == b"%PDF"


async def test_behind_the_gateway_the_path_is_the_gateways():
    root = "https://api.atlassian.com/ex/confluence/abc"
    path = f"/ex/confluence/abc{HERE}"
    confluence = FakeConfluence({path: redirect(), "/file/1": PDF})
    assert await fetch(confluence, root=root) == b"%PDF"


async def test_redirects_without_end_end():
    confluence = site(media=redirect())
    assert await fail(confluence) is FailureType.NETWORK_ERROR
    assert confluence.count("/file/1") == 3


@pytest.mark.parametrize(
    "target",
    [
        "mailto:x",
        "ftp://h/x",
        "https://user:s3cret@h/x",
        "http:///x",
        "https://[::/x",
        "https://h\n",
    ],
)
async def test_a_redirect_to_no_web_url_is_not_followed(target):
    confluence = site(here=redirect(target))
    assert await fail(confluence) is FailureType.NETWORK_ERROR
    assert {request.url.host for request in confluence.requests} == {"acme.example.com"}


async def test_a_redirect_without_a_target_leads_nowhere():
    assert await fail(site(here=httpx2.Response(302))) is FailureType.NETWORK_ERROR


@pytest.mark.parametrize(
    "target", ["/login.action?os_destination=x", "https://id.example.com/login"]
)
async def test_a_redirect_to_a_login_page_is_a_denial(target):
    confluence = site(here=redirect(target))
    assert await fail(confluence) is FailureType.ACCESS_DENIED
    assert confluence.count("/login") == confluence.count("/login.action") == 0


async def test_a_login_page_instead_of_the_file_is_a_denial():
    assert await fail(site(here=LOGIN_PAGE)) is FailureType.ACCESS_DENIED
    assert await fail(site(media=LOGIN_PAGE)) is FailureType.ACCESS_DENIED


@pytest.mark.parametrize(
    "file", [attachment(media_type="text/html"), attachment(title="Login.HTML")]
)
async def test_an_html_file_that_speaks_of_logging_in_is_a_file(file):
    assert b"Log in" in await fetch(site(media=LOGIN_PAGE), file)


async def test_a_file_that_is_html_against_its_name_is_a_file():
    page = httpx2.Response(200, html="<h1>Release notes</h1>")
    assert await fetch(site(media=page)) == b"<h1>Release notes</h1>"


@pytest.mark.parametrize("code", [401, 403, 404])
async def test_a_file_that_confluence_keeps_from_us_is_a_denial(code):
    confluence = site(here=status(code))
    assert await fail(confluence) is FailureType.ACCESS_DENIED
    assert confluence.count(USER) == 1


@pytest.mark.parametrize("user", [status(401), status(403), answer({"type": "anonymous"})])
async def test_a_dead_account_is_no_fault_of_the_file(user):
    for trouble in (status(403), status(404), LOGIN_PAGE, status(500)):
        with pytest.raises(SourceRefusedError):
            await fetch(site(here=trouble, user=user))


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
async def test_a_signed_url_that_has_expired_is_asked_for_once_more(code):
    confluence = site(media=[status(code), PDF])
    assert await fetch(confluence) == b"%PDF"
    assert confluence.count(HERE) == 2
    confluence = site(media=status(code))
    assert await fail(confluence) is FailureType.ACCESS_DENIED
    assert confluence.count(HERE) == confluence.count("/file/1") == 2


@pytest.mark.parametrize("name", ["here", "media"])
async def test_passing_trouble_is_waited_out(name):
    good = {"here": redirect(), "media": PDF}[name]
    confluence = site(**{name: [status(503), status(429, retry_after="3"), good]})
    assert await fetch(confluence) == b"%PDF"


@pytest.mark.parametrize("name", ["here", "media"])
async def test_lasting_trouble_is_a_network_error(name):
    confluence = site(**{name: status(502)})
    assert await fail(confluence) is FailureType.NETWORK_ERROR
    assert confluence.count(HERE) == 4


async def test_a_file_host_that_cannot_be_connected_to_is_a_network_error():
    def refuse(_request):
        raise httpx2.ConnectError("no")

    assert await fail(site(media=refuse)) is FailureType.NETWORK_ERROR


async def test_a_confluence_that_is_away_is_no_fault_of_the_file():
    def refuse(_request):
        raise httpx2.ConnectError("no")

    with pytest.raises(SourceUnreachableError):
        await fetch(site(here=refuse, user=refuse), patience=Patience(attempts=1))


async def test_a_request_that_confluence_rejects_is_a_network_error():
    assert await fail(site(here=status(400))) is FailureType.NETWORK_ERROR


async def test_a_file_of_just_the_allowed_size_passes_and_one_more_byte_does_not():
    assert await fetch(site(), max_bytes=4) == b"%PDF"
    confluence = site()
    assert await fail(confluence, max_bytes=3) is FailureType.FILE_TOO_LARGE
    assert len(confluence.requests) == 2


async def test_a_long_answer_that_is_no_file_is_not_a_file_too_large():
    assert await fail(site(here=status(404)), max_bytes=1) is FailureType.ACCESS_DENIED


async def test_an_empty_file_is_a_file():
    assert await fetch(site(media=httpx2.Response(200))) == b""


async def test_ids_stay_inside_their_part_of_the_path():
    file = ListedAttachment(ContentId("a/../b"), ContentId("10?x"), "t", "m", 1, 1, NOW)
    confluence = site()
    await fail(confluence, file)
    sent = confluence.requests[0].url
    assert sent.raw_path == (
        b"/wiki/rest/api/content/10%3Fx/child/attachment/a%2F..%2Fb/download?version=1"
    )
