"""Spaces and documents over HTTP: always with the eyes of the token's reader."""

from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace

import pytest

from headwater.adapters.catalog.stores import open_catalog
from headwater.api.application import create_app
from headwater.domain.access import OPEN, ScopeRule, group, restricted_scope
from headwater.domain.ids import ContentId, JobId, Namespace, TenantId
from headwater.domain.jobs import JobChange, JobRef
from headwater.ports import StoreBatch, StoredDocument
from tests.contract.api.fakes import (
    OTHER_TENANT,
    TENANT,
    World,
    assert_refused,
    call_app,
    headers_for,
    make_settings,
    make_token,
)
from tests.contract.catalog_samples import (
    OPEN_SCOPE,
    SITE,
    SPACE,
    add_running_job,
    document_id,
    make_metadata,
    make_result,
    make_space,
)
from tests.contract.records import make_record

REF = JobRef(TenantId(TENANT), JobId("one"))
SECRET = restricted_scope(SITE, ContentId("2"))
TEXTS = [f"paragraph {number}" for number in range(5)]
SPACES, DOCUMENT = "/v2/confluence/spaces", "/v2/confluence/document"


@pytest.fixture
async def app(tmp_path):
    """One open page and one of the board's, in a real catalog."""
    stores = await open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    ports = replace(World().ports(), catalog=stores.catalog, library=stores.library)
    await add_running_job(stores, REF)
    rules = [
        ScopeRule(OPEN_SCOPE, (OPEN,)),
        ScopeRule(SECRET, (frozenset({group("board")}),), OPEN_SCOPE),
    ]
    await stores.catalog.put_space(REF.tenant, make_space())
    await stores.catalog.put_scope_rules(REF.tenant, SPACE, SITE, rules)
    pages = [make_metadata(1), make_metadata(2, access_scope=SECRET)]
    records = tuple(make_record(at, text, [1.0, 0.0]) for at, text in enumerate(TEXTS))
    batch = StoreBatch(upserts=tuple(StoredDocument(page, records) for page in pages))
    await ports.store.apply(Namespace(REF.tenant), batch)
    hashes = tuple(f"h{at}" for at in range(len(TEXTS)))
    results = [make_result(0, metadata=page, chunk_hashes=hashes) for page in pages]
    await stores.catalog.record(REF, results, JobChange())
    app = create_app(make_settings(), lambda: nullcontext(ports))
    async with app.router.lifespan_context(app):
        yield app
    await stores.close()


@asynccontextmanager
async def calling(app, *groups, tenant=TENANT, scope="knowledge:read knowledge:write"):
    token = make_token(groups=list(groups), tenant_id=tenant, scope=scope)
    async with call_app(app) as client:
        client.headers.update(headers_for(token, tenant))
        yield client


@pytest.mark.parametrize(("groups", "documents"), [([], 1), (["board"], 2)])
async def test_spaces_count_what_the_reader_may_see(app, groups, documents):
    async with calling(app, *groups) as client:
        (space,) = (await client.get(SPACES)).json()["spaces"]
    assert (space["key"], space["name"], space["documents"]) == ("ENG", "Engineering", documents)


async def test_another_tenant_sees_no_space_and_no_document(app):
    async with calling(app, "board", tenant=OTHER_TENANT) as client:
        assert (await client.get(SPACES)).json() == {"spaces": []}
        found = await client.get(DOCUMENT, params={"document": document_id(1)})
    assert_refused(found, 404)


@pytest.mark.parametrize(
    "name",
    [
        document_id(1),
        f"{document_id(1)}#3",
        "https://wiki.acme.example/spaces/ENG/pages/1/Any+title",
        "https://wiki.acme.example/pages/viewpage.action?pageId=1",
    ],
)
async def test_a_document_is_read_by_any_of_its_names(app, name):
    async with calling(app) as client:
        found = (await client.get(DOCUMENT, params={"document": name})).json()
    assert (found["id"], found["title"], found["complete"]) == (document_id(1), "Page 1", True)
    assert found["markdown"].endswith("\n\n".join(TEXTS))
    assert (found["chunk_count"], found["next"]) == (5, None)


async def test_a_long_document_comes_in_parts_that_make_the_whole(app):
    query = {"document": document_id(1), "limit": "2", "cursor": ""}
    parts: list[dict[str, str]] = []
    async with calling(app) as client:
        while not parts or parts[-1]["next"]:
            parts.append((await client.get(DOCUMENT, params=query)).json())
            query["cursor"] = parts[-1]["next"]
    lines = [line for part in parts for line in part["markdown"].split("\n\n")]
    assert [line for line in lines if "#" not in line] == TEXTS


async def test_a_part_behind_the_end_is_empty(app):
    async with calling(app) as client:
        query = {"document": document_id(1), "cursor": "999"}
        part = (await client.get(DOCUMENT, params=query)).json()
    assert (part["markdown"], part["next"]) == ("", None)


@pytest.mark.parametrize("name", [document_id(2), document_id(9), "https://wiki.acme.example/x/Ag"])
async def test_what_the_reader_may_not_see_is_as_unknown_as_what_is_not_there(app, name):
    async with calling(app, "staff") as client:
        refused = await client.get(DOCUMENT, params={"document": name})
    assert_refused(refused, 404, (("path",), "not_found_error"))
    assert "not yours to read" in refused.text
    async with calling(app, "board") as client:
        found = await client.get(DOCUMENT, params={"document": name})
    assert found.status_code == (404 if name == document_id(9) else 200)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ({}, "value_error.missing"),
        ({"document": " "}, "value_error.any_str.min_length"),
        ({"document": "https://["}, "value_error.url.host"),
        ({"document": "https://wiki.acme.example/spaces/ENG"}, "value_error.url.content"),
        ({"document": "x" * 3000}, "value_error.any_str.max_length"),
    ],
)
async def test_a_name_that_names_no_document_is_refused_at_its_place(app, query, kind):
    async with calling(app) as client:
        refused = await client.get(DOCUMENT, params=query)
    assert_refused(refused, 422, (("query", "document"), kind))


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"limit": "0"}, {"limit": "251"}])
async def test_a_part_that_cannot_be_is_refused(app, query):
    async with calling(app) as client:
        refused = await client.get(DOCUMENT, params={"document": "1", **query})
    assert refused.status_code == 422
