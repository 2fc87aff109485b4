import asyncio
from dataclasses import replace

import pytest

from headwater.domain.errors import (
    ConflictError,
    InvalidInputError,
    RetryableError,
    SourceRefusedError,
    SpaceNotFoundError,
)
from headwater.domain.ids import JobId, SiteId, SpaceKey
from headwater.domain.jobs import (
    ContentRestriction,
    JobChange,
    JobRef,
    JobStatus,
    ProcessorMode,
    SiteCredential,
)
from headwater.domain.secrets import Secret
from headwater.services.credentials import open_credential
from headwater.services.uploads import digest_request, submit_upload
from tests.unit.services.service_fakes import CREDENTIAL, OTHER, TENANT, TOKEN, make_upload

NIGHTLY = JobId("nightly")
ACCEPTED = make_upload(site=SiteId("acme.example"))


async def submit(ports, upload=None, *, job_id=NIGHTLY, credential=CREDENTIAL, tenant=TENANT):
    return await submit_upload(ports, tenant, upload or make_upload(), credential, job_id=job_id)


async def find(ports, job_id=NIGHTLY, tenant=TENANT):
    return await ports.jobs.find(JobRef(tenant, job_id))


async def test_an_accepted_upload_is_stored_sealed_and_queued(ports):
    job_id = await submit(ports, job_id=None)
    job = await find(ports, job_id)
    assert (job.status, job.request) == (JobStatus.QUEUED, ACCEPTED)
    assert ports.queue.enqueued == [job.ref]
    sealed = await ports.credentials.read(TENANT, job.credential_id)
    assert TOKEN.encode() not in sealed
    assert await open_credential(ports, job) == CREDENTIAL


async def test_the_same_request_under_the_same_id_starts_nothing_and_asks_nobody(ports):
    await submit(ports)
    await ports.jobs.change(JobRef(TENANT, NIGHTLY), JobChange(status=JobStatus.SUCCEEDED))
    rotated = SiteCredential("someone-else@example.com", Secret("another token"))
    assert await submit(ports, credential=rotated) == NIGHTLY
    assert ports.sources.opened == 1
    assert len(ports.queue.enqueued) == 1


async def test_the_same_request_for_an_open_job_makes_sure_that_it_is_queued(ports):
    ports.queue.down = RetryableError("the queue is away")
    with pytest.raises(RetryableError):
        await submit(ports)
    ports.queue.down = None
    assert await submit(ports) == NIGHTLY
    assert [ref.job_id for ref in ports.queue.enqueued] == [NIGHTLY]


@pytest.mark.parametrize(
    "changes",
    [
        {"space": SpaceKey("ZOO")},
        {"incremental": False},
        {"use_ocr": True},
        {"rezolve_domain": "another"},
        {"restriction": ContentRestriction(("everybody",))},
        {"sync_configuration_id": "weekly"},
    ],
)
async def test_another_request_under_the_same_id_is_a_conflict(ports, changes):
    await submit(ports)
    with pytest.raises(ConflictError, match="nightly"):
        await submit(ports, make_upload(**changes))
    assert (await find(ports)).request == ACCEPTED


async def test_job_ids_belong_to_their_tenant(ports):
    await submit(ports)
    await submit(ports, make_upload(incremental=False), tenant=OTHER)
    assert (await find(ports)).request.incremental
    assert not (await find(ports, tenant=OTHER)).request.incremental


@pytest.mark.parametrize(
    ("refusal", "space"),
    [(SourceRefusedError("wrong token"), "DOCS"), (None, "NOPE")],
)
async def test_nothing_is_stored_when_confluence_refuses(ports, refusal, space):
    ports.sources.source.refusal = refusal
    with pytest.raises((SourceRefusedError, SpaceNotFoundError)):
        await submit(ports, make_upload(space=SpaceKey(space)))
    assert await find(ports) is None
    assert await ports.jobs.list_open() == []
    assert ports.queue.enqueued == []


async def test_a_stored_configuration_that_does_not_exist_is_refused_before_confluence(ports):
    with pytest.raises(InvalidInputError) as error:
        await submit(ports, make_upload(processor_mode=ProcessorMode.MANUAL))
    assert error.value.loc == ("body", "sync_config", "sync_configuration_id")
    assert ports.sources.opened == 0


async def test_two_callers_with_one_id_at_once_start_one_job(ports):
    ids = await asyncio.gather(*(submit(ports) for _ in range(4)))
    assert ids == [NIGHTLY] * 4
    (job,) = await ports.jobs.list_open()
    assert job.ref == JobRef(TENANT, NIGHTLY)


async def test_who_loses_a_race_for_an_id_with_another_request_is_told(ports):
    async def overtake():
        await submit(ports, make_upload(incremental=False))

    ports.sources.meanwhile = overtake
    with pytest.raises(ConflictError):
        await submit(ports)
    assert not (await find(ports)).request.incremental


async def test_a_credential_is_no_part_of_a_request_and_everything_else_is():
    digest = digest_request(make_upload())
    assert digest == digest_request(make_upload())
    assert TOKEN not in digest
    changed = replace(make_upload(), address=replace(make_upload().address, web_url="https://x.y"))
    assert digest != digest_request(changed)


async def test_an_upload_that_was_refused_because_it_could_not_be_queued_never_runs(ports):
    ports.queue.down = RetryableError("the queue is away")
    with pytest.raises(RetryableError):
        await submit(ports, job_id=None)
    assert await ports.jobs.list_open() == []
    page = await ports.jobs.list(TENANT, space=None, status=None, cursor=None, limit=9)
    (job,) = page.jobs
    assert job.status is JobStatus.CANCELLED
    assert await ports.credentials.read(TENANT, job.credential_id) is None


async def test_a_space_asked_for_by_another_name_counts_under_its_own_key(ports, monkeypatch):
    async def find_space(_source, _key):
        return ports.sources.source.spaces[0]

    monkeypatch.setattr(type(ports.sources.source), "find_space", find_space)
    by_alias = make_upload(space=SpaceKey("an-alias"))
    assert await submit(ports, by_alias) == NIGHTLY
    job = await find(ports)
    assert job.request.space == ports.sources.source.spaces[0].key
    assert await submit(ports, by_alias) == NIGHTLY, "the same call is still the same request"
