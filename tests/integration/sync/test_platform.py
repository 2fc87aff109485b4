"""The platform's own endpoints over a real index: what is in, what failed, and deleting by list."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.domain.errors import DocumentError, FailureType
from headwater.domain.jobs import ContentRestriction
from headwater.services import inventory
from tests.integration.sync.lab import KEY, TENANT, Lab, pages
from tests.integration.sync.serving import call_lab

CONFIG = {"rezolve_domain": "lab", "tenant_id": str(TENANT)}
READ = "knowledge:read"


async def get_vectors(client) -> dict[str, Any]:
    answer = await client.post("/v2/get-vectors?platform_type=confluence", json=CONFIG)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"success", "message", "data", "timestamp"}
    data: dict[str, Any] = answer.json()["data"]
    return data


async def get_failed(client) -> dict[str, Any]:
    body = {"pinecone_config": CONFIG, "platform_type": "confluence"}
    answer = await client.post("/v2/failed-files", json=body)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_what_is_in_is_listed_with_what_a_keeper_wants_to_know(lab: Lab, monkeypatch) -> None:
    monkeypatch.setattr(inventory, "AT_ONCE", 2)
    (page,) = pages(lab.world, 1)
    lab.world.attach(page, "notes.txt", b"needle", media_type="text/plain")
    post = lab.world.create_blogpost(KEY, "News", "<p>n</p>").id
    async with call_lab(lab) as client:
        assert await get_vectors(client) == {
            "documents": [],
            "total": 0,
            "platform_type": "confluence",
        }
        await lab.sync()
        data = await get_vectors(client)
    by_title = {item["title"]: item for item in data["documents"]}
    assert (data["total"], data["platform_type"]) == (3, "confluence")
    assert by_title["notes.txt"]["metadata"]["file_type"] == "text/plain"
    assert by_title["notes.txt"]["metadata"]["file_size"] == len(b"needle")
    assert by_title["News"]["metadata"]["file_type"] == "blogpost"
    shown = by_title["Page 0"]
    assert set(shown) == {
        "id",
        "title",
        "source_url",
        "platform_type",
        "chunk_count",
        "metadata",
        "ingested_at",
    }
    made = lab.world.tree.contents[page].created_at
    assert datetime.fromisoformat(shown["metadata"]["created_at"]) == made.astimezone(UTC)
    assert (shown["metadata"]["file_type"], shown["metadata"]["file_size"]) == ("page", None)
    assert shown["metadata"]["author"]
    assert (shown["chunk_count"], shown["id"].rpartition(":")[2]) == (1, page)
    assert post in {item["id"].rpartition(":")[2] for item in data["documents"]}


async def test_a_reader_is_told_of_what_he_may_read_a_keeper_of_everything(lab: Lab) -> None:
    pages(lab.world, 2)
    await lab.sync(restriction=ContentRestriction(audience=("staff",)))
    async with call_lab(lab, scope=READ) as client:
        assert (await get_vectors(client))["total"] == 0
    async with call_lab(lab) as client:
        assert (await get_vectors(client))["total"] == 2


async def test_what_failed_is_listed_until_it_comes_in(lab: Lab, monkeypatch) -> None:
    (page,) = pages(lab.world, 1)

    async def away(*_args):
        raise DocumentError(FailureType.STORE_ERROR, "the disk is full; free some")

    async with call_lab(lab) as client:
        for attempt in range(2):
            with monkeypatch.context() as patch:
                patch.setattr(type(lab.ports.store), "apply", away)
                await lab.sync()
            data = await get_failed(client)
            (failed,) = data["failed_files"]
            assert (data["total"], failed["retry_count"]) == (1, attempt)
        assert failed["file_id"].endswith(page)
        assert (failed["file_name"], failed["error_type"]) == ("Page 0", "STORE_ERROR")
        assert "disk is full" in failed["error_message"]
        await lab.sync()
        assert (await get_failed(client))["failed_files"] == []


async def test_deleting_by_list_says_what_went_and_what_was_not_there(lab: Lab) -> None:
    first, second, third = pages(lab.world, 3)
    await lab.sync()
    async with call_lab(lab) as client:
        documents = (await get_vectors(client))["documents"]
        ids = {item["id"].rpartition(":")[2]: item["id"] for item in documents}
        links = {item["id"].rpartition(":")[2]: item["source_url"] for item in documents}
        body = {
            "platform_type": "confluence",
            "ids": [f"{ids[first]}#0", "nowhere#0"],
            "source_urls": [links[second], "https://other.example/wiki/x/abc"],
            "pinecone_config": CONFIG,
        }
        answer = await client.post("/v2/delete", json=body)
        again = await client.post("/v2/delete", json=body)
        left = await get_vectors(client)
        nothing = await client.post("/v2/delete", json={**body, "ids": [], "source_urls": None})
    assert answer.status_code == 200
    assert answer.json()["successful"] == [f"{ids[first]}#0", f"{ids[second]}#0"]
    assert [item["id"] for item in answer.json()["failed"]] == [
        "nowhere#0",
        "https://other.example/wiki/x/abc",
    ]
    assert (again.json()["successful"], len(again.json()["failed"])) == ([], 4)
    assert [item["id"] for item in left["documents"]] == [ids[third]]
    assert nothing.status_code == 422


@pytest.mark.parametrize("platform", ["sharepoint", "", None, 1])
async def test_another_platform_is_422(lab: Lab, platform) -> None:
    body = {"pinecone_config": CONFIG, "platform_type": platform, "ids": ["a#0"]}
    async with call_lab(lab) as client:
        for path in ("/v2/delete", "/v2/failed-files"):
            answer = await client.post(path, json=body)
            assert answer.status_code == 422
            assert answer.json()["detail"][0]["loc"] == ["body", "platform_type"]
        answer = await client.post(f"/v2/get-vectors?platform_type={platform}", json=CONFIG)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["query", "platform_type"]
        absent = await client.post("/v2/get-vectors", json=CONFIG)
        assert absent.json()["detail"][0]["type"] == "value_error.missing"


async def test_a_receipt_has_the_promised_fields(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    await lab.sync()
    url = f"{lab.site.web_url}/spaces/{KEY}/pages/{page}"
    body = {"source_url": url, "pinecone_config": CONFIG}
    async with call_lab(lab) as client:
        answer = await client.post("/v2/confluence/delete", json=body)
        again = await client.post("/v2/confluence/delete", json=body)
        broken = await client.post(
            "/v2/confluence/delete", json={**body, "sync_config": {"incremental": "true"}}
        )
    receipt = answer.json()
    assert answer.status_code == 200
    assert set(receipt) == {"success", "message", "data", "timestamp"}
    assert receipt["data"] | {"deleted_at": ""} == {
        "source_url": url,
        "documents_deleted": 1,
        "vectors_removed": 1,
        "deleted_at": "",
    }
    assert again.status_code == 404
    assert again.json()["detail"][0]["loc"] == ["body", "source_url"]
    assert ["body", "sync_config", "incremental"] in [
        item["loc"] for item in broken.json()["detail"]
    ]
