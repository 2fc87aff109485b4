"""Credentials at rest: sealed on the way in, opened only where Confluence is called.

One is kept while its job is open, for a week after that if something failed or is held, so that it
can be retried or approved, and for as long as a schedule repeats the job.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from headwater.domain.errors import InvalidInputError, SourceRefusedError
from headwater.domain.ids import TenantId
from headwater.domain.jobs import Job, JobRef, SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.domain.settings import SyncConfigurationId
from headwater.ports import Ports, SecretBox

KEPT_FOR: Final = timedelta(days=7)
"""How long after its end a job with unfinished business keeps its credential."""


@dataclass(frozen=True, slots=True)
class Login:
    """A Confluence, and what opens it, as a request brings them."""

    address: SiteAddress
    credential: SiteCredential


def seal_credential(box: SecretBox, credential: SiteCredential) -> bytes:
    """Return the credential encrypted."""
    plain = {"username": credential.username, "token": credential.token.reveal()}
    return box.seal(json.dumps(plain).encode())


async def open_credential(ports: Ports, job: Job) -> SiteCredential:
    """Return the job's credential; ``SourceRefusedError`` when it is no longer stored."""
    stored = await find_credential(ports, job)
    if stored is None:
        raise SourceRefusedError(
            "the credential of this job is no longer stored; upload again, and a schedule of its"
            " configuration goes on with the new one"
        )
    return stored


async def find_credential(ports: Ports, job: Job) -> SiteCredential | None:
    """Return the job's credential; ``None`` when it is no longer stored."""
    sealed = job.credential_id and await ports.credentials.read(job.ref.tenant, job.credential_id)
    if not sealed:
        return None
    plain = json.loads(ports.secret_box.open(sealed))
    return SiteCredential(plain["username"], Secret(plain["token"]))


async def choose_credential(ports: Ports, job: Job, given: Login | None) -> SiteCredential:
    """Return the given credential, else the stored one.

    ``InvalidInputError`` without either, and for one that belongs to another Confluence than the
    job's: it would prove nothing about what the job saw.
    """
    if given is None:
        stored = await find_credential(ports, job)
        if stored is None:
            raise InvalidInputError(
                ("body", "authorization"), "field required", "value_error.missing"
            )
        return stored
    expected = job.request.address.instance_url
    if given.address.instance_url.rstrip("/") != expected.rstrip("/"):
        raise InvalidInputError(
            ("body", "authorization", "instance_url"),
            f"the job read {expected}; name the same Confluence",
            "value_error.url.other_site",
        )
    return given.credential


async def remove_credential(ports: Ports, job: Job) -> None:
    """Forget the job's credential; fine if it is already gone."""
    if job.credential_id:
        await ports.credentials.remove(job.ref.tenant, job.credential_id)


async def settle_credential(ports: Ports, job: Job) -> None:
    """Forget the credential of a job that has ended, unless it is going to be needed."""
    counted = job.progress.documents + job.progress.attachments
    if counted.failed or counted.held or not job.credential_id:
        return
    if not await ports.schedules.uses(job.ref.tenant, job.credential_id):
        await remove_credential(ports, job)


async def release_credentials(
    ports: Ports, tenant: TenantId, configuration_id: SyncConfigurationId
) -> None:
    """Forget the credentials that were kept for a configuration's schedule, which it has no more."""
    for job_id in await ports.schedules.list_uploads(tenant, configuration_id):
        job = await ports.jobs.find(JobRef(tenant, job_id))
        if job and job.status.is_final:
            await settle_credential(ports, job)


async def remove_expired_credentials(ports: Ports) -> int:
    """Forget what jobs kept for long enough; return how many credentials that were."""
    return await ports.credentials.remove_expired(ended_before=ports.now() - KEPT_FOR)
