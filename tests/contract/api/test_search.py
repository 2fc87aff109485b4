from datetime import UTC, datetime

import pytest

from headwater.domain.access import OPEN, Clause, Scope, ScopeRule, account, email, group
from headwater.domain.content import Chunk, DocumentKind, DocumentMetadata
from headwater.domain.ids import (
    ContentId,
    Namespace,
    SiteId,
    SpaceKey,
    TenantId,
    make_document_id,
)
from headwater.ports import Record, StoreBatch, StoredDocument
from tests.contract.api.examples import SEARCH, SEARCH_PATH, changed
from tests.contract.api.fakes import (
    OTHER_TENANT,
    TENANT,
    headers_for,
    make_token,
)

SITE = SiteId("acme")
OWNER = TenantId(TENANT)


async def put(world, name, scope="s:acme:1", ocr_confidence=None, **changes):
    document_id = make_document_id(SITE, ContentId(name))
    values = {
        "document_id": document_id,
        "site": SITE,
        "content_id": ContentId(name),
        "page_id": ContentId(name),
        "kind": DocumentKind.PAGE,
        "space": SpaceKey("KB"),
        "title": f"Page {name}",
        "source_url": f"https://acme.atlassian.net/wiki/pages/{name}",
        "version": 3,
        "last_modified": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "labels": frozenset(),
        "author_id": None,
        "access_scope": scope,
    }
    chunk = Chunk(
        0,
        ("Accounts", "Passwords"),
        f"reset password {name}",
        "embedded",
        "hash",
        ocr_confidence,
    )
    stored = StoredDocument(DocumentMetadata(**{**values, **changes}), (Record(chunk, [1.0, 0.0]),))
    await world.store.apply(Namespace(OWNER), StoreBatch(upserts=(stored,)))
    world.catalog.scopes[document_id] = Scope(scope)


def allow(world, scope, *clauses: Clause):
    rules = world.catalog.rules.setdefault(OWNER, {})
    rules[Scope(scope)] = ScopeRule(Scope(scope), clauses)


async def titles(client, token=None, **changes):
    headers = headers_for(token) if token else {}
    response = await client.post(SEARCH_PATH, json={**SEARCH, **changes}, headers=headers)
    assert response.status_code == 200, response.text
    return {result["title"] for result in response.json()["results"]}


async def test_a_result_has_exactly_the_promised_fields(client, world):
    allow(world, "s:acme:1", OPEN)
    await put(world, "7")

    response = await client.post(SEARCH_PATH, json=SEARCH)

    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"results", "took_ms"}
    assert isinstance(answer["took_ms"], int)
    (result,) = answer["results"]
    assert isinstance(result.pop("score"), float)
    assert result == {
        "id": "confluence:acme:7#0",
        "text": "reset password 7",
        "title": "Page 7",
        "heading_path": ["Accounts", "Passwords"],
        "source_url": "https://acme.atlassian.net/wiki/pages/7",
        "space": "KB",
        "page_id": "7",
        "version": 3,
        "last_modified": "2026-01-02T03:04:05.000Z",
    }


async def test_an_attachment_names_itself_and_its_page(client, world):
    allow(world, "s:acme:1", OPEN)
    await put(
        world,
        "att9",
        kind=DocumentKind.ATTACHMENT,
        page_id=ContentId("7"),
        attachment_id=ContentId("att9"),
    )

    (result,) = (await client.post(SEARCH_PATH, json=SEARCH)).json()["results"]

    assert (result["page_id"], result["attachment_id"]) == ("7", "att9")


async def test_a_result_that_ocr_read_says_how_sure_it_was(client, world):
    allow(world, "s:acme:1", OPEN)
    await put(world, "att9", kind=DocumentKind.ATTACHMENT, ocr_confidence=0.93)

    (result,) = (await client.post(SEARCH_PATH, json=SEARCH)).json()["results"]

    assert result["ocr_confidence"] == 0.93


async def test_filters_narrow_and_empty_lists_filter_nothing(client, world):
    allow(world, "s:acme:1", OPEN)
    await put(world, "1", labels=frozenset({"howto"}))
    await put(world, "2", kind=DocumentKind.BLOGPOST, space=SpaceKey("IT"))
    both = {"Page 1", "Page 2"}

    assert await titles(client, labels=[], content_types=[], space="", modified_after="") == both
    assert await titles(client, labels=None, top_k=None, space=None, content_types=None) == both
    assert await titles(client, labels=["howto", "other"]) == {"Page 1"}
    assert await titles(client, space="IT") == {"Page 2"}
    assert await titles(client, content_types=["blogpost"]) == {"Page 2"}
    assert await titles(client, modified_after="2026-06-01") == set()
    assert len(await titles(client, top_k=1)) == 1


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, {"Page open"}),
        ({"groups": ["staff"]}, {"Page open", "Page staff"}),
        ({"groups": ["Staff", "all", "everyone", ""]}, {"Page open"}),
        ({"email": "ANN@acme.com"}, {"Page open", "Page ann"}),
        ({"confluence_account_id": "acc-1"}, {"Page open", "Page account"}),
        ({"sub": "acc-1"}, {"Page open"}),
        ({"sub": "ann@acme.com"}, {"Page open"}),
    ],
)
async def test_a_reader_is_who_the_token_says_and_nobody_else(client, world, claims, expected):
    allow(world, "s:acme:1", OPEN)
    await put(world, "open")
    for name, principal in (
        ("staff", group("staff")),
        ("ann", email("ann@acme.com")),
        ("account", account("acc-1")),
    ):
        allow(world, f"r:acme:{name}", frozenset({principal}))
        await put(world, name, scope=f"r:acme:{name}")

    assert await titles(client, make_token(**claims)) == expected


async def test_a_body_cannot_name_a_reader(client, world):
    allow(world, "r:acme:staff", frozenset({group("staff")}))
    await put(world, "staff", scope="r:acme:staff")

    assert await titles(client, groups=["staff"], reader={"groups": ["staff"]}) == set()


async def test_another_tenant_finds_nothing(client, world):
    allow(world, "s:acme:1", OPEN)
    await put(world, "1")
    headers = headers_for(make_token(tenant_id=OTHER_TENANT), tenant=OTHER_TENANT)
    body = changed(SEARCH, "pinecone_config.tenant_id", OTHER_TENANT)

    response = await client.post(SEARCH_PATH, json=body, headers=headers)

    assert response.json()["results"] == []
