"""LangChain and LlamaIndex, unmodified and with the SDK that they need, read the records we write."""

import asyncio
import json
from pathlib import Path

import pytest

from headwater.adapters.pinecone.filters import accept_any
from headwater.ports import StoreBatch
from tests.contract.records import (
    ACME,
    OPEN_SCOPE,
    axis,
    document_id,
    make_document,
)
from tests.pinecone.opening import INDEX, open_fresh_store
from tests.pinecone.server import KEY, run_pinecone

PYTHON = Path(__file__).parents[2] / ".readers/bin/python"
SCRIPT = Path(__file__).parent / "readers/read.py"

DOCUMENTS = (
    make_document(1, "the quokka smiles", "it eats leaves", title="Quokka"),
    make_document(2, "a wombat digs", title="Wombat", labels=frozenset(), space="ZOO"),
    make_document(3, "salaries", title="Salaries", access_scope="r:wiki.example.com:3"),
)


async def read_elsewhere(url):
    asked = {
        "url": url,
        "key": KEY,
        "index": INDEX.name,
        "namespace": ACME.name,
        "vector": axis(1),
        "filter": accept_any("access_scope", [OPEN_SCOPE]),
        "space": "ZOO",
    }
    process = await asyncio.create_subprocess_exec(
        PYTHON, SCRIPT, json.dumps(asked), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


@pytest.mark.long
@pytest.mark.skipif(not PYTHON.exists(), reason="`make readers` installs the readers")
async def test_langchain_and_llama_index_read_text_metadata_and_filter(tmp_path):
    with run_pinecone() as server:
        async with open_fresh_store(server, tmp_path) as store:
            await store.apply(ACME, StoreBatch(upserts=DOCUMENTS))
            found = await read_elsewhere(server.url)
    for reader in ("langchain", "llama_index"):
        assert {item["id"]: item["text"] for item in found[reader]} == {
            f"{document_id(1)}#0": "the quokka smiles",
            f"{document_id(1)}#1": "it eats leaves",
            f"{document_id(2)}#0": "a wombat digs",
        }
        (second,) = [item["metadata"] for item in found[reader] if item["text"] == "it eats leaves"]
        assert second["title"] == "Quokka"
        assert second["source_url"] == "https://wiki.example.com/pages/1"
        assert second["heading_path"] == ["Quokka", "A heading"]
        assert second["labels"] == ["handbook"]
        assert second["document_id"] == document_id(1)
    assert [item["text"] for item in found["llama_index_by_space"]] == ["a wombat digs"]
