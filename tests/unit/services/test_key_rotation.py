"""After a rotation the newest key alone opens everything that any key opened before."""

from dataclasses import replace

import pytest

from headwater.adapters.secret_box import FernetSecretBox
from headwater.domain.errors import ConfigError
from headwater.domain.ids import CredentialId, JobId, TenantId
from headwater.domain.jobs import JobRef
from headwater.services.credentials import open_credential, seal_credential
from headwater.services.key_rotation import Rotation, rotate_keys
from tests.contract.catalog_samples import make_job
from tests.unit.services.service_fakes import CREDENTIAL, TENANT

OTHER_TENANT = TenantId("6e5d1a0c-0000-4000-8000-0000000000ff")
OLD, NEW = "the old key", "the new key"


async def store(ports, key, tenant=TENANT, name="one"):
    job = replace(
        make_job(JobRef(tenant, JobId(name))), credential_id=CredentialId(f"credential-{name}")
    )
    await ports.jobs.add(job, seal_credential(FernetSecretBox([key]), CREDENTIAL))
    return job


async def test_every_tenants_credentials_open_with_the_new_key_alone(ports):
    jobs = [await store(ports, OLD), await store(ports, NEW, OTHER_TENANT, "two")]
    done = await rotate_keys(ports.credentials, FernetSecretBox([NEW, OLD]))
    assert done == Rotation(resealed=2, unreadable=0)
    alone = replace(ports, secret_box=FernetSecretBox([NEW]))
    assert [await open_credential(alone, job) for job in jobs] == [CREDENTIAL, CREDENTIAL]


async def test_what_no_key_opens_is_counted_and_left_as_it_is(ports):
    job = await store(ports, "a lost key")
    done = await rotate_keys(ports.credentials, FernetSecretBox([NEW, OLD]))
    assert done == Rotation(resealed=0, unreadable=1)
    with pytest.raises(ConfigError):
        await open_credential(replace(ports, secret_box=FernetSecretBox([NEW])), job)
    found = replace(ports, secret_box=FernetSecretBox([NEW, "a lost key"]))
    assert await open_credential(found, job) == CREDENTIAL


async def test_a_credential_that_changed_meanwhile_is_not_overwritten(ports):
    await store(ports, OLD)
    (before,) = await ports.credentials.list_all()
    assert await ports.credentials.replace(before, b"newer")
    assert not await ports.credentials.replace(before, b"stale")
    assert await ports.credentials.read(before.tenant, before.credential_id) == b"newer"
