"""Who gets in, for how long, and what of it the browser holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headwater.console.forms import MAX_BYTES
from tests.contract.api.fakes import TENANT, World, make_token
from tests.integration.console.browsing import HOST, open_browser, read_words

SESSION = "headwater-session"


@pytest.fixture
async def browser():
    async with open_browser(World().ports()) as browser:
        yield browser


async def test_every_page_leads_to_the_sign_in_and_from_there_back(browser):
    answer = await browser.open("/jobs?space=KB&status=failed")
    assert answer.status_code == 303
    place = answer.headers["location"]
    assert place == "/console/sign-in?next=/jobs%3Fspace%3DKB%26status%3Dfailed"
    page = (await browser.http.get(place)).text
    assert 'name="next" value="/jobs?space=KB&amp;status=failed"' in page
    fields = {"token": make_token(), "next": "/jobs?space=KB&status=failed"}
    answer = await browser.send("/sign-in", fields)
    assert answer.headers["location"] == "/console/jobs?space=KB&status=failed"


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/x\r\nset-cookie: a=b",
        "/é",
        "",
        "/" + "x" * 1_001,
    ],
    ids=["host", "backslash", "url", "script", "header", "letter", "empty", "long"],
)
async def test_nobody_is_sent_on_to_another_place_than_the_console(browser, place):
    answer = await browser.send("/sign-in", {"token": make_token(), "next": place})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")


async def test_a_valid_token_opens_the_console_and_stays_on_the_server(browser):
    answer = await browser.sign_in()
    assert answer.headers["location"] == "/console/"
    assert make_token() not in str(answer.headers)
    page = await browser.open("/jobs")
    assert page.status_code == 200
    assert browser.http.cookies[SESSION] not in page.text


@pytest.mark.parametrize(
    ("claims", "status", "words"),
    [
        ({"exp": 1}, 401, "the token has expired"),
        ({"exp": None}, 401, "lacks a required claim"),
        ({"groups": "staff"}, 401, "is not a list"),
        ({"sub": "x" * 20_000}, 401, "over 16384 bytes"),
        ({"tenant_id": "acme"}, 403, "names no tenant"),
        ({"tenant_id": None}, 403, "names no tenant"),
    ],
    ids=["expired", "endless", "groups", "oversized", "tenant", "nobody"],
)
async def test_a_token_that_the_api_refuses_opens_nothing(browser, claims, status, words):
    answer = await browser.sign_in(**claims)
    assert answer.status_code == status
    assert words in read_words(answer.text)
    assert SESSION not in browser.http.cookies


@pytest.mark.parametrize("token", ["", "not a token", "a.b.c", "<script>alert(1)</script>"])
async def test_what_is_no_token_is_refused_and_not_repeated(browser, token):
    answer = await browser.send("/sign-in", {"token": token})
    assert answer.status_code == 401
    assert "malformed" in read_words(answer.text)
    assert "<script>alert" not in answer.text
    assert SESSION not in browser.http.cookies


async def test_a_form_that_is_too_large_is_refused(browser):
    answer = await browser.send("/sign-in", {"token": "x" * MAX_BYTES})
    assert answer.status_code == 422
    assert f"over {MAX_BYTES} bytes" in read_words(answer.text)


async def test_who_may_not_even_read_is_told_so_on_every_page(browser):
    await browser.sign_in(scope="")
    answer = await browser.open("/jobs")
    assert answer.status_code == 403
    assert "lacks the scope knowledge:read" in read_words(answer.text)


async def test_on_this_machine_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser):
    header = (await browser.sign_in()).headers.get_list("set-cookie")[0]
    parts = [part.strip().lower() for part in header.split(";")]
    assert parts[0].startswith(f"{SESSION}=")
    assert {"httponly", "samesite=lax", "path=/console/"} <= set(parts)
    assert "secure" not in parts


@pytest.mark.parametrize("host", ["https://127.0.0.1:8000", "http://wiki.acme.example"])
async def test_anywhere_else_the_cookie_goes_over_tls_only_and_nobody_else_can_set_it(
    browser, host
):
    browser.http.base_url = host
    page = await browser.http.get("/console/sign-in")
    (door,) = page.headers.get_list("set-cookie")
    assert door.startswith("__Host-headwater-door=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(door.split("; "))


async def test_a_browser_that_keeps_no_cookie_is_told_why_it_cannot_sign_in(browser):
    csrf = await browser.read_csrf()
    browser.http.cookies.clear()
    answer = await browser.send("/sign-in", {"token": make_token()}, csrf=csrf)
    assert answer.status_code == 403
    assert "needs https" in read_words(answer.text)


async def test_the_sign_in_form_is_taken_once_from_the_browser_that_asked_for_it(browser):
    answer = await browser.send("/sign-in", {"token": make_token()}, csrf="x")
    assert answer.status_code == 403
    await browser.read_csrf()
    answer = await browser.send("/sign-in", {"token": make_token()}, csrf="x")
    assert answer.status_code == 403
    assert "out of date" in read_words(answer.text)


async def test_a_session_begins_under_a_new_name_whatever_the_browser_held(browser):
    await browser.sign_in()
    mine = browser.http.cookies[SESSION]
    browser.http.cookies.clear()
    browser.http.cookies.set(
        SESSION, "chosen-by-somebody-else", path="/console/", domain="127.0.0.1"
    )
    await browser.sign_in()
    names = [cookie.value for cookie in browser.http.cookies.jar if cookie.name == SESSION]
    assert "chosen-by-somebody-else" not in names
    assert mine not in names
    browser.http.cookies.clear()
    answer = await browser.http.get(
        "/console/jobs", headers={"cookie": f"{SESSION}=chosen-by-somebody-else"}
    )
    assert answer.status_code == 303


async def test_signing_in_again_ends_the_session_before(browser):
    await browser.sign_in()
    before = browser.http.cookies[SESSION]
    page = await browser.http.get("/console/sign-in", headers={"cookie": ""})
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    await browser.send("/sign-in", {"token": make_token()}, csrf=csrf)
    assert browser.http.cookies[SESSION] != before
    browser.http.cookies.clear()
    answer = await browser.http.get("/console/jobs", headers={"cookie": f"{SESSION}={before}"})
    assert answer.status_code == 303


async def test_signing_out_ends_the_session_on_the_server_too(browser):
    await browser.sign_in()
    stolen = browser.http.cookies[SESSION]
    answer = await browser.send("/sign-out")
    assert answer.headers["location"] == "/console/sign-in"
    assert SESSION not in browser.http.cookies
    answer = await browser.http.get("/console/jobs", headers={"cookie": f"{SESSION}={stolen}"})
    assert answer.status_code == 303


async def test_a_session_does_not_outlive_its_token():
    now = datetime.now(UTC)
    ports = replace(World().ports(), now=lambda: now)
    async with open_browser(ports) as browser:
        await browser.sign_in(exp=int(now.timestamp()) + 60)
        assert (await browser.open("/jobs")).status_code == 200
        now += timedelta(seconds=95)
        assert (await browser.open("/jobs")).status_code == 303


async def test_a_session_ends_where_its_token_counts_no_more():
    ports = World().ports()
    async with open_browser(ports) as browser:
        await browser.sign_in()
        cookie = {"cookie": f"{SESSION}={browser.http.cookies[SESSION]}"}
    async with open_browser(ports, jwt_secret="another-secret-of-more-than-32-bytes") as browser:
        assert (await browser.http.get("/console/jobs", headers=cookie)).status_code == 303


async def test_a_session_ends_where_its_tenant_is_named_otherwise_by_now():
    ports = World().ports()
    async with open_browser(ports) as browser:
        await browser.sign_in()
        cookie = {"cookie": f"{SESSION}={browser.http.cookies[SESSION]}"}
    async with open_browser(ports, jwt_tenant_claim="organisation") as browser:
        answer = await browser.http.get("/console/sign-in", headers=cookie)
        assert (answer.status_code, "Sign in" in answer.text) == (200, True)


async def test_the_tenants_minute_is_shared_with_the_api():
    async with open_browser(World().ports(), rate_limit_per_minute=3) as browser:
        await browser.sign_in()
        assert (await browser.open("/jobs")).status_code == 200
        headers = {"authorization": f"Bearer {make_token()}", "x-tenantid": TENANT}
        assert (await browser.http.get("/v2/confluence/jobs", headers=headers)).status_code == 200
        answer = await browser.open("/jobs")
        assert answer.status_code == 429
        assert "over 3 requests in a minute" in read_words(answer.text)
        assert (await browser.http.get("/v2/confluence/jobs", headers=headers)).status_code == 429


async def test_the_console_answers_without_its_last_slash(browser):
    answer = await browser.http.get("/console")
    assert answer.headers["location"] == "/console/"
    assert answer.url == f"{HOST}/console"
