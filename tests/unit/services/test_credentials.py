from dataclasses import replace

import pytest

from headwater.adapters.secret_box import FernetSecretBox
from headwater.domain.errors import ConfigError, SourceRefusedError
from headwater.domain.ids import JobId
from headwater.domain.jobs import JobRef
from headwater.services.credentials import open_credential, remove_credential, seal_credential
from tests.contract.catalog_samples import make_job
from tests.unit.services.service_fakes import CREDENTIAL, OTHER, TENANT, TOKEN


async def store(ports, credential=CREDENTIAL):
    job = make_job(JobRef(TENANT, JobId("one")))
    await ports.jobs.add(job, seal_credential(ports.secret_box, credential))
    return job


async def test_a_sealed_credential_opens_again_and_shows_nothing(ports):
    sealed = seal_credential(ports.secret_box, CREDENTIAL)
    assert TOKEN.encode() not in sealed
    assert CREDENTIAL.username.encode() not in sealed
    assert sealed != seal_credential(ports.secret_box, CREDENTIAL)
    assert await open_credential(ports, await store(ports)) == CREDENTIAL


async def test_a_removed_credential_ends_the_job_with_what_to_do(ports):
    job = await store(ports)
    await remove_credential(ports, job)
    await remove_credential(ports, job)
    with pytest.raises(SourceRefusedError, match="upload again"):
        await open_credential(ports, job)


async def test_a_job_without_a_credential_says_so(ports):
    job = replace(await store(ports), credential_id=None)
    await remove_credential(ports, job)
    with pytest.raises(SourceRefusedError):
        await open_credential(ports, job)


async def test_another_tenants_credential_does_not_open(ports):
    job = await store(ports)
    with pytest.raises(SourceRefusedError):
        await open_credential(ports, replace(job, ref=JobRef(OTHER, JobId("one"))))


async def test_a_lost_key_is_named(ports):
    job = await store(ports)
    with pytest.raises(ConfigError, match="HEADWATER_SECRET_KEY"):
        await open_credential(replace(ports, secret_box=FernetSecretBox(["another"])), job)
