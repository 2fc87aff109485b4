"""What the clients make of refusals, silence, broken streams and strangers."""

import json
from functools import partial

import httpx2
import pytest

from headwater.client import (
    ClientError,
    ConflictError,
    InvalidRequestError,
    Login,
    NoAnswerError,
    NotAllowedError,
    NotFoundError,
    Problem,
    RefusalError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnavailableError,
    UnfinishedJobError,
    Upload,
    calls,
    exchange,
    following,
)
from headwater.client.inputs import derive_web_url
from tests.contract.api.fakes import TENANT

UPLOAD = Upload(
    Login("https://acme.example/wiki/rest/api", "", "pat"), "KB", source_restriction=True
)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch):
    for module in ("asynchronous", "synchronous"):
        monkeypatch.setattr(f"headwater.client.{module}.LOOK_SECONDS", 0)
    monkeypatch.setattr(exchange, "FIRST_PAUSE", exchange.FIRST_PAUSE * 0)


class Server:
    """Answers each request with what the next of its makers makes, the last for ever; keeps requests."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer()

    @property
    def bodies(self):
        return [json.loads(request.content) for request in self.requests]


def refuse(status, code="some_error", **headers):
    detail = [{"loc": ["body", "space"], "msg": "no such space", "type": code}]
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply(status, json={"detail": detail}, headers=names)


def answer(value):
    return reply(200, json=value)


def reply(*arguments, **options):
    """Return what makes an answer: each may be read only once."""
    return partial(httpx2.Response, *arguments, **options)


def make_job(status, **changes):
    counts = dict.fromkeys(
        [
            "listed",
            "done",
            "added",
            "updated",
            "metadata_only",
            "unchanged",
            "skipped",
            "failed",
            "deleted",
            "held",
        ],
        0,
    )
    progress = {
        "documents": counts,
        "attachments": counts,
        "chunks": {"embedded": 0, "reused": 0, "deleted": 0},
        "ocr_pages": 0,
        "bytes_fetched": 0,
        "requests": 0,
    }
    return {
        "job_id": "job-1",
        "kind": "upload",
        "status": status,
        "stage": "processing",
        "space": "KB",
        "incremental": True,
        "created_at": "2026-11-21T12:00:00.123Z",
        "started_at": None,
        "finished_at": None,
        "progress": progress,
        "skipped": {},
        "losses": {},
        "throttled_until": None,
        "failures": [],
        "message": None,
        **changes,
    }


def stream(*events):
    text = "".join(
        f"id: {key}\nevent: {name}\ndata: {json.dumps(data)}\n\n" for key, name, data in events
    )
    return reply(200, text=text, headers={"content-type": "text/event-stream"})


def connect(make_client, server, **options):
    return make_client(transport=httpx2.MockTransport(server), **options)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, UnauthenticatedError),
        (403, NotAllowedError),
        (404, NotFoundError),
        (405, InvalidRequestError),
        (409, ConflictError),
        (422, InvalidRequestError),
        (429, TooManyRequestsError),
        (500, UnavailableError),
        (502, UnavailableError),
        (503, UnavailableError),
        (418, UnavailableError),
    ],
)
async def test_a_refusal_is_an_error_with_code_message_and_next_step(make_client, status, kind):
    server = Server(refuse(status, "value_error.space", x_request_id="r-1", retry_after="99"))
    with pytest.raises(kind) as caught:
        await connect(make_client, server).read_job("job-1")
    error = caught.value
    assert (error.status, error.code, error.request_id) == (status, "value_error.space", "r-1")
    assert error.retry_after == 99
    assert str(error) == f"{status}: body.space: no such space"
    assert "list_spaces" in error.next_step
    assert len(server.requests) == 1


def test_every_code_has_a_next_step():

    for code in ("authentication_error.expired", "value_error.missing", "never_heard_of"):
        assert RefusalError(400, [client_problem(code)]).next_step


def client_problem(code):
    return Problem(("body",), "wrong", code)


async def test_every_call_carries_token_and_tenant_and_the_token_of_the_moment(make_client):
    tokens = iter(["first", "second"])
    server = Server(answer(make_job("running")))
    headwater = connect(make_client, server, token=lambda: next(tokens))
    await headwater.read_job("job-1")
    await headwater.read_job("job-1")
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer first",
        "Bearer second",
    ]
    assert {request.headers["x-tenantid"] for request in server.requests} == {TENANT}


@pytest.mark.parametrize("token", ["secret\nx: y", "secret\u00e9"])
async def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(make_client, token):
    with pytest.raises(ValueError, match="no token has") as caught:
        await connect(make_client, Server(answer({})), token=token).list_jobs()
    assert "secret" not in str(caught.value)


async def test_without_a_token_the_api_says_what_it_wants(make_client):
    server = Server(refuse(401, "authentication_error.missing"))
    with pytest.raises(UnauthenticatedError):
        await connect(make_client, server, token="").list_jobs()
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("broken", [httpx2.ReadError("gone"), refuse(503), refuse(429)])
async def test_an_upload_whose_answer_was_lost_is_sent_again_under_the_same_name(
    make_client, broken
):
    server = Server(broken, answer("job-x"))
    assert await connect(make_client, server).upload(UPLOAD) == "job-x"
    first, second = server.bodies
    assert first == second
    assert first["job_id"] == UPLOAD.job_id
    assert first["pinecone_config"] == {"rezolve_domain": "headwater.local", "tenant_id": TENANT}


@pytest.mark.parametrize(
    ("trouble", "deletes", "reads"),
    [
        (httpx2.ConnectError("refused"), 2, 2),
        (httpx2.ReadError("broken off"), 1, 2),
        (httpx2.RemoteProtocolError("no answer"), 1, 2),
        (httpx2.ReadTimeout("too slow"), 1, 1),
        (refuse(429), 2, 2),
        (refuse(503), 1, 2),
        (refuse(500), 1, 1),
        (refuse(502), 1, 1),
        (refuse(429, retry_after="120"), 1, 1),
    ],
)
async def test_only_what_may_be_sent_again_is(make_client, trouble, deletes, reads):
    for name, arguments, times in (("delete", ["http://x"], deletes), ("search", ["x"], reads)):
        server = Server(trouble, refuse(404))
        with pytest.raises(ClientError):
            await getattr(connect(make_client, server), name)(*arguments)
        assert len(server.requests) == times


async def test_nobody_is_asked_for_ever(make_client):
    server = Server(httpx2.ConnectError("refused"))
    with pytest.raises(
        NoAnswerError, match=r"no answer from http://headwater\.test: refused"
    ) as caught:
        await connect(make_client, server).list_jobs()
    assert "headwater serve" in caught.value.next_step
    assert len(server.requests) == exchange.ATTEMPTS


@pytest.mark.parametrize(
    "strange",
    [
        reply(200, text="<html>Welcome</html>"),
        answer({"jobs": "none"}),
        answer(None),
        reply(404, text="<html>nothing here</html>"),
        reply(500, json={"detail": "as FastAPI says it"}),
        reply(500, json={"detail": []}),
    ],
)
async def test_somebody_who_is_no_headwater_is_recognised(make_client, strange):
    with pytest.raises(NoAnswerError) as caught:
        await connect(make_client, Server(strange)).list_jobs()
    assert "is this a Headwater server?" in caught.value.next_step


async def test_fields_of_a_newer_server_do_no_harm_and_are_kept(make_client):
    newer = make_job("resting", mood="fine")
    job = await connect(make_client, Server(answer(newer))).read_job("job-1")
    assert (job.status, job.is_final) == ("resting", False)
    assert job.to_json() == newer


async def test_a_stream_that_broke_is_taken_up_where_it_ended(make_client):
    server = Server(
        stream(("0.0", "progress", make_job("queued")), ("1.0", "failure", {"any": "thing"})),
        answer(make_job("running")),
        stream(("2.0", "progress", make_job("running")), ("3.0.end", "end", make_job("partial"))),
    )
    states = await connect(make_client, server).list_states("job-1")
    assert states == ["queued", "running", "partial"]
    assert [request.headers.get("last-event-id") for request in server.requests] == [
        None,
        None,
        "1.0",
    ]


@pytest.mark.parametrize(
    "broken",
    [
        refuse(429),
        refuse(503),
        reply(204),
        httpx2.ReadError("gone"),
        reply(200, text="held back by a proxy"),
        stream(),
    ],
)
async def test_a_job_is_looked_at_where_no_stream_works(make_client, broken):
    looks = [answer(make_job("running")) for _ in range(4)]
    mixed = [item for look in looks[:3] for item in (broken, look)]
    server = Server(*mixed, looks[3], answer(make_job("succeeded")))
    assert await connect(make_client, server).list_states("job-1") == ["running", "succeeded"]
    opened = [request for request in server.requests if request.url.path.endswith("/events")]
    assert len(opened) == following.FRUITLESS


async def test_no_stream_is_opened_where_none_is_wanted(make_client):
    server = Server(answer(make_job("running")), answer(make_job("failed")))
    headwater = connect(make_client, server, streams=False)
    assert (await headwater.wait_for_job("job-1")).status == "failed"
    assert {request.url.path for request in server.requests} == {"/v2/confluence/jobs/job-1"}


async def test_a_job_that_is_not_there_ends_the_waiting(make_client):
    with pytest.raises(NotFoundError):
        await connect(make_client, Server(refuse(404))).wait_for_job("job-1")


async def test_waiting_ends_after_its_time_and_says_how_far_the_job_was(make_client):
    server = Server(answer(make_job("running")))
    with pytest.raises(UnfinishedJobError, match="job-1 has not ended yet") as caught:
        await connect(make_client, server).wait_for_job("job-1", at_most=0.01)
    assert caught.value.job
    assert caught.value.job.status == "running"


async def test_an_event_that_is_not_understood_is_not_passed_over(make_client):
    server = Server(stream(("1.0", "progress", {"job_id": 7})))
    with pytest.raises(NoAnswerError, match="event of the stream"):
        await connect(make_client, server).wait_for_job("job-1")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_an_id_that_would_be_another_path_is_refused(name):
    with pytest.raises(ValueError, match="names nothing"):
        calls.read_job(name)


def test_an_id_is_one_step_of_a_path_whatever_it_holds():
    assert calls.read_job("../x?y#z").path == "/v2/confluence/jobs/..%2Fx%3Fy%23z"


@pytest.mark.parametrize(
    ("instance", "web"),
    [
        ("https://acme.atlassian.net/wiki/rest/api/", "https://acme.atlassian.net/wiki"),
        ("https://acme.atlassian.net", "https://acme.atlassian.net/wiki"),
        ("https://acme.atlassian.net/wiki/api/v2/", "https://acme.atlassian.net/wiki"),
        ("https://wiki.acme.example/rest/api", "https://wiki.acme.example"),
        ("https://wiki.acme.example/confluence/rest/api", "https://wiki.acme.example/confluence"),
    ],
)
def test_the_base_of_links_is_derived_from_the_rest_url(instance, web):
    assert derive_web_url(instance) == web


def test_an_uploads_name_is_made_once():
    assert UPLOAD.to_json()["job_id"] == UPLOAD.to_json()["job_id"] != ""
