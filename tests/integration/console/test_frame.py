"""What holds for every page and every form, whichever they are."""

import re
from html.parser import HTMLParser
from itertools import pairwise, product

import pytest
from fastapi.routing import APIRoute
from structlog.testing import capture_logs

from headwater.api.edge import REQUEST_ID
from headwater.console.application import PAGES
from headwater.console.headers import HEADERS
from headwater.console.statics import FILES, name_static
from headwater.domain.errors import RetryableError
from tests.contract.api.fakes import World, make_token
from tests.integration.console.browsing import HOST, find_csrf, open_browser, read_words

ROUTES = [route for page in PAGES for route in page.router.routes if isinstance(route, APIRoute)]
FORMS = sorted(route.path for route in ROUTES if "POST" in (route.methods or ()))
VIEWS = sorted(route.path for route in ROUTES if "GET" in (route.methods or ()))
PLACES = {"job_id": "job-a", "key": "KB", "mark": "0", "name": "icon.svg"}


def fill(path):
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: PLACES.get(found[1], "1"), path)


@pytest.fixture
async def browser():
    async with open_browser(World().ports()) as browser:
        yield browser


def assert_framed(answer):
    for name, value in HEADERS.items():
        if name != "Cache-Control":
            assert answer.headers[name] == value, (answer.url, name)
    assert answer.headers[REQUEST_ID]


async def test_no_form_is_taken_without_the_token_of_its_session(browser):
    await browser.sign_in()
    csrf = await browser.read_csrf()
    wrongs = ("", "x", csrf[:-1], csrf + "x", "\udcff")
    for path, wrong in product(FORMS, wrongs):
        fields = {"csrf": wrong.encode("utf-8", "surrogateescape"), "token": make_token()}
        headers = {"origin": HOST, "sec-fetch-site": "same-origin"}
        answer = await browser.http.post(f"/console{fill(path)}", data=fields, headers=headers)
        assert answer.status_code == 403, answer.text
        reason = "kept no cookie" if path == "/sign-in" else "out of date"
        assert reason in read_words(answer.text)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "sec_fetch_site": ""},
        {"origin": "null", "sec_fetch_site": ""},
        {"origin": "", "sec_fetch_site": ""},
        {"origin": "http://127.0.0.1:8001", "sec_fetch_site": ""},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
    ],
    ids=["other", "null", "silent", "port", "cross-site", "same-site", "none"],
)
async def test_no_form_of_another_site_is_taken_even_with_the_token(browser, headers):
    await browser.sign_in()
    csrf = await browser.read_csrf()
    for path in FORMS:
        answer = await browser.send(fill(path), {"token": make_token()}, csrf=csrf, **headers)
        assert answer.status_code == 403, path
        assert "does not come from the console" in read_words(answer.text)


async def test_no_form_is_taken_from_somebody_who_is_not_signed_in(browser):
    for path in set(FORMS) - {"/sign-in"}:
        answer = await browser.send(fill(path), csrf="x")
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in"), path


async def test_no_form_is_taken_from_somebody_who_may_only_read(browser):
    await browser.sign_in(scope="knowledge:read")
    csrf = await browser.read_csrf()
    for path in set(FORMS) - {"/sign-in", "/sign-out"}:
        answer = await browser.send(fill(path), csrf=csrf)
        assert answer.status_code == 403, path
        assert "knowledge:write" in read_words(answer.text)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("wiki.acme.example", "https://wiki.acme.example"),
        ("wiki.acme.example:443", "https://wiki.acme.example"),
        ("wiki.acme.example:8443", "https://wiki.acme.example:8443"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
async def test_a_form_of_the_console_is_taken_under_every_name_it_has(browser, host, origin):
    headers = {"host": host, "x-forwarded-proto": "https"}
    page = await browser.http.get("/console/sign-in", headers=headers)
    (cookie,) = (line.split(";")[0] for line in page.headers.get_list("set-cookie"))
    answer = await browser.http.post(
        "/console/sign-in",
        data={"csrf": find_csrf(page.text), "token": make_token()},
        headers={**headers, "origin": origin, "cookie": cookie},
    )
    assert answer.status_code == 303, answer.text


@pytest.mark.parametrize("host", ["", "[", "[::1", "a b", "x" * 300, "evil.example@127.0.0.1"])
async def test_a_strange_host_is_no_loopback_and_breaks_nothing(browser, host):
    answer = await browser.http.get("/console/sign-in", headers={"host": host})
    assert answer.status_code == 200
    assert "Secure" in answer.headers["set-cookie"]


async def test_the_form_token_of_one_session_is_none_of_another(browser):
    await browser.sign_in()
    mine = await browser.read_csrf()
    await browser.send("/sign-out")
    await browser.sign_in()
    assert (await browser.send("/sign-out", csrf=mine)).status_code == 403


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"]
)
async def test_only_forms_are_taken_as_forms(browser, kind):
    await browser.sign_in()
    answer = await browser.http.post(
        "/console/sign-out", content=b"csrf=x", headers={"origin": HOST, "content-type": kind}
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("is_known", [False, True], ids=["stranger", "signed in"])
async def test_every_answer_says_what_the_browser_may_do_with_it(browser, is_known):
    if is_known:
        await browser.sign_in()
    for path in (*VIEWS, "/nothing", "/jobs/<script>"):
        assert_framed(await browser.open(fill(path)))


async def test_errors_and_redirects_are_framed_too(browser):
    assert_framed(await browser.http.put("/console/jobs"))
    assert_framed(await browser.sign_in())
    assert_framed(await browser.send("/jobs/job-a/cancel", csrf="wrong"))


async def test_files_are_kept_by_browsers_under_a_name_that_changes_with_them(browser):
    for name, file in FILES.items():
        path = name_static("/console", name)
        answer = await browser.http.get(path)
        assert answer.content == file.content
        assert "immutable" in answer.headers["cache-control"]
        assert_framed(answer)
        again = await browser.http.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert_framed(again)
        outdated = path.replace(file.mark, "0" * 16)
        assert (await browser.http.get(outdated)).status_code == 404


class Markup(HTMLParser):
    """Notes what a policy without inline code forbids, and what a screen reader stumbles over."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.inline: list[str] = []
        self.controls: set[str] = set()
        self.labels: set[str | None] = set()
        self.headings: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += filter(None, [given.get("id")])
        if tag in {"style", "iframe", "object"} or (tag == "script" and not given.get("src")):
            self.inline.append(tag)
        self.inline += [
            name for name in given if name == "style" or name.startswith(("on", "hx-on"))
        ]
        if tag in {"input", "select", "textarea"} and given.get("type") != "hidden":
            self.controls.add(given.get("id") or "")
        if tag == "label":
            self.labels.add(given.get("for"))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)


def assert_well_made(page):
    markup = Markup(page)
    assert markup.inline == []
    assert len(set(markup.ids)) == len(markup.ids)
    assert markup.controls <= markup.labels
    assert markup.headings[0] == "h1"
    assert markup.headings.count("h1") == 1
    levels = [int(tag[1]) for tag in markup.headings]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.count("<main") == 1
    assert '<html lang="en">' in page


async def test_pages_are_well_made(browser):
    assert_well_made((await browser.open("/sign-in")).text)
    await browser.sign_in()
    for path in ("/jobs", "/connect", "/spaces", "/nothing"):
        assert_well_made((await browser.open(path)).text)


async def test_the_page_one_is_on_is_marked_in_the_navigation(browser):
    await browser.sign_in()
    for name in ("connect", "spaces", "jobs"):
        page = (await browser.open(f"/{name}")).text
        assert re.findall(r'href="/console/(\w*)" aria-current="page"', page) == [name]


async def test_nothing_is_loaded_from_another_host(browser):
    await browser.sign_in()
    page = (await browser.open("/jobs")).text
    assert re.findall(r'(?:src|href|action)="(?!/)', page) == ['href="'] * page.count(
        'href="#main"'
    )


async def test_what_nobody_foresaw_is_a_page_that_names_its_entry_in_the_log():
    world = World()
    world.jobs.list = None  # type: ignore[method-assign,assignment]
    async with open_browser(world.ports()) as browser:
        await browser.sign_in()
        answer = await browser.open("/jobs")
    assert answer.status_code == 500
    assert answer.headers[REQUEST_ID] in read_words(answer.text)
    assert "NoneType" not in answer.text
    assert_framed(answer)


async def test_a_store_that_is_away_is_said_to_be_busy():
    async def away(*_args, **_options):
        raise RetryableError("the catalog is busy; try again")

    world = World()
    world.jobs.list = away  # type: ignore[method-assign]
    async with open_browser(world.ports()) as browser:
        await browser.sign_in()
        answer = await browser.open("/jobs")
    assert answer.status_code == 503
    assert "the catalog is busy" in read_words(answer.text)


async def test_a_server_that_stops_says_so(browser):
    await browser.sign_in()
    csrf = find_csrf((await browser.open("/jobs")).text)
    browser.service.begin_shutdown()
    answer = await browser.send("/jobs/job-a/cancel", csrf=csrf)
    assert answer.status_code == 503
    assert "shutting down" in read_words(answer.text)


async def test_a_part_of_a_page_leads_the_whole_page_to_the_sign_in(browser):
    answer = await browser.open("/jobs", **{"hx-request": "true"})
    assert answer.headers["hx-redirect"] == "/console/sign-in?next=/jobs"


async def test_the_log_names_the_route_and_nothing_of_what_was_asked(browser):
    with capture_logs() as logged:
        await browser.open("/jobs/job-a/failures?cursor=secret")
        await browser.open("/nothing/secret")
        await browser.http.get("/healthz")
    routes = [entry["route"] for entry in logged if entry["event"] == "request"]
    assert routes == ["/console/jobs/{job_id}/failures", None, "/healthz"]
    assert "secret" not in str(logged)
