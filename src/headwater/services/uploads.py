"""Accepting an upload: checked, stored durably, then queued."""

import hashlib
import json
from dataclasses import asdict, replace

from headwater.domain.content import Space
from headwater.domain.errors import ConflictError, RetryableError
from headwater.domain.ids import CredentialId, JobId, TenantId
from headwater.domain.jobs import (
    Job,
    JobRef,
    JobStatus,
    SiteCredential,
    Stage,
    UploadRequest,
)
from headwater.ports import Ports
from headwater.services.credentials import remove_credential, seal_credential
from headwater.services.settings import take_settings

UPLOAD = "upload"


async def submit_upload(
    ports: Ports,
    tenant: TenantId,
    upload: UploadRequest,
    credential: SiteCredential,
    *,
    job_id: JobId | None,
) -> JobId:
    """Store an upload durably, queue it, and return its job id.

    A job id given by the client makes the call idempotent: the same request answers the same id
    and starts nothing, before Confluence is asked anything; another request under that id is a
    ``ConflictError``. Raises what opening a source raises, ``SpaceNotFoundError``, and
    ``InvalidInputError`` for settings that do not exist.
    """
    digest = digest_request(upload)
    ref = JobRef(tenant, job_id or ports.new_job_id())
    if job_id and await _is_known(ports, ref, digest):
        return ref.job_id
    upload = await take_settings(ports, tenant, upload)
    space = await _check_confluence(ports, upload, credential)
    job = Job(
        ref=ref,
        kind=UPLOAD,
        status=JobStatus.QUEUED,
        stage=Stage.QUEUED,
        request=replace(upload, space=space.key),
        request_digest=digest,
        credential_id=CredentialId(f"{ports.new_job_id()}"),
        created_at=ports.now(),
    )
    await _store(ports, job, seal_credential(ports.secret_box, credential))
    await enqueue_or_withdraw(ports, job, may_be_repeated=job_id is not None)
    return ref.job_id


async def enqueue_or_withdraw(ports: Ports, job: Job, *, may_be_repeated: bool) -> None:
    """Queue a stored job; one that cannot be queued, and so was refused, must not run later.

    A job that the client named is left: its repeat of the call queues it.
    """
    try:
        await ports.queue.enqueue(job.ref)
    except RetryableError:
        if not may_be_repeated:
            await ports.jobs.request_cancel(job.ref)
            await remove_credential(ports, job)
        raise


def digest_request(upload: UploadRequest) -> str:
    """Return a digest of everything a client asked for but the credential."""
    asked = {name: value for name, value in asdict(upload).items() if name != "settings"}
    text = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


async def _is_known(ports: Ports, ref: JobRef, digest: str) -> bool:
    known = await ports.jobs.find(ref)
    if known is None:
        return False
    if known.request_digest != digest:
        raise ConflictError(
            f"job_id {ref.job_id!r} already names another request; choose a new job_id"
        )
    if not known.status.is_final:
        await ports.queue.enqueue(ref)
    return True


async def _check_confluence(
    ports: Ports, upload: UploadRequest, credential: SiteCredential
) -> Space:
    """Return the space under its own key, by whichever name it was asked for."""
    async with ports.sources.open(upload.address, credential) as source:
        return await source.find_space(upload.space)


async def _store(ports: Ports, job: Job, sealed: bytes) -> None:
    try:
        await ports.jobs.add(job, sealed)
    except ConflictError:
        if not await _is_known(ports, job.ref, job.request_digest):
            raise
