"""The server that stands in for Pinecone speaks as Pinecone's own documents say."""

from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml

from headwater.adapters.embedders.pinecone import PineconeEmbedder
from headwater.adapters.pinecone.store import open_store
from headwater.domain.errors import ConfigError
from headwater.domain.secrets import Secret
from headwater.ports import EmbeddingKind, StoreBatch
from tests.contract.records import ACME, ask, document_id, make_document, make_metadata
from tests.pinecone.filters import BadFilterError, matches
from tests.pinecone.opening import (
    INDEX,
    open_fresh_store,
    open_ledger,
    open_pinecone_store,
)
from tests.pinecone.server import KEY, run_pinecone

DOCUMENTS = Path(__file__).parents[2] / "../shared/data/pinecone-openapi"


@pytest.fixture(scope="module")
def running():
    with run_pinecone() as server:
        yield server


@cache
def load(document):
    raw = yaml.safe_load((DOCUMENTS / document).read_text())
    return raw["paths"], raw["components"]


def list_schemas(method, route):
    """Return the schemas of what a call sends and of what it gets; ``None`` where there is no body."""
    data = route.removeprefix("/{index}")
    is_data, is_inference = data != route, route in {"/embed", "/models/{name}"}
    part = "db_data" if is_data else "inference" if is_inference else "db_control"
    paths, components = load(f"{part}_2026-07.transcribed.oas.yaml")
    named = data.replace("{name}", "{model_name}" if is_inference else "{index_name}")
    operation = paths[named][method.lower()]
    answers = operation["responses"]
    (answer,) = [answers[code] for code in ("200", "201", "202") if code in answers]
    for body in (operation.get("requestBody"), answer):
        schema = body and body["content"]["application/json"]["schema"]
        yield schema and {**schema, "components": components}


async def use_everything(store):
    await store.apply(ACME, StoreBatch(upserts=(make_document(1, "one", "two"),)))
    await store.apply(ACME, StoreBatch(upserts=(make_document(1, "uno"),)))
    await store.apply(ACME, StoreBatch(metadata=(make_metadata(1, labels=frozenset({"new"})),)))
    await store.read_vectors(ACME, [document_id(1)])
    await store.query(ACME, ask("one", labels=frozenset({"new"})))
    await store.list_documents(ACME)
    guarded = StoreBatch(deletions=(document_id(1),), deleted_from=make_metadata(1).space)
    await store.apply(ACME, guarded)
    await store.check()
    await store.drop(ACME)


@pytest.mark.skipif(
    not DOCUMENTS.is_dir(), reason="Pinecone's OpenAPI documents are not on this machine"
)
async def test_every_exchange_is_as_the_documents_have_it(running, tmp_path):
    async with open_fresh_store(running, tmp_path) as store:
        await use_everything(store)
        async with open_pinecone_store(running, store.ledger):
            pass
    embedder = await PineconeEmbedder.open(api_key=Secret(KEY), host=running.url, model=None)
    await embedder.embed(["one", "two"], kind=EmbeddingKind.PASSAGE)
    await embedder.close()
    routes = {(method, route) for method, route, _, _ in running.exchanges}
    assert len(routes) == 12, routes
    for method, route, body, answer in running.exchanges:
        asked, told = list_schemas(method, route)
        if asked:
            jsonschema.validate(body, asked)
        jsonschema.validate(answer, told)


async def test_a_stranger_is_refused(running, tmp_path):
    running.reset()
    async with open_ledger(tmp_path) as ledger:
        with pytest.raises(ConfigError, match="HEADWATER_PINECONE_API_KEY"):
            async with open_store(
                api_key=Secret("wrong"), host=running.url, index=INDEX, dimension=3, ledger=ledger
            ):
                pytest.fail("it opened")


@pytest.mark.parametrize(
    "filter_",
    [
        {},
        {"a": {}},
        {"a": ["x"]},
        {"a": {"$eq": ["x"]}},
        {"a": {"$in": []}},
        {"a": {"$in": ["x"] * 10_001}},
        {"a": {"$gt": "x"}},
        {"a": {"$ne": "x"}},
        {"a": {"$nin": ["x"]}},
        {"a": {"$exists": False}},
        {"$and": []},
        {"$not": {"a": "x"}},
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_filter_that_is_refused_or_undocumented_is_refused(filter_):
    with pytest.raises(BadFilterError):
        matches(filter_, {"a": "x"})


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ({"a": "x"}, True),
        ({"a": {"$in": ["y", "x"]}}, True),
        ({"list": {"$in": ["two"]}}, True),
        ({"list": {"$eq": "three"}}, False),
        ({"absent": {"$in": ["x"]}}, False),
        ({"n": {"$gt": 1, "$lt": 3}}, True),
        ({"absent": {"$gt": 1}}, False),
        ({"a": "x", "n": 3}, False),
        ({"$or": [{"a": "y"}, {"n": 2}]}, True),
        ({"$and": [{"a": "x"}, {"n": 3}]}, False),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_filters_mean_what_the_documentation_says(filter_, found):
    assert matches(filter_, {"a": "x", "list": ["one", "two"], "n": 2.0}) is found
