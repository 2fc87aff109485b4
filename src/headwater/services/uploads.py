"""Accepting an upload: checked, stored durably, then queued."""

import hashlib
import json
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Final

from headwater.domain.errors import ConflictError, RetryableError, TooManyJobsError
from headwater.domain.ids import CredentialId, JobId, SiteId, TenantId
from headwater.domain.jobs import (
    Job,
    JobRef,
    JobStatus,
    SiteAddress,
    SiteCredential,
    Stage,
    UploadRequest,
)
from headwater.domain.schedules import Standing
from headwater.domain.settings import SyncConfigurationId
from headwater.ports import Ports, SourceOptions
from headwater.services.credentials import (
    remove_credential,
    seal_credential,
    settle_credential,
)
from headwater.services.job_reports import walk_jobs
from headwater.services.settings import take_settings

UPLOAD = "upload"
FULL_SECONDS: Final = 60.0
"""When a tenant with too many open jobs may try again: a job takes a minute, more or less."""

_FOUND: Final = frozenset({"settings", "site"})
"""What an upload is given when it is accepted; the client did not ask for it."""


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
    await check_room(ports, tenant)
    upload = await take_settings(ports, tenant, upload)
    request = await _check_confluence(ports, tenant, upload, credential)
    job = Job(
        ref=ref,
        kind=UPLOAD,
        status=JobStatus.QUEUED,
        stage=Stage.QUEUED,
        request=request,
        request_digest=digest,
        credential_id=CredentialId(f"{ports.new_job_id()}"),
        created_at=ports.now(),
        trace=ports.tracer.current(),
    )
    replaced = await _find_replaced(ports, job)
    await _store(ports, job, seal_credential(ports.secret_box, credential))
    await enqueue_or_withdraw(ports, job, may_be_repeated=job_id is not None, replaced=replaced)
    if replaced and replaced.status.is_final:
        await settle_credential(ports, replaced)
    return ref.job_id


async def check_room(ports: Ports, tenant: TenantId) -> None:
    """Raise ``TooManyJobsError`` where the tenant has as many open jobs as it may have."""
    if await ports.jobs.count_open(tenant) >= ports.max_open_jobs:
        raise TooManyJobsError(
            f"{ports.max_open_jobs} jobs are queued or running; come back when some have ended,"
            " or cancel some",
            retry_after=FULL_SECONDS,
        )


async def enqueue_or_withdraw(
    ports: Ports, job: Job, *, may_be_repeated: bool, replaced: Job | None = None
) -> None:
    """Queue a stored job; one that cannot be queued, and so was refused, must not run later.

    Nor may a schedule repeat it: the job that it ``replaced`` stands again. A job that the client named
    is left: its repeat of the call queues it.
    """
    try:
        await ports.queue.enqueue(job.ref)
    except RetryableError:
        if not may_be_repeated:
            await ports.jobs.request_cancel(job.ref)
            await _give_back(ports, job, replaced)
            await remove_credential(ports, job)
        raise


def digest_request(upload: UploadRequest) -> str:
    """Return a digest of everything a client asked for but the credential."""
    asked = {name: value for name, value in asdict(upload).items() if name not in _FOUND}
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
    ports: Ports, tenant: TenantId, upload: UploadRequest, credential: SiteCredential
) -> UploadRequest:
    """Return the upload with the site, and the space under its own key, whatever it was called."""
    options = SourceOptions(site=await _find_site(ports, tenant, upload.address))
    async with ports.sources.open(upload.address, credential, options=options) as source:
        space = await source.find_space(upload.space)
        return replace(upload, space=space.key, site=source.site)


async def _find_site(ports: Ports, tenant: TenantId, address: SiteAddress) -> SiteId | None:
    """Return what the Confluence at this address called itself to the tenant's last job there.

    Under another name everything would come in a second time, beside what is there.
    """
    async with aclosing(walk_jobs(ports.jobs, tenant, space=None)) as jobs:
        async for job in jobs:
            if job.request.site and job.request.address.instance_url == address.instance_url:
                return job.request.site
    return None


async def _store(ports: Ports, job: Job, sealed: bytes) -> None:
    try:
        await ports.jobs.add(job, sealed, standing=find_standing(job))
    except ConflictError:
        if not await _is_known(ports, job.ref, job.request_digest):
            raise


async def _give_back(ports: Ports, job: Job, replaced: Job | None) -> None:
    standing = find_standing(job)
    if standing:
        before = replaced.ref.job_id if replaced else None
        await ports.schedules.give_back(job.ref, standing, job.request.space, before)


def find_standing(job: Job, *, instead_of: JobId | None = None) -> Standing | None:
    """Return the place that a job takes as what a schedule repeats; ``None`` if it named none."""
    request = job.request
    if not request.sync_configuration_id or request.site is None:
        return None
    return Standing(SyncConfigurationId(request.sync_configuration_id), request.site, instead_of)


async def _find_replaced(ports: Ports, job: Job) -> Job | None:
    """Return the job that has been repeated in the place that this one takes."""
    tenant, standing = job.ref.tenant, find_standing(job)
    if standing is None:
        return None
    job_id = await ports.schedules.find_upload(tenant, standing, job.request.space)
    return await ports.jobs.find(JobRef(tenant, job_id)) if job_id else None
