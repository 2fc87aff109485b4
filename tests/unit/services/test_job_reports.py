import pytest

from headwater.domain.errors import NotFoundError
from headwater.domain.ids import JobId
from headwater.domain.jobs import JobChange, JobRef, JobStatus
from headwater.services.job_reports import cancel_job, list_jobs, read_job
from tests.contract.catalog_samples import add_running_job, make_job
from tests.unit.services.service_fakes import OTHER, TENANT

REF = JobRef(TENANT, JobId("one"))
FOREIGN = JobRef(OTHER, JobId("one"))


async def test_another_tenants_job_is_not_there(ports):
    await ports.jobs.add(make_job(REF), None)
    assert (await read_job(ports.jobs, REF)).ref == REF
    with pytest.raises(NotFoundError):
        await read_job(ports.jobs, FOREIGN)
    with pytest.raises(NotFoundError):
        await cancel_job(ports, FOREIGN)
    assert not (await read_job(ports.jobs, REF)).cancel_requested
    assert (await list_jobs(ports.jobs, OTHER, limit=5)).jobs == ()


async def test_a_queued_job_is_cancelled_at_once_and_leaves_no_credential(ports):
    await ports.jobs.add(make_job(REF), b"sealed")
    job = await cancel_job(ports, REF)
    assert job.status is JobStatus.CANCELLED
    assert job.started_at is None
    assert await ports.credentials.read(TENANT, job.credential_id) is None


async def test_a_running_job_is_asked_to_stop(ports):
    await add_running_job(ports, REF)
    job = await cancel_job(ports, REF)
    assert (job.status, job.cancel_requested) == (JobStatus.RUNNING, True)


async def test_a_finished_job_is_answered_as_it_is(ports):
    await add_running_job(ports, REF)
    await ports.jobs.change(REF, JobChange(status=JobStatus.SUCCEEDED))
    job = await cancel_job(ports, REF)
    assert (job.status, job.cancel_requested) == (JobStatus.SUCCEEDED, False)
