"""What holds for every route of the document alike: each refusal, its status, its one shape."""

import pytest
from jsonschema import Draft202012Validator

from headwater.api.application import begin_shutdown, create_app
from headwater.domain.errors import (
    ListingIncompleteError,
    RetryableError,
    SourceRefusedError,
    SourceUnreachableError,
)
from headwater.ports import NO_TRACES
from tests.contract.api.fakes import (
    OTHER_TENANT,
    TENANT,
    World,
    assert_refused,
    call_app,
    headers_for,
    make_settings,
    make_token,
    open_app,
    open_client,
)

DOCUMENT = create_app(make_settings(), lambda: None).openapi()  # type: ignore[arg-type,return-value]
GUARDED = sorted(
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if path.startswith("/v2")
)
NAMES = {"{job_id}": "job-a", "{configuration_id}": "nightly", "{entry_id}": "0" * 24}
QUERIES = {
    "/v2/get-vectors": "?platform_type=confluence",
    "/v2/confluence/document": "?document=confluence:acme.example:1",
}
OPTIONAL_BODIES = ("retry", "approve")

every_route = pytest.mark.parametrize(("method", "path"), GUARDED)
every_body = pytest.mark.parametrize(
    ("method", "path"),
    [route for route in GUARDED if "requestBody" in DOCUMENT["paths"][route[1]][route[0].lower()]],
)


def describe(method, path):
    return DOCUMENT["paths"][path][method.lower()]


def locate(path):
    for name, value in NAMES.items():
        path = path.replace(name, value)
    return path + QUERIES.get(path, "")


def find_model(method, path):
    content = describe(method, path)["requestBody"]["content"]["application/json"]
    return DOCUMENT["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]


def make_body(method, path):
    """Return a valid body; ``None`` for a route that takes none, or may do without."""
    if "requestBody" not in describe(method, path) or path.endswith(OPTIONAL_BODIES):
        return None
    return find_model(method, path)["examples"][0]


def check(response, method, path, status, *problems):
    """Check the one shape, and that the document declares the status and the shape."""
    assert_refused(response, status, *problems)
    declared = describe(method, path)["responses"][str(status)]
    schema = {**declared["content"]["application/json"]["schema"]}
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(response.json())


@every_route
async def test_without_a_token_nothing_else_is_learned(client, method, path):
    for headers in ({}, {"x-tenantid": TENANT}, {"authorization": "Bearer x", "x-tenantid": "?"}):
        client.headers.pop("authorization", None)
        response = await client.request(method, locate(path), content=b"{", headers=headers)
        check(response, method, path, 401)
        assert response.headers["www-authenticate"] == "Bearer"
        assert len(response.json()["detail"]) == 1


@every_route
async def test_another_tenant_and_a_missing_scope_are_403_before_the_body(client, method, path):
    needed = describe(method, path)["x-required-scope"]
    others = " ".join({"knowledge:read", "knowledge:write"} - {needed})
    other = headers_for(tenant=OTHER_TENANT)
    weak = headers_for(make_token(scope=others))
    refused = await client.request(method, locate(path), content=b"{", headers=other)
    unable = await client.request(method, locate(path), content=b"{", headers=weak)
    check(refused, method, path, 403, (("header", "x-tenantid"), "permission_error.tenant"))
    check(unable, method, path, 403, (("header", "authorization"), "permission_error.scope"))


@every_body
async def test_what_is_no_json_object_is_400(client, method, path):
    for content, kind in (
        (b"{", "value_error.jsondecode"),
        (b"", "value_error.jsondecode"),
        (b"[]", "type_error.dict"),
        (b'{"a": 1, "a": 2}', "value_error.jsondecode"),
        (b'{"a": NaN}', "value_error.jsondecode"),
        (b'{"a": "' + b"x" * (1 << 20) + b'"}', "value_error.too_large"),
        (b'{"a": ' + b"[" * 99 + b"]" * 99 + b"}", "value_error.too_deep"),
    ):
        if not content and path.endswith(OPTIONAL_BODIES):
            continue
        headers = {"content-type": "application/json"}
        response = await client.request(method, locate(path), content=content, headers=headers)
        check(response, method, path, 400)
        assert response.json()["detail"][0]["type"] == kind
    response = await client.request(
        method, locate(path), content=b"{}", headers={"content-type": "text/plain"}
    )
    check(response, method, path, 400, (("header", "content-type"), "value_error.content_type"))


@every_route
async def test_a_missing_or_malformed_tenant_header_is_422(client, method, path):
    body = make_body(method, path)
    del client.headers["x-tenantid"]
    missing = await client.request(method, locate(path), json=body)
    broken = await client.request(method, locate(path), json=body, headers={"x-tenantid": "x"})
    check(missing, method, path, 422, (("header", "x-tenantid"), "value_error.missing"))
    check(broken, method, path, 422, (("header", "x-tenantid"), "type_error.uuid"))


@every_body
async def test_another_tenant_in_the_body_is_403_before_every_422(client, method, path):
    body = {"pinecone_config": {"tenant_id": OTHER_TENANT}, "tenant_id": OTHER_TENANT}
    response = await client.request(method, locate(path), json=body)
    names = find_model(method, path)["properties"]
    if "pinecone_config" in names:
        place = ("body", "pinecone_config", "tenant_id")
        check(response, method, path, 403, (place, "permission_error.tenant"))
    elif "tenant_id" in names:
        check(response, method, path, 403, (("body", "tenant_id"), "permission_error.tenant"))


@every_body
async def test_required_fields_missing_or_null_are_named_at_their_places(client, method, path):
    for name in find_model(method, path).get("required", []):
        body = {key: value for key, value in (make_body(method, path) or {}).items() if key != name}
        missing = await client.request(method, locate(path), json=body)
        null = await client.request(method, locate(path), json={**body, name: None})
        check(missing, method, path, 422, (("body", name), "value_error.missing"))
        place = (("body", name), "type_error.none.not_allowed")
        check(null, method, path, 422, place)
        detail = {"loc": ["body", name], "msg": "field required", "type": "value_error.missing"}
        assert detail in missing.json()["detail"]


@every_route
async def test_a_full_minute_is_429_and_says_when_to_come_again(method, path):
    async with open_client(World(), rate_limit_per_minute=1) as client:
        await client.get("/v2/confluence/jobs")
        response = await client.request(method, locate(path), json=make_body(method, path))
    check(response, method, path, 429, (("request",), "rate_limit_error"))
    assert int(response.headers["retry-after"]) >= 1


@every_route
async def test_while_stopping_it_is_503_and_says_when_to_come_again(method, path):
    async with open_app(World()) as app, call_app(app) as client:
        begin_shutdown(app)
        response = await client.request(method, locate(path), json=make_body(method, path))
    check(response, method, path, 503, (("service",), "unavailable_error"))
    assert int(response.headers["retry-after"]) >= 1


class Broken:
    """Ports that cannot be used at all, but for the tracer: it keeps nothing from anybody."""

    tracer = NO_TRACES

    def __getattr__(self, name):
        raise RuntimeError(f"no {name}: s3cret")


class Away:
    """Ports of which every part is away that can be."""

    tracer = NO_TRACES

    def __getattr__(self, name):
        raise RetryableError(f"no {name}; try again")


@every_route
async def test_a_defect_is_500_and_a_part_that_is_away_503(method, path):
    async with open_app(World()) as app, call_app(app) as client:
        app.state.ports = Broken()
        defect = await client.request(method, locate(path), json=make_body(method, path))
        app.state.ports = Away()
        away = await client.request(method, locate(path), json=make_body(method, path))
    check(defect, method, path, 500, (("server",), "server_error"))
    assert "s3cret" not in defect.text
    check(away, method, path, 503, (("service",), "unavailable_error"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        route
        for route in GUARDED
        if "502" in describe(*route)["responses"]
        # ``why`` asks Confluence only about what the catalog does not have.
        and not route[1].endswith((*OPTIONAL_BODIES, "/why"))
    ],
)
async def test_what_confluence_answers_is_passed_on(client, world, method, path):
    for error, status in (
        (SourceRefusedError("no"), 403),
        (SourceUnreachableError("no"), 502),
        (ListingIncompleteError("no"), 502),
    ):
        world.sources.error = error
        response = await client.request(method, locate(path), json=make_body(method, path))
        check(response, method, path, status)


@every_route
async def test_a_method_that_is_not_there_is_405_and_names_those_that_are(client, method, path):
    allowed = {name.upper() for name in DOCUMENT["paths"][path]}
    allowed |= {"HEAD"} if "GET" in allowed else set()
    for other in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
        response = await client.request(other, locate(path))
        assert_refused(response, 405, (("method",), "method_not_allowed_error"))
        assert set(response.headers["allow"].split(", ")) == allowed
    assert method in allowed


@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("path", ["/v2", "/v2/x", "/v2/confluence/x", "/v2/delete/x", "/x"])
async def test_an_unknown_route_is_404_with_a_token_and_without(client, path, token):
    if not token:
        del client.headers["authorization"]
    response = await client.post(path, json={})
    assert_refused(response, 404, (("path",), "not_found_error"))
