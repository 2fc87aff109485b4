import asyncio
import json
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx2
import pytest

from headwater.adapters.confluence.answers import (
    AbsentError,
    Answer,
    BrokenAnswerError,
    OversizedAnswerError,
    RejectedRequestError,
    clean_text,
    read_json,
)
from headwater.adapters.confluence.client import Ask, Limits, make_authorization
from headwater.adapters.confluence.governor import SiteGovernor
from headwater.adapters.confluence.patience import PROMPT, Patience, TransientError
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from headwater.domain.jobs import SiteCredential
from headwater.domain.secrets import Secret
from tests.unit.confluence.confluence_fakes import (
    NOW,
    FakeClock,
    FakeConfluence,
    answer,
    copy,
    html,
    make_client,
    status,
)

PATH = "/wiki/api/v2/spaces"
BRIEF = Patience(attempts=2, budget=0.4)
RECORDED = Path(__file__).parents[3] / "../shared/data/recorded/errors_and_headers/errors.json"


async def ask(*replies: object, **kwargs):
    return await make_client(FakeConfluence({PATH: list(replies)}), **kwargs).get(PATH)


async def test_a_request_says_who_we_are_and_what_we_want():
    confluence = FakeConfluence({PATH: answer({})})
    await make_client(confluence).get(PATH, {"keys": "~a b&c"})
    sent = confluence.requests[0]
    assert sent.headers["authorization"] == "Basic eDp5"
    assert sent.headers["accept"] == "application/json"
    assert sent.headers["user-agent"].startswith("headwater/")
    assert dict(sent.url.params) == {"keys": "~a b&c"}


async def test_the_gateway_prefix_stands_before_every_path():
    confluence = FakeConfluence({"/ex/confluence/c1" + PATH: answer({"a": 1})})
    client = make_client(confluence, root="https://api.example.com/ex/confluence/c1")
    assert await client.get(PATH) == {"a": 1}


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
async def test_passing_trouble_is_tried_again(code):
    clock = FakeClock()
    assert await ask(status(code), status(code), answer({"a": 1}), clock=clock) == {"a": 1}
    assert len(clock.sleeps) == 2


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, RejectedRequestError),
        (401, SourceRefusedError),
        (403, SourceRefusedError),
        (404, AbsentError),
        (410, RejectedRequestError),
        (413, OversizedAnswerError),
    ],
)
async def test_what_will_not_change_is_asked_once(code, error):
    confluence, clock = FakeConfluence({PATH: status(code)}), FakeClock()
    with pytest.raises(error):
        await make_client(confluence, clock=clock).get(PATH)
    assert confluence.count(PATH) == 1
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30.5), ("Thu, 26 Mar 2026 15:00:30 GMT", 30.5)]
)
async def test_throttling_waits_as_long_as_it_is_told(text, seconds):
    clock = FakeClock()
    told: list[datetime | None] = []
    value = await ask(
        status(429, retry_after=text), answer({"a": 1}), clock=clock, on_wait=told.append
    )
    assert value == {"a": 1}
    assert clock.sleeps == [seconds]
    assert [item is None for item in told] == [False, True]


@pytest.mark.parametrize("hours", [-9000, -5, 5, 9000])
async def test_a_date_to_come_back_at_is_read_by_the_clock_of_whom_it_is_from(hours):
    clock = FakeClock()
    date = clock.moment + timedelta(hours=hours)
    headers = {
        "date": format_datetime(date, usegmt=True),
        "retry_after": format_datetime(date + timedelta(seconds=30), usegmt=True),
    }
    assert await ask(status(429, **headers), answer({"a": 1}), clock=clock) == {"a": 1}
    assert clock.sleeps == [30.5]


async def test_an_absurd_retry_after_is_cut_and_the_budget_ends_it():
    clock = FakeClock()
    with pytest.raises(SourceUnreachableError, match="throttles"):
        await ask(status(429, retry_after="9223372036854775807"), clock=clock)
    assert clock.sleeps == [300.0] * 13


async def test_a_site_closed_for_maintenance_is_away_and_not_a_broken_answer():
    with pytest.raises(SourceUnreachableError) as caught:
        await ask(status(503, retry_after="600"))
    assert not isinstance(caught.value, BrokenAnswerError)


async def test_a_prompt_caller_is_told_soon():
    clock = FakeClock()
    confluence = FakeConfluence({PATH: status(429, retry_after="1847")})
    client = make_client(confluence, clock=clock, patience=PROMPT)
    for _ in range(2):
        with pytest.raises(SourceUnreachableError) as caught:
            await client.get(PATH)
        assert caught.value.retry_after == 1848
    assert confluence.count(PATH) == 1
    assert clock.moment == NOW


async def test_one_throttled_request_holds_back_the_others():
    clock = FakeClock()
    sent = []

    def note(_request):
        sent.append(clock.moment)
        return answer({})

    confluence = FakeConfluence({PATH: [status(429, retry_after="60"), note], "/wiki/other": note})
    client = make_client(confluence, clock=clock)
    await asyncio.gather(client.get(PATH), *(client.get("/wiki/other") for _ in range(9)))
    announced = NOW + timedelta(seconds=60)
    assert len(sent) == 10
    assert sum(moment < announced for moment in sent) <= 3  # those in flight when it was said
    assert clock.sleeps == [60.5]


@pytest.mark.parametrize(
    ("trouble", "ask", "window"),
    [
        (status(503), Ask(), 4),
        (status(503, retry_after="1"), Ask(), 2),
        (status(429), Ask(), 1),  # twice
        (httpx2.ReadTimeout("slow"), Ask(), 2),
        (httpx2.ConnectTimeout("slow"), Ask(), 2),
        (httpx2.ReadError("cut"), Ask(), 4),
        (httpx2.ReadTimeout("slow"), Ask(attempts=2), 4),  # less will be asked for instead
    ],
)
async def test_only_signs_of_overload_make_requests_fewer(trouble, ask, window):
    def fail(_request):
        if isinstance(trouble, Exception):
            raise trouble
        return copy(trouble)

    governor = SiteGovernor(FakeClock().timing)
    client = make_client(FakeConfluence({PATH: fail}), governor=governor, patience=BRIEF)
    with pytest.raises(SourceUnreachableError):
        await client.read(client.locate(PATH), ask)
    assert governor.pace.window == window


async def test_a_quota_that_runs_short_spaces_requests():
    clock = FakeClock()
    near = answer({}, **{"x-ratelimit-nearlimit": "true", "x-ratelimit-remaining": "12"})
    client = make_client(FakeConfluence({PATH: near}), clock=clock)
    for _ in range(4):
        await client.get(PATH)
    assert clock.sleeps == [5.0] * 3


async def test_connection_trouble_is_tried_again_then_reported():
    attempts = []

    def refuse(request):
        attempts.append(request)
        raise httpx2.ConnectError("no")

    clock = FakeClock()
    with pytest.raises(SourceUnreachableError, match="connections") as caught:
        await ask(refuse, clock=clock, patience=Patience(attempts=3))
    assert not isinstance(caught.value, BrokenAnswerError)
    assert len(attempts) == 3


@pytest.mark.parametrize(
    "error", [httpx2.ReadTimeout("slow"), httpx2.RemoteProtocolError("cut"), httpx2.ReadError("x")]
)
async def test_an_answer_that_breaks_off_is_tried_again(error):
    def fail(_request):
        raise error

    assert await ask(fail, answer({"a": 1})) == {"a": 1}
    with pytest.raises(BrokenAnswerError):
        await ask(fail)


@pytest.mark.parametrize("body", [b"", b'{"results": [', b"\xff\xfe\x00", b"[" * 100_000])
async def test_undecodable_json_is_no_answer(body):
    reply = httpx2.Response(200, content=body, headers={"content-type": "application/json"})
    with pytest.raises(BrokenAnswerError, match="JSON"):
        await ask(reply)


async def test_a_login_page_with_status_200_is_a_refusal():
    with pytest.raises(SourceRefusedError, match="login page"):
        await ask(html())


async def test_another_content_type_is_no_answer():
    with pytest.raises(RejectedRequestError, match="other than JSON"):
        await ask(httpx2.Response(200, text="{}"))


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("https://id.atlassian.com/login?continue=x", SourceRefusedError),
        ("https://evil.example/wiki", RejectedRequestError),
        ("http://[", RejectedRequestError),
    ],
)
async def test_a_redirect_is_never_followed(location, error):
    confluence = FakeConfluence({PATH: status(302, location=location)})
    with pytest.raises(error):
        await make_client(confluence).get(PATH)
    assert len(confluence.requests) == 1


async def test_an_answer_beyond_the_cap_is_not_kept():
    with pytest.raises(OversizedAnswerError, match="100 bytes"):
        await ask(answer({"a": "x" * 200}), limits=Limits(answer_bytes=100))


async def test_traffic_counts_every_try_and_every_byte():
    client = make_client(FakeConfluence({PATH: [status(503), answer({"a": 1})]}))
    await client.get(PATH)
    assert (client.traffic.requests, client.traffic.bytes_fetched) == (
        2,
        len("{}") + len('{"a": 1}'),
    )


async def test_text_that_cannot_be_stored_is_cleaned():
    body = rb'{"a\u0000": ["x\u0000y", "\ud83d\ude00 \ud800", 1]}'
    reply = httpx2.Response(200, content=body, headers={"content-type": "application/json"})
    assert await ask(reply) == {"a": ["xy", "😀 \ufffd", 1]}
    assert clean_text("\udfff") == "\ufffd"


@pytest.mark.parametrize(
    ("headers", "body", "hint"),
    [
        ({"x-failure-category": "FAILURE_CLIENT_SCOPE_CHECK"}, b"", "scope"),
        ({"x-authentication-denied-reason": "CAPTCHA_CHALLENGE; login-url=x"}, b"", "CAPTCHA"),
        (
            {},
            b'{"message":"Basic Authentication has been disabled on this instance."}',
            "access token",
        ),
        ({}, b"", "check user name"),
    ],
)
def test_a_refusal_says_what_to_do(headers, body, hint):
    with pytest.raises(SourceRefusedError, match=hint):
        read_json(Answer(PATH, 403, headers, body), NOW)


def test_a_message_names_the_trace_and_quotes_nothing_else():
    headers = {"atl-traceid": "abc-123"}
    with pytest.raises(SourceRefusedError) as caught:
        read_json(Answer(PATH, 401, headers, b"<script>secret</script>"), NOW)
    assert "trace abc-123" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(SourceRefusedError) as caught:
        read_json(Answer(PATH, 401, {"atl-traceid": "a\nb"}), NOW)
    assert "trace" not in str(caught.value)


def credential(username, token="t0ken"):  # noqa: S107  (made up)
    return SiteCredential(username, Secret(token))


def test_basic_is_sent_with_a_user_name_and_bearer_without():
    assert make_authorization(credential("me@x.io"), bearer_allowed=True).startswith("Basic ")
    assert make_authorization(credential(""), bearer_allowed=True) == "Bearer t0ken"
    assert make_authorization(credential(""), bearer_allowed=False) == "Basic OnQwa2Vu"


@pytest.mark.parametrize("token", ["a\r\nx-evil: 1", "tök", "a b"])
def test_a_token_that_no_header_can_carry_is_refused(token):
    with pytest.raises(SourceRefusedError) as caught:
        make_authorization(credential("", token), bearer_allowed=True)
    assert token not in str(caught.value)


@pytest.mark.skipif(not RECORDED.exists(), reason="recorded answers are not at hand")
def test_every_recorded_error_is_one_of_ours():
    for entry in json.loads(RECORDED.read_text()):
        headers = {name.lower(): value for name, value in entry.get("headers", {}).items()}
        body = json.dumps(entry["body"]).encode() if "body" in entry else b"<html></html>"
        with pytest.raises((SourceRefusedError, SourceUnreachableError, TransientError)) as caught:
            read_json(Answer("/x", entry["status"], headers, body), NOW)
        if entry["status"] in {401, 403}:
            assert isinstance(caught.value, SourceRefusedError), entry["id"]
