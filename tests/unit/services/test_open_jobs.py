"""How many jobs a tenant may have open at once."""

from dataclasses import replace

import pytest

from headwater.domain.errors import TooManyJobsError
from headwater.domain.ids import JobId, SpaceKey
from headwater.domain.jobs import JobChange, JobRef, JobStatus
from headwater.domain.sync import Outcome
from headwater.services.job_followups import retry_failed
from headwater.services.uploads import submit_upload
from tests.contract.catalog_samples import add_running_job, make_result
from tests.unit.services.service_fakes import CREDENTIAL, OTHER, TENANT, make_upload

ROOM = 2


@pytest.fixture
def small(ports):
    return replace(ports, max_open_jobs=ROOM)


async def submit(ports, name, tenant=TENANT, **changes):
    return await submit_upload(
        ports, tenant, make_upload(**changes), CREDENTIAL, job_id=JobId(name)
    )


async def test_one_upload_too_many_is_refused_before_confluence_is_asked(small):
    for number in range(ROOM):
        await submit(small, f"job-{number}")
    asked = small.sources.opened
    with pytest.raises(TooManyJobsError, match="2 jobs are queued or running") as refusal:
        await submit(small, "one-more")
    assert refusal.value.retry_after > 0
    assert small.sources.opened == asked
    assert await small.jobs.find(JobRef(TENANT, JobId("one-more"))) is None


async def test_what_was_accepted_already_is_answered_however_full_it_is(small):
    for number in range(ROOM):
        await submit(small, f"job-{number}")
    assert await submit(small, "job-0") == "job-0"


async def test_another_tenant_and_ended_jobs_take_no_room(small):
    for number in range(ROOM):
        await submit(small, f"job-{number}")
    assert await submit(small, "job-0", OTHER, space=SpaceKey("ZOO")) == "job-0"
    ref = JobRef(TENANT, JobId("job-0"))
    await small.jobs.change(ref, JobChange(status=JobStatus.SUCCEEDED))
    assert await submit(small, "one-more") == "one-more"
    assert await small.jobs.count_open(TENANT) == ROOM


async def test_a_retry_needs_room_too(small):
    ref = JobRef(TENANT, JobId("broken"))
    await add_running_job(small, ref)
    await small.catalog.record(ref, [make_result(1, Outcome.FAILED)], JobChange())
    await small.jobs.change(ref, JobChange(status=JobStatus.PARTIAL))
    for number in range(ROOM):
        await submit(small, f"job-{number}")
    with pytest.raises(TooManyJobsError):
        await retry_failed(small, ref, None)
