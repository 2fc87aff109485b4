"""Each request below has every fault from its own check onwards; the first one must answer."""

import pytest

from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from tests.contract.api.examples import (
    CURL,
    LISTING_PATH,
    SEARCH,
    SEARCH_PATH,
    UPLOAD_PATH,
    changed,
)
from tests.contract.api.fakes import (
    OTHER_TENANT,
    TENANT,
    assert_refused,
    headers_for,
    make_token,
    open_client,
)

WRONG_EVERYWHERE = changed(changed(CURL, "pinecone_config.tenant_id", OTHER_TENANT), "space", None)
WRONG_VALUES = changed(changed(CURL, "space", None), "sync_config.use_ocr", "true")
READ_ONLY = make_token(scope="knowledge:read")
BODY_TENANT = ("body", "pinecone_config", "tenant_id")


async def test_without_a_token_nothing_else_is_learned(client):
    del client.headers["authorization"]

    response = await client.post(UPLOAD_PATH, content=b"{broken", headers={"x-tenantid": "x"})

    assert_refused(response, 401, (("header", "authorization"), "authentication_error.missing"))
    assert response.headers["www-authenticate"] == "Bearer"
    assert len(response.json()["detail"]) == 1


async def test_another_tenant_in_the_header_comes_before_scope_and_body(client):
    headers = headers_for(READ_ONLY, tenant=OTHER_TENANT)

    response = await client.post(UPLOAD_PATH, content=b"{broken", headers=headers)

    assert_refused(response, 403, (("header", "x-tenantid"), "permission_error.tenant"))


async def test_a_missing_scope_comes_before_the_body(client):
    response = await client.post(UPLOAD_PATH, content=b"{broken", headers=headers_for(READ_ONLY))

    assert_refused(response, 403, (("header", "authorization"), "permission_error.scope"))
    assert "knowledge:write" in response.json()["detail"][0]["msg"]


async def test_a_missing_scope_comes_before_a_missing_tenant_header(client):
    headers = {"authorization": f"Bearer {READ_ONLY}"}
    del client.headers["x-tenantid"]

    response = await client.post(UPLOAD_PATH, json=WRONG_EVERYWHERE, headers=headers)

    assert_refused(response, 403, (("header", "authorization"), "permission_error.scope"))


async def test_a_broken_body_comes_before_a_missing_tenant_header(client):
    del client.headers["x-tenantid"]

    response = await client.post(
        UPLOAD_PATH, content=b"{broken", headers={"content-type": "application/json"}
    )

    assert_refused(response, 400, (("body", 1), "value_error.jsondecode"))


@pytest.mark.parametrize("header", [None, "not-a-uuid", TENANT])
async def test_another_tenant_in_the_body_comes_before_every_422(client, header):
    del client.headers["x-tenantid"]
    headers = {} if header is None else {"x-tenantid": header}

    response = await client.post(UPLOAD_PATH, json=WRONG_EVERYWHERE, headers=headers)

    assert_refused(response, 403, (BODY_TENANT, "permission_error.tenant"))


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ([], "value_error.missing"),
        ([("x-tenantid", "")], "type_error.uuid"),
        ([("x-tenantid", "not-a-uuid")], "type_error.uuid"),
        ([("x-tenantid", TENANT.replace("-", ""))], "type_error.uuid"),
        ([("x-tenantid", f"{{{TENANT}}}")], "type_error.uuid"),
        ([("x-tenantid", TENANT), ("x-tenantid", TENANT)], "type_error.uuid"),
    ],
)
async def test_a_bad_tenant_header_is_reported_together_with_the_body(client, headers, kind):
    del client.headers["x-tenantid"]

    response = await client.post(UPLOAD_PATH, json=WRONG_VALUES, headers=headers)

    assert_refused(
        response,
        422,
        (("header", "x-tenantid"), kind),
        (("body", "space"), "type_error.none.not_allowed"),
        (("body", "sync_config", "use_ocr"), "type_error.bool"),
    )


async def test_a_second_tenant_header_cannot_hide_another_tenant(client):
    del client.headers["x-tenantid"]
    headers = [("x-tenantid", TENANT), ("x-tenantid", OTHER_TENANT)]

    response = await client.post(UPLOAD_PATH, json=CURL, headers=headers)

    assert_refused(response, 403, (("header", "x-tenantid"), "permission_error.tenant"))


async def test_tenants_compare_without_case(client):
    body = changed(CURL, "pinecone_config.tenant_id", TENANT.upper())
    headers = headers_for(make_token(tenant_id=TENANT.upper()), tenant=TENANT.upper())

    response = await client.post(UPLOAD_PATH, json=body, headers=headers)

    assert response.status_code == 200


@pytest.mark.parametrize("error", [SourceRefusedError("no"), SourceUnreachableError("no")])
async def test_an_invalid_body_never_reaches_confluence(client, world, error):
    world.sources.error = error

    response = await client.post(UPLOAD_PATH, json=WRONG_VALUES)

    assert_refused(response, 422)
    assert world.sources.opened == []


async def test_a_full_minute_is_told_before_the_scope_and_per_tenant(world):
    other = headers_for(make_token(tenant_id=OTHER_TENANT), tenant=OTHER_TENANT)
    async with open_client(world, rate_limit_per_minute=2) as client:
        for _ in range(2):
            assert (await client.get("/v2/confluence/jobs")).status_code == 200
        refused = await client.post(UPLOAD_PATH, content=b"{", headers=headers_for(READ_ONLY))
        unauthenticated = await client.get("/v2/confluence/jobs", headers={"authorization": "x"})
        neighbour = await client.get("/v2/confluence/jobs", headers=other)

    assert_refused(refused, 429, (("request",), "rate_limit_error"))
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert_refused(unauthenticated, 401)
    assert neighbour.status_code == 200


@pytest.mark.parametrize(
    ("path", "body"), [(LISTING_PATH, {}), (SEARCH_PATH, SEARCH), ("/v2/confluence/jobs", None)]
)
async def test_reading_needs_the_read_scope(client, path, body):
    headers = headers_for(make_token(scope="knowledge:write"))
    method = "GET" if body is None else "POST"

    response = await client.request(method, path, json=body, headers=headers)

    assert_refused(response, 403, (("header", "authorization"), "permission_error.scope"))


async def test_requests_without_a_body_are_checked_in_the_same_order(client):
    del client.headers["x-tenantid"]
    for method, path in (("GET", "jobs/job-a"), ("POST", "jobs/job-a/cancel")):
        response = await client.request(method, f"/v2/confluence/{path}")
        assert_refused(response, 422, (("header", "x-tenantid"), "value_error.missing"))
