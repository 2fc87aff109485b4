"""What a schedule repeats: the last upload of a space that named its configuration."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headwater.domain.errors import ConflictError
from headwater.domain.ids import JobId, SiteId, SpaceKey, TenantId
from headwater.domain.jobs import JobChange, JobRef, JobStatus
from headwater.domain.schedules import Schedule, Standing
from headwater.domain.settings import SyncConfiguration, SyncConfigurationId, SyncSettings
from tests.contract.catalog_samples import (
    ENGINES,
    NOW,
    SITE,
    SPACE,
    make_job,
    make_ref,
    make_request,
    open_engine,
)

TENANT = make_ref().tenant
OTHER_TENANT = TenantId("6e5d1a0c-0000-4000-8000-0000000000ff")
NIGHTLY = SyncConfigurationId("nightly")
STANDING = Standing(NIGHTLY, SITE)
CRON = "0 3 * * *"


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


async def configure(stores, *, tenant=TENANT, schedule=CRON):
    configuration = SyncConfiguration(NIGHTLY, SyncSettings(schedule=schedule), NOW, NOW)
    await stores.configurations.put(tenant, configuration)


async def accept(stores, name, *, tenant=TENANT, standing=STANDING, space=SPACE, **changes):
    job = make_job(make_ref(name, tenant), request=make_request(space=space), **changes)
    await stores.jobs.add(job, b"sealed", standing=standing)
    return job


async def list_names(stores):
    return [found.job_id for found in await stores.schedules.list_schedules()]


async def test_an_upload_that_named_a_configuration_with_a_schedule_is_repeated(stores):
    await configure(stores)
    job = await accept(stores, "first")
    assert await stores.schedules.list_schedules() == [
        Schedule(TENANT, NIGHTLY, SITE, SPACE, job.ref.job_id, job.created_at, CRON, NOW)
    ]
    assert await stores.schedules.uses(TENANT, job.credential_id)


async def test_nothing_is_repeated_without_a_schedule_and_all_of_it_with_the_next_one(stores):
    job = await accept(stores, "first")
    assert await list_names(stores) == []
    await configure(stores, schedule=None)
    assert await list_names(stores) == []
    assert not await stores.schedules.uses(TENANT, job.credential_id)
    await configure(stores)
    assert await list_names(stores) == ["first"]


async def test_a_newer_upload_of_a_space_takes_the_place_of_the_one_before(stores):
    await configure(stores)
    before = await accept(stores, "first")
    await accept(stores, "second")
    assert await list_names(stores) == ["second"]
    assert await stores.schedules.find_upload(TENANT, STANDING, SPACE) == "second"
    assert not await stores.schedules.uses(TENANT, before.credential_id)


async def test_each_space_of_each_confluence_is_repeated_by_itself(stores):
    await configure(stores)
    await accept(stores, "first")
    await accept(stores, "other-space", space=SpaceKey("OPS"))
    await accept(stores, "other-site", standing=replace(STANDING, site=SiteId("other.example")))
    assert sorted(await list_names(stores)) == ["first", "other-site", "other-space"]
    listed = await stores.schedules.list_uploads(TENANT, NIGHTLY)
    assert sorted(listed) == ["first", "other-site", "other-space"]


async def test_a_repetition_stands_for_what_it_repeats_only(stores):
    await configure(stores)
    await accept(stores, "first")
    await accept(stores, "again", standing=replace(STANDING, instead_of=JobId("first")))
    with pytest.raises(ConflictError):
        await accept(stores, "twice", standing=replace(STANDING, instead_of=JobId("first")))
    assert await list_names(stores) == ["again"]
    assert await stores.jobs.find(JobRef(TENANT, JobId("twice"))) is None


async def test_what_a_configuration_repeats_can_be_forgotten(stores):
    await configure(stores)
    await accept(stores, "first")
    await stores.schedules.forget(TENANT, NIGHTLY)
    assert await list_names(stores) == []
    assert await stores.schedules.find_upload(TENANT, STANDING, SPACE) is None


async def test_one_tenants_schedule_is_nobody_elses(stores):
    await configure(stores, tenant=OTHER_TENANT)
    job = await accept(stores, "first")
    assert await list_names(stores) == []
    assert not await stores.schedules.uses(TENANT, job.credential_id)
    await stores.schedules.forget(OTHER_TENANT, NIGHTLY)
    assert await stores.schedules.list_uploads(TENANT, NIGHTLY) == ["first"]
    assert await stores.schedules.list_uploads(OTHER_TENANT, NIGHTLY) == []


@pytest.mark.parametrize("scheduled", [True, False])
async def test_a_credential_outlives_its_week_while_a_schedule_uses_it(stores, scheduled):
    await configure(stores, schedule=CRON if scheduled else None)
    job = await accept(stores, "first")
    await stores.jobs.change(job.ref, JobChange(status=JobStatus.PARTIAL, finished_at=NOW))
    removed = await stores.credentials.remove_expired(ended_before=NOW + timedelta(days=1))
    assert removed == (0 if scheduled else 1)
    kept = await stores.credentials.read(TENANT, job.credential_id)
    assert (kept is not None) == scheduled


async def test_a_credential_lives_as_long_as_the_youngest_job_that_uses_it(stores):
    job = await accept(stores, "first", standing=None)
    again = make_job(make_ref("again", TENANT), credential_id=job.credential_id)
    await stores.jobs.add(again, None)
    for ref, age in ((job.ref, 8), (again.ref, 2)):
        ended = JobChange(status=JobStatus.PARTIAL, finished_at=NOW - timedelta(days=age))
        await stores.jobs.change(ref, ended)
        cutoff = NOW - timedelta(days=7)
        assert await stores.credentials.remove_expired(ended_before=cutoff) == 0
    assert await stores.credentials.remove_expired(ended_before=NOW) == 1
