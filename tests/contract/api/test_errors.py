import pytest
from structlog.testing import capture_logs

from headwater.domain.errors import (
    AddressRefusedError,
    ConfigError,
    ConflictError,
    DocumentError,
    FailureType,
    HeadwaterError,
    InvalidInputError,
    ListingIncompleteError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    SourceRefusedError,
    SourceUnreachableError,
    SpaceNotFoundError,
    SyncAbortedError,
)
from tests.contract.api.examples import CREDENTIALS, CURL, LISTING_PATH, UPLOAD_PATH
from tests.contract.api.fakes import OTHER_TENANT, assert_refused

JOBS = "/v2/confluence/jobs"
SPACE = ("body", "space")
TOP_SECRET = "s3cret-token"


@pytest.mark.parametrize(
    ("error", "status", "problem"),
    [
        (SourceRefusedError("no"), 403, (("confluence",), "permission_error.confluence")),
        (NotAllowedError("no"), 403, (("request",), "permission_error")),
        (NotFoundError("no"), 404, (("path",), "not_found_error")),
        (ConflictError("no"), 409, (("body", "job_id"), "conflict_error")),
        (SpaceNotFoundError("no"), 422, (SPACE, "value_error.space")),
        (InvalidInputError(SPACE, "no", "value_error.x"), 422, (SPACE, "value_error.x")),
        (SourceUnreachableError("no"), 502, (("confluence",), "source_error.unreachable")),
        (ListingIncompleteError("no"), 502, (("confluence",), "source_error.incomplete")),
        (RetryableError("no"), 503, (("service",), "unavailable_error")),
        (ConfigError("no"), 500, (("server",), "server_error")),
        (DocumentError(FailureType.TIMEOUT, "no"), 500, (("server",), "server_error")),
        (SyncAbortedError("no"), 500, (("server",), "server_error")),
        (HeadwaterError("no"), 500, (("server",), "server_error")),
        (RuntimeError("no"), 500, (("server",), "server_error")),
        (RecursionError("no"), 500, (("server",), "server_error")),
    ],
)
async def test_every_error_has_its_status(client, world, error, status, problem):
    world.sources.error = error

    response = await client.post(UPLOAD_PATH, json=CURL)

    assert_refused(response, status, problem)
    assert ("retry-after" in response.headers) == (status == 503)


@pytest.mark.parametrize("field", ["instance_url", "web_url_instance"])
async def test_a_refused_address_is_422_at_its_field_wherever_the_body_has_it(client, world, field):
    world.sources.error = AddressRefusedError((field,), "a private address", "value_error.url.host")

    upload = await client.post(UPLOAD_PATH, json=CURL)
    listing = await client.post(LISTING_PATH, json=CREDENTIALS)

    assert_refused(upload, 422, (("body", "authorization", field), "value_error.url.host"))
    assert_refused(listing, 422, (("body", field), "value_error.url.host"))
    assert world.jobs.stored == {}


@pytest.mark.parametrize(("seconds", "header"), [(None, "5"), (0, "5"), (0.2, "1"), (30.1, "31")])
async def test_a_busy_backend_says_how_long_to_wait(client, world, seconds, header):
    world.jobs.error = RetryableError("busy; try again", retry_after=seconds)

    response = await client.get(f"{JOBS}/job-a")

    assert_refused(response, 503)
    assert response.headers["retry-after"] == header


async def test_a_confluence_that_throttles_is_502_and_says_when_to_come_back(client, world):
    world.sources.error = SourceUnreachableError("not now", retry_after=60.5)

    response = await client.post(LISTING_PATH, json=CREDENTIALS)

    assert_refused(response, 502)
    assert response.headers["retry-after"] == "61"


async def test_an_unexpected_error_shows_its_id_here_and_in_the_log_and_no_secret(client, world):
    world.sources.error = RuntimeError(f"cannot send {TOP_SECRET}")
    world.sources.error.__cause__ = KeyError(TOP_SECRET)

    with capture_logs() as logs:
        response = await client.post(UPLOAD_PATH, json=CURL)

    (problem,) = response.json()["detail"]
    (entry,) = [log for log in logs if log["event"] == "unexpected error"]
    assert entry["error_id"] in problem["msg"]
    assert entry["request_id"] == response.headers["x-request-id"]
    assert entry["error"] == "RuntimeError"
    assert any("fakes.py" in place for place in entry["places"])
    assert "KeyError" in entry["places"]
    assert TOP_SECRET not in response.text + repr(logs)
    assert "Traceback" not in response.text


async def test_the_log_has_the_text_of_our_own_errors(client, world):
    world.sources.error = ConfigError("no present key opens the credential")

    with capture_logs() as logs:
        await client.post(UPLOAD_PATH, json=CURL)

    assert "no present key opens the credential" in [log.get("message") for log in logs]


@pytest.mark.parametrize(
    "path", ["/", "/v2", "/v2/confluence/uploads", f"{UPLOAD_PATH}/", "/redoc"]
)
async def test_an_unknown_route_is_404_in_the_one_shape(client, path):
    response = await client.get(path)

    assert_refused(response, 404, (("path",), "not_found_error"))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", UPLOAD_PATH, {"POST"}),
        ("HEAD", UPLOAD_PATH, {"POST"}),
        ("PUT", JOBS, {"GET", "HEAD"}),
        ("OPTIONS", "/healthz", {"GET", "HEAD"}),
        ("DELETE", f"{JOBS}/job-a", {"GET", "HEAD"}),
    ],
)
async def test_a_wrong_method_is_405_and_says_which_are_right(client, method, path, allowed):
    response = await client.request(method, path)

    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == allowed
    if method != "HEAD":
        assert_refused(response, 405, (("method",), "method_not_allowed_error"))


async def test_a_browser_of_another_origin_is_granted_nothing(client):
    headers = {"origin": "https://evil.com", "access-control-request-method": "POST"}

    response = await client.options(UPLOAD_PATH, headers=headers)

    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_a_missing_job_says_nothing_about_other_tenants(client):
    text = (await client.get(f"{JOBS}/job-a")).text

    assert OTHER_TENANT not in text
