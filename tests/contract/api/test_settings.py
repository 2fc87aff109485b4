"""Sync configurations and the blacklist, over a real catalog."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from headwater.adapters.catalog.stores import CatalogStores, open_catalog
from headwater.adapters.extraction.memory import MemoryExtractor
from headwater.domain.errors import SourceUnreachableError
from headwater.domain.jobs import ProcessorMode
from headwater.domain.settings import SyncSettings
from tests.contract.api.examples import CURL, UPLOAD_PATH, changed
from tests.contract.api.fakes import (
    OTHER_TENANT,
    World,
    assert_refused,
    headers_for,
    make_token,
    open_client,
)

CONFIGURATIONS = "/v2/confluence/sync-configurations"
BLACKLIST = "/v2/confluence/blacklist"
PLACE = ("body", "sync_config", "sync_configuration_id")
EVERYTHING = {
    "content_types": ["page", "attachment"],
    "include_labels": ["handbook"],
    "exclude_labels": ["draft", "old"],
    "root_pages": ["65539", "70000"],
    "chunk_tokens": 200,
    "chunk_overlap": 20,
    "attachment_types": ["docx", "pdf"],
    "max_attachment_bytes": 1_000_000,
    "ocr_languages": ["en", "de"],
    "concurrency": 4,
    "include_archived": True,
    "schedule": "0 3 * * *",
}
NOTHING: dict[str, Any] = {
    "content_types": [],
    "include_labels": [],
    "exclude_labels": [],
    "root_pages": [],
    "chunk_tokens": None,
    "chunk_overlap": None,
    "attachment_types": [],
    "max_attachment_bytes": None,
    "ocr_languages": [],
    "concurrency": None,
    "include_archived": False,
    "schedule": None,
}


@dataclass
class SettingsWorld(World):
    """A world whose settings are kept in a real catalog."""

    stores: CatalogStores | None = None

    def ports(self):
        assert self.stores
        return replace(
            super().ports(),
            configurations=self.stores.configurations,
            blacklist=self.stores.blacklist,
            extractor=MemoryExtractor(),
        )


@pytest.fixture
async def world(tmp_path):
    stores = await open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    yield SettingsWorld(stores=stores)
    await stores.close()


@pytest.fixture
async def client(world):
    async with open_client(world) as client:
        yield client


async def put(client, settings: Any, name: str = "nightly"):
    return await client.put(f"{CONFIGURATIONS}/{name}", json={"settings": settings})


async def test_a_configuration_comes_back_as_it_was_put(client):
    stored = await put(client, EVERYTHING)

    assert stored.status_code == 200
    assert stored.json()["id"] == "nightly"
    assert stored.json()["settings"] == EVERYTHING
    assert (await client.get(f"{CONFIGURATIONS}/nightly")).json() == stored.json()
    assert (await client.get(CONFIGURATIONS)).json() == {"sync_configurations": [stored.json()]}


async def test_what_get_answers_can_be_put_again(client):
    stored = (await put(client, {})).json()

    again = await client.put(f"{CONFIGURATIONS}/nightly", json=stored)

    assert stored["settings"] == NOTHING
    assert again.json()["settings"] == NOTHING


async def test_settings_may_stand_in_the_body_without_a_wrapper(client):
    stored = await client.put(f"{CONFIGURATIONS}/nightly", json=EVERYTHING)

    assert stored.json()["settings"] == EVERYTHING


async def test_putting_replaces_every_setting_and_keeps_the_time_of_creation(client):
    first = (await put(client, EVERYTHING)).json()
    second = (await put(client, {"concurrency": 2})).json()

    assert second["settings"] == {**NOTHING, "concurrency": 2}
    assert second["created_at"] == first["created_at"]


async def test_what_is_null_or_an_empty_text_is_absent(client):
    absent = dict.fromkeys(NOTHING) | {"schedule": ""}

    assert (await put(client, absent)).json()["settings"] == NOTHING


async def test_settings_are_kept_in_one_form(client):
    stored = await put(
        client,
        {
            "include_labels": ["HandBook"],
            "attachment_types": [".PDF", "pdf"],
            "ocr_languages": ["EN", "en"],
            "root_pages": [
                "https://acme.atlassian.net/wiki/spaces/KB/pages/65539/A+Title",
                "https://wiki.acme.com/pages/viewpage.action?pageId=70000#part",
            ],
        },
    )

    settings = stored.json()["settings"]
    assert settings["include_labels"] == ["handbook"]
    assert settings["attachment_types"] == ["pdf"]
    assert settings["ocr_languages"] == ["en"]
    assert settings["root_pages"] == ["65539", "70000"]


async def test_a_deleted_configuration_is_gone(client):
    await put(client, {})

    assert (await client.delete(f"{CONFIGURATIONS}/nightly")).status_code == 204
    gone = await client.get(f"{CONFIGURATIONS}/nightly")
    assert_refused(gone, 404, (("path",), "not_found_error"))
    assert_refused(await client.delete(f"{CONFIGURATIONS}/nightly"), 404)
    assert (await client.get(CONFIGURATIONS)).json() == {"sync_configurations": []}


UNUSABLE_SETTINGS: list[tuple[dict[str, Any], tuple[str | int, ...], str]] = [
    ({"content_types": "page"}, ("content_types",), "type_error.list"),
    ({"content_types": ["comment"]}, ("content_types", 0), "type_error.enum"),
    ({"include_labels": [1]}, ("include_labels", 0), "type_error.str"),
    ({"include_labels": [None]}, ("include_labels", 0), "type_error.none.not_allowed"),
    ({"exclude_labels": [" "]}, ("exclude_labels", 0), "value_error.any_str.min_length"),
    ({"exclude_labels": ["a"] * 1001}, ("exclude_labels",), "value_error.list.max_items"),
    ({"root_pages": [65539]}, ("root_pages", 0), "type_error.str"),
    ({"root_pages": ["A title"]}, ("root_pages", 0), "value_error.url"),
    ({"root_pages": ["ftp://a/pages/1"]}, ("root_pages", 0), "value_error.url.scheme"),
    (
        {"root_pages": ["https://a.example/display/KB/Title"]},
        ("root_pages", 0),
        "value_error.page",
    ),
    ({"root_pages": ["att123"]}, ("root_pages", 0), "value_error.url.scheme"),
    ({"chunk_tokens": "200"}, ("chunk_tokens",), "type_error.integer"),
    ({"chunk_tokens": True}, ("chunk_tokens",), "type_error.integer"),
    ({"chunk_tokens": 15}, ("chunk_tokens",), "value_error.number.not_ge"),
    ({"chunk_tokens": 257}, ("chunk_tokens",), "value_error.number.not_le"),
    ({"chunk_overlap": -1}, ("chunk_overlap",), "value_error.number.not_ge"),
    (
        {"chunk_tokens": 100, "chunk_overlap": 100},
        ("chunk_overlap",),
        "value_error.number.not_le",
    ),
    ({"chunk_overlap": 256}, ("chunk_overlap",), "value_error.number.not_le"),
    ({"attachment_types": ["a/b"]}, ("attachment_types", 0), "value_error.str.regex"),
    ({"max_attachment_bytes": 0}, ("max_attachment_bytes",), "value_error.number.not_ge"),
    (
        {"max_attachment_bytes": (100 << 20) + 1},
        ("max_attachment_bytes",),
        "value_error.number.not_le",
    ),
    ({"ocr_languages": ["en", "ru"]}, ("ocr_languages", 1), "type_error.enum"),
    ({"ocr_languages": ["english"]}, ("ocr_languages", 0), "value_error.str.regex"),
    ({"concurrency": 0}, ("concurrency",), "value_error.number.not_ge"),
    ({"concurrency": 33}, ("concurrency",), "value_error.number.not_le"),
    ({"include_archived": "true"}, ("include_archived",), "type_error.bool"),
    ({"schedule": "every night"}, ("schedule",), "value_error.cron"),
    ({"schedule": "0 3 * *"}, ("schedule",), "value_error.cron"),
    ({"schedule": "0 3 * * * *"}, ("schedule",), "value_error.cron"),
    ({"schedule": "0 0 30 2 *"}, ("schedule",), "value_error.cron"),
    ({"schedule": "R 3 * * *"}, ("schedule",), "value_error.cron"),
    ({"schedule": 3}, ("schedule",), "type_error.str"),
]


async def test_a_setting_that_cannot_be_used_is_refused_at_its_place(client):
    for settings, loc, kind in UNUSABLE_SETTINGS:
        wrapped = await put(client, settings)
        bare = await client.put(f"{CONFIGURATIONS}/nightly", json=settings)
        assert_refused(wrapped, 422, (("body", "settings", *loc), kind))
        assert_refused(bare, 422, (("body", *loc), kind))
    assert (await client.get(CONFIGURATIONS)).json() == {"sync_configurations": []}


async def test_a_configuration_has_a_plain_name(client):
    refused = await put(client, {}, "a name")

    assert_refused(refused, 422, (("path", "configuration_id"), "value_error.str.regex"))
    assert_refused(await client.get(f"{CONFIGURATIONS}/a%00name"), 404)
    assert (await put(client, {}, "N:1._-" + "x" * 194)).status_code == 200


async def test_neither_list_grows_without_end(client, monkeypatch):
    monkeypatch.setattr("headwater.services.settings.MAX_CONFIGURATIONS", 1)
    monkeypatch.setattr("headwater.services.settings.MAX_ENTRIES", 1)
    assert (await put(client, {})).status_code == 200
    assert (await put(client, EVERYTHING)).status_code == 200
    await client.post(BLACKLIST, json={"kind": "page", "value": "1"})

    one_more = await put(client, {}, "weekly")
    another = await client.post(BLACKLIST, json={"kind": "page", "value": "2"})
    same = await client.post(BLACKLIST, json={"kind": "page", "value": "1"})

    assert_refused(one_more, 422, (("body", "settings"), "value_error.configurations_full"))
    assert_refused(another, 422, (("body",), "value_error.blacklist_full"))
    assert same.status_code == 200


async def test_a_manual_upload_takes_the_settings_as_they_are_when_it_is_accepted(client, world):
    await put(client, EVERYTHING)
    body = changed(CURL, "sync_config.processor_mode", "manual")
    body = changed(body, "sync_config.sync_configuration_id", "nightly")

    answer = await client.post(UPLOAD_PATH, json=body)
    await put(client, {"concurrency": 1})

    assert answer.status_code == 200
    (job,) = world.jobs.stored.values()
    assert job.request.processor_mode is ProcessorMode.MANUAL
    assert job.request.settings.chunk_tokens == 200
    assert job.request.settings.concurrency == 4


async def test_a_repeated_upload_answers_its_job_although_the_configuration_has_gone(client, world):
    await put(client, EVERYTHING)
    body = changed(CURL, "sync_config.processor_mode", "manual")
    body = changed(body, "sync_config.sync_configuration_id", "nightly")
    body = changed(body, "job_id", "job-mine")
    await client.post(UPLOAD_PATH, json=body)
    await client.delete(f"{CONFIGURATIONS}/nightly")

    answer = await client.post(UPLOAD_PATH, json=body)

    assert answer.json() == "job-mine"
    assert len(world.jobs.stored) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (None, "value_error.missing"),
        ("", "value_error.missing"),
        ("unknown", "value_error.sync_configuration"),
    ],
)
@pytest.mark.parametrize("path", [UPLOAD_PATH, "/v2/confluence/plan"])
async def test_a_manual_upload_needs_a_configuration_that_exists(client, world, path, name, kind):
    world.sources.error = SourceUnreachableError("away")
    body = changed(CURL, "sync_config.processor_mode", "manual")
    body = changed(body, "sync_config.sync_configuration_id", name)

    assert_refused(await client.post(path, json=body), 422, (PLACE, kind))
    assert world.jobs.stored == {}


async def test_another_tenants_configuration_is_no_configuration(client):
    await put(client, EVERYTHING)
    other = headers_for(make_token(tenant_id=OTHER_TENANT), OTHER_TENANT)
    body = changed(CURL, "sync_config.processor_mode", "manual")
    body = changed(body, "sync_config.sync_configuration_id", "nightly")
    body = changed(body, "pinecone_config.tenant_id", OTHER_TENANT)

    read = await client.get(f"{CONFIGURATIONS}/nightly", headers=other)
    upload = await client.post(UPLOAD_PATH, json=body, headers=other)

    assert_refused(read, 404)
    assert_refused(upload, 422, (PLACE, "value_error.sync_configuration"))
    assert (await client.get(CONFIGURATIONS, headers=other)).json() == {"sync_configurations": []}


async def test_an_automatic_upload_only_records_the_id(client, world):
    await put(client, EVERYTHING)

    await client.post(
        UPLOAD_PATH, json=changed(CURL, "sync_config.sync_configuration_id", "nightly")
    )

    (job,) = world.jobs.stored.values()
    assert job.request.sync_configuration_id == "nightly"
    assert job.request.settings == SyncSettings()


async def test_a_blacklist_entry_is_answered_listed_and_removed(client):
    added = await client.post(BLACKLIST, json={"kind": "label", "value": "Secret"})

    assert added.status_code == 200
    entry = added.json()
    assert set(entry) == {"id", "kind", "value", "created_at"}
    assert (entry["kind"], entry["value"]) == ("label", "secret")
    assert (await client.get(BLACKLIST)).json() == {"entries": [entry]}
    assert (await client.delete(f"{BLACKLIST}/{entry['id']}")).status_code == 204
    assert (await client.get(BLACKLIST)).json() == {"entries": []}
    assert_refused(
        await client.delete(f"{BLACKLIST}/{entry['id']}"), 404, (("path",), "not_found_error")
    )


async def test_the_same_entry_twice_is_one(client):
    link = "https://acme.atlassian.net/wiki/spaces/KB/pages/65539/Title"
    first = await client.post(BLACKLIST, json={"kind": "page", "value": "65539"})
    again = await client.post(BLACKLIST, json={"kind": "page", "value": link})
    other = await client.post(BLACKLIST, json={"kind": "tree", "value": "65539"})

    assert again.json() == first.json()
    assert (await client.get(BLACKLIST)).json() == {"entries": [first.json(), other.json()]}


UNUSABLE_ENTRIES: list[tuple[dict[str, Any], tuple[str], str]] = [
    ({}, ("kind",), "value_error.missing"),
    ({"kind": "page"}, ("value",), "value_error.missing"),
    ({"kind": "space", "value": "KB"}, ("kind",), "type_error.enum"),
    ({"kind": None, "value": "KB"}, ("kind",), "type_error.none.not_allowed"),
    ({"kind": "page", "value": 65539}, ("value",), "type_error.str"),
    ({"kind": "page", "value": ""}, ("value",), "value_error.any_str.min_length"),
    ({"kind": "page", "value": "A title"}, ("value",), "value_error.url"),
    (
        {"kind": "tree", "value": "https://a.example/wiki/spaces/KB"},
        ("value",),
        "value_error.page",
    ),
    ({"kind": "label", "value": "a\u0000b"}, ("value",), "value_error.str.control"),
    ({"kind": "url_prefix", "value": "/wiki/spaces"}, ("value",), "value_error.url.scheme"),
    (
        {"kind": "url_prefix", "value": "https://u:p@a.example/"},
        ("value",),
        "value_error.url.userinfo",
    ),
    (
        {"kind": "url_prefix", "value": "https://a.example/x/../y"},
        ("value",),
        "value_error.url.path",
    ),
]


async def test_an_entry_that_cannot_be_used_is_refused_at_its_place(client):
    for body, loc, kind in UNUSABLE_ENTRIES:
        assert_refused(await client.post(BLACKLIST, json=body), 422, (("body", *loc), kind))
    assert (await client.get(BLACKLIST)).json() == {"entries": []}


async def test_another_tenants_entry_is_neither_listed_nor_removed(client):
    entry = (await client.post(BLACKLIST, json={"kind": "page", "value": "1"})).json()
    other = headers_for(make_token(tenant_id=OTHER_TENANT), OTHER_TENANT)

    assert (await client.get(BLACKLIST, headers=other)).json() == {"entries": []}
    assert_refused(await client.delete(f"{BLACKLIST}/{entry['id']}", headers=other), 404)
    assert (await client.get(BLACKLIST)).json() == {"entries": [entry]}


ROUTES = [
    ("GET", CONFIGURATIONS),
    ("GET", f"{CONFIGURATIONS}/nightly"),
    ("PUT", f"{CONFIGURATIONS}/nightly"),
    ("DELETE", f"{CONFIGURATIONS}/nightly"),
    ("GET", BLACKLIST),
    ("POST", BLACKLIST),
    ("DELETE", f"{BLACKLIST}/{'0' * 24}"),
]


async def test_settings_need_a_token_that_may_write(client):
    reader = headers_for(make_token(scope="knowledge:read"))
    for method, path in ROUTES:
        bare = await client.request(method, path, headers={"authorization": ""}, content=b"{")
        denied = await client.request(method, path, headers=reader, content=b"{")
        assert_refused(bare, 401)
        assert_refused(denied, 403, (("header", "authorization"), "permission_error.scope"))


async def test_a_body_that_is_no_object_is_400_before_its_fields_count(client):
    for send, path in ((client.put, f"{CONFIGURATIONS}/a name"), (client.post, BLACKLIST)):
        assert_refused(await send(path, json=[]), 400, (("body",), "type_error.dict"))
