import asyncio
import json
import re
from contextlib import asynccontextmanager
from html.parser import HTMLParser

import httpx2
import pytest
from jsonschema import Draft202012Validator

from headwater.api import operation_routes
from headwater.api.application import create_app
from headwater.api.inputs import SearchBody, SpaceListingBody, UploadBody
from headwater.api.operation_routes import HealthWatch
from headwater.domain.content import DocumentKind
from headwater.domain.errors import RetryableError
from headwater.domain.jobs import JobStatus, ProcessorMode
from tests.contract.api.examples import CREDENTIALS, SEARCH, SPACES_ANSWER, UPLOADS
from tests.contract.api.fakes import (
    TENANT,
    World,
    assert_refused,
    call_app,
    make_job,
    make_settings,
    open_client,
)

ROUTES = {
    ("POST", "/v2/confluence/space-listing"),
    ("POST", "/v2/confluence/upload"),
    ("POST", "/v2/confluence/listing"),
    ("POST", "/v2/confluence/delete"),
    ("POST", "/v2/get-vectors"),
    ("POST", "/v2/delete"),
    ("POST", "/v2/failed-files"),
    ("POST", "/v2/confluence/search"),
    ("GET", "/v2/confluence/spaces"),
    ("GET", "/v2/confluence/document"),
    ("GET", "/v2/confluence/jobs"),
    ("GET", "/v2/confluence/jobs/{job_id}"),
    ("GET", "/v2/confluence/jobs/{job_id}/failures"),
    ("GET", "/v2/confluence/jobs/{job_id}/events"),
    ("POST", "/v2/confluence/jobs/{job_id}/cancel"),
    ("POST", "/v2/confluence/jobs/{job_id}/retry"),
    ("POST", "/v2/confluence/jobs/{job_id}/approve"),
    ("POST", "/v2/confluence/plan"),
    ("POST", "/v2/confluence/why"),
    ("POST", "/v2/confluence/access/explain"),
    ("GET", "/v2/confluence/sync-configurations"),
    ("GET", "/v2/confluence/sync-configurations/{configuration_id}"),
    ("PUT", "/v2/confluence/sync-configurations/{configuration_id}"),
    ("DELETE", "/v2/confluence/sync-configurations/{configuration_id}"),
    ("GET", "/v2/confluence/blacklist"),
    ("POST", "/v2/confluence/blacklist"),
    ("DELETE", "/v2/confluence/blacklist/{entry_id}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
}
PUBLIC = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"]


@pytest.fixture(scope="module")
def document():
    async def read():
        async with open_client(World()) as client:
            return (await client.get("/openapi.json")).json()

    return asyncio.run(read())


def operations(document):
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def resolve(document, schema):
    """Return a schema that stands alone."""
    return {**schema, "components": document["components"]}


@pytest.mark.parametrize("path", PUBLIC)
async def test_operators_need_no_token_and_read_no_tenant_or_job(client, world, path):
    world.jobs.stored[make_job().ref] = make_job("secret-job", tenant=TENANT)
    del client.headers["authorization"]
    del client.headers["x-tenantid"]

    response = await client.get(path)

    assert response.status_code == 200
    assert "secret-job" not in response.text


async def test_a_ready_service_lists_its_parts(client):
    answer = (await client.get("/readyz")).json()

    assert answer["status"] == "ready"
    assert [check["name"] for check in answer["checks"]] == [
        "catalog",
        "vector store",
        "job queue",
        "embedder",
        "secret key",
    ]
    assert all(check["ok"] for check in answer["checks"])


async def test_a_service_that_is_not_ready_names_what_is_wrong(client, world):
    world.catalog.error = RetryableError("the catalog is locked; wait")

    response = await client.get("/readyz")

    assert_refused(response, 503, (("ready", "catalog"), "unavailable_error"))
    assert response.headers["retry-after"] == "5"
    assert len(response.json()["detail"]) == 1
    assert (await client.get("/healthz")).status_code == 200


async def test_however_many_ask_the_parts_are_tried_once_in_two_seconds():
    world = World()
    now = 100.0
    watch = HealthWatch(clock=lambda: now)

    await asyncio.gather(*(watch.look(world.ports()) for _ in range(50)))
    assert world.catalog.checks == 1
    now += operation_routes.MAX_AGE + 0.1
    await watch.look(world.ports())
    assert world.catalog.checks == 2


async def test_before_and_after_its_life_the_service_is_503_and_alive():
    opened = []

    @asynccontextmanager
    async def open_ports():
        opened.append("open")
        yield World().ports()
        opened.append("closed")

    app = create_app(make_settings(), open_ports)
    async with call_app(app) as client:
        assert opened == []
        before = await client.get("/readyz")
        async with app.router.lifespan_context(app):
            during = await client.get("/readyz")
        after = await client.get("/v2/confluence/jobs")
        alive = await client.get("/healthz")

    assert opened == ["open", "closed"]
    assert_refused(before, 503, (("service",), "unavailable_error"))
    assert during.status_code == 200
    assert_refused(after, 503, (("service",), "unavailable_error"))
    assert alive.json() == {"status": "ok"}


# ── The OpenAPI document ───────────────────────────────────────────────────────────────────────


def test_the_document_lists_exactly_the_routes(document):
    assert set(operations(document)) == ROUTES
    assert document["openapi"].startswith("3.1")


def test_every_reference_in_the_document_leads_somewhere(document):
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))

    assert names <= set(document["components"]["schemas"])
    assert {"UploadBody", "ErrorBody", "JobView"} <= names
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_permitted_values_are_those_of_the_domain(document):
    schemas = document["components"]["schemas"]
    modes = schemas["SyncConfig"]["properties"]["processor_mode"]["enum"]
    kinds = schemas["SearchBody"]["properties"]["content_types"]["anyOf"][0]["items"]["enum"]
    query = operations(document)[("GET", "/v2/confluence/jobs")]["parameters"]
    (status,) = [item["schema"]["anyOf"][0]["enum"] for item in query if item["name"] == "status"]

    assert (set(modes), set(kinds)) == (set(ProcessorMode), set(DocumentKind))
    assert set(status) == set(JobStatus)


def test_operation_ids_are_unique_and_every_operation_has_a_description(document):
    found = list(operations(document).values())

    assert len({operation["operationId"] for operation in found}) == len(found)
    assert all(operation["description"] for operation in found)


@pytest.mark.parametrize("route", sorted(ROUTES - {("GET", path) for path in PUBLIC}))
def test_every_guarded_operation_tells_of_token_tenant_scope_and_errors(document, route):
    operation = operations(document)[route]
    tenant = [item for item in operation["parameters"] if item["name"] == "x-tenantid"]
    done = "204" if route[0] == "DELETE" else "200"
    statuses = {done, "401", "403", "422", "429", "500", "503"}

    assert operation["security"] == [{"bearer": []}]
    assert "bearer" in document["components"]["securitySchemes"]
    assert (tenant[0]["in"], tenant[0]["required"]) == ("header", True)
    assert operation["x-required-scope"] in {"knowledge:read", "knowledge:write"}
    assert statuses <= set(operation["responses"])
    assert ("400" in operation["responses"]) == ("requestBody" in operation)
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            (content,) = response["content"].values()
            assert content["schema"] == {"$ref": "#/components/schemas/ErrorBody"}


@pytest.mark.parametrize(
    ("path", "model", "examples"),
    [
        ("space-listing", SpaceListingBody, [CREDENTIALS]),
        ("upload", UploadBody, list(UPLOADS.values())),
        ("search", SearchBody, [SEARCH]),
    ],
)
def test_the_examples_fit_the_described_bodies(document, path, model, examples):
    operation = operations(document)[("POST", f"/v2/confluence/{path}")]
    body = operation["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    described = document["components"]["schemas"][model.__name__]
    validator = Draft202012Validator(resolve(document, schema))

    assert body["required"] is True
    assert described["examples"]
    for example in [*examples, *described["examples"]]:
        validator.validate(example)
        model.model_validate(example)
    assert not validator.is_valid({})


async def test_the_answers_fit_the_described_answers(client, world, document):
    world.jobs.stored[make_job().ref] = make_job()
    calls = [
        ("POST", "/v2/confluence/space-listing", CREDENTIALS),
        ("POST", "/v2/confluence/upload", UPLOADS["curl"]),
        ("POST", "/v2/confluence/search", SEARCH),
        ("GET", "/v2/confluence/jobs", None),
        ("GET", "/v2/confluence/jobs/{job_id}", None),
        ("GET", "/v2/confluence/jobs/{job_id}/failures", None),
        ("POST", "/v2/confluence/jobs/{job_id}/cancel", None),
        ("GET", "/healthz", None),
        ("GET", "/readyz", None),
    ]
    for method, path, body in calls:
        response = await client.request(method, path.replace("{job_id}", "job-a"), json=body)
        content = operations(document)[(method, path)]["responses"]["200"]["content"]
        schema = resolve(document, content["application/json"]["schema"])
        assert response.status_code == 200
        Draft202012Validator(schema).validate(response.json())
    spaces = operations(document)[("POST", "/v2/confluence/space-listing")]["responses"]["200"]
    schema = resolve(document, spaces["content"]["application/json"]["schema"])
    Draft202012Validator(schema).validate(SPACES_ANSWER)


class Page(HTMLParser):
    """Collects what a page loads, links to and defines."""

    def __init__(self, text) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: set[str | None] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        values = dict(attrs)
        self.links += [values[name] or "" for name in ("href", "src") if name in values]
        self.ids.add(values.get("id"))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


async def test_the_reference_page_needs_no_other_host_and_no_script(client):
    response = await client.get("/docs")

    page = Page(response.text)
    assert response.headers["content-type"].startswith("text/html")
    assert "script" not in page.tags
    assert page.open == []
    assert "openapi.json" in page.links
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= page.ids
    assert all(link.startswith("#") or link == "openapi.json" for link in page.links)


async def test_the_reference_page_shows_every_route_and_field(client):
    text = (await client.get("/docs")).text

    for method, path in ROUTES:
        assert f"<code>{method} {path}</code>" in text
    for field in (
        "authorization.api_token",
        "sync_config.last_sync",
        "content_restriction.audience",
    ):
        assert f"<code>{field}</code>" in text
    assert "knowledge:write" in text
    assert "&quot;auto&quot; | &quot;manual&quot;" in text


async def test_a_client_may_speak_to_the_application_under_any_host():
    async with open_client(World()) as client:
        response = await client.get(httpx2.URL("http://10.1.2.3:99/healthz"))

    assert response.status_code == 200
