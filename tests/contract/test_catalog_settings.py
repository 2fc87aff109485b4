"""Sync configurations and the blacklist: what is stored is what was said, tenant by tenant."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, TenantId
from headwater.domain.settings import (
    BlacklistEntry,
    BlacklistEntryId,
    BlacklistKind,
    SyncConfiguration,
    SyncConfigurationId,
    SyncSettings,
)
from tests.contract.catalog_samples import ENGINES, NOW, make_job, make_ref, open_engine

TENANT = make_ref().tenant
OTHER_TENANT = TenantId("6e5d1a0c-0000-4000-8000-0000000000ff")
FULL = SyncSettings(
    content_types=frozenset({DocumentKind.PAGE}),
    include_labels=frozenset({"kb"}),
    exclude_labels=frozenset({"draft", "old"}),
    root_pages=frozenset({ContentId("7")}),
    chunk_tokens=128,
    chunk_overlap=0,
    attachment_types=frozenset({"pdf"}),
    max_attachment_bytes=1000,
    ocr_languages=("de", "en"),
    concurrency=2,
    include_archived=True,
    schedule="0 3 * * *",
)
CONFIGURATION = SyncConfiguration(SyncConfigurationId("nightly"), FULL, NOW, NOW)
ENTRY = BlacklistEntry(BlacklistEntryId("e1"), BlacklistKind.LABEL, "secret", NOW)


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("settings", [FULL, SyncSettings()], ids=["full", "empty"])
async def test_a_configuration_is_read_as_it_was_put(stores, settings):
    configuration = replace(CONFIGURATION, settings=settings)
    await stores.configurations.put(TENANT, configuration)
    assert await stores.configurations.find(TENANT, configuration.id) == configuration
    assert await stores.configurations.list(TENANT) == [configuration]


async def test_replacing_a_configuration_keeps_its_creation_time(stores):
    later = NOW + timedelta(days=1)
    await stores.configurations.put(TENANT, CONFIGURATION)
    changed = SyncConfiguration(CONFIGURATION.id, SyncSettings(), later, later)
    await stores.configurations.put(TENANT, changed)
    assert await stores.configurations.list(TENANT) == [replace(changed, created_at=NOW)]


async def test_a_configuration_is_removed_once(stores):
    await stores.configurations.put(TENANT, CONFIGURATION)
    assert await stores.configurations.remove(TENANT, CONFIGURATION.id)
    assert not await stores.configurations.remove(TENANT, CONFIGURATION.id)
    assert await stores.configurations.find(TENANT, CONFIGURATION.id) is None


async def test_the_same_entry_twice_is_one_entry(stores):
    assert await stores.blacklist.add(TENANT, ENTRY) == ENTRY
    again = replace(ENTRY, id=BlacklistEntryId("e2"), created_at=NOW + timedelta(hours=1))
    assert await stores.blacklist.add(TENANT, again) == ENTRY
    assert await stores.blacklist.list(TENANT) == [ENTRY]


async def test_entries_are_listed_oldest_first_and_removed_by_id(stores):
    first = replace(ENTRY, id=BlacklistEntryId("z"), value="first")
    second = replace(
        ENTRY, id=BlacklistEntryId("a"), value="second", created_at=NOW + timedelta(seconds=1)
    )
    await stores.blacklist.add(TENANT, second)
    await stores.blacklist.add(TENANT, first)
    assert await stores.blacklist.list(TENANT) == [first, second]
    assert await stores.blacklist.remove(TENANT, first.id)
    assert not await stores.blacklist.remove(TENANT, first.id)
    assert await stores.blacklist.list(TENANT) == [second]


async def test_one_tenants_settings_are_nobody_elses(stores):
    await stores.configurations.put(TENANT, CONFIGURATION)
    await stores.blacklist.add(TENANT, ENTRY)
    assert await stores.configurations.find(OTHER_TENANT, CONFIGURATION.id) is None
    assert await stores.configurations.list(OTHER_TENANT) == []
    assert await stores.blacklist.list(OTHER_TENANT) == []
    assert not await stores.configurations.remove(OTHER_TENANT, CONFIGURATION.id)
    assert not await stores.blacklist.remove(OTHER_TENANT, ENTRY.id)
    assert await stores.blacklist.list(TENANT) == [ENTRY]


async def test_a_job_keeps_the_settings_it_was_accepted_with(stores):
    job = make_job(make_ref("j1"))
    job = replace(job, request=replace(job.request, settings=FULL))
    await stores.jobs.add(job, None)
    assert (await stores.jobs.find(job.ref)).request.settings == FULL
