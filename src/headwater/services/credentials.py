"""Credentials at rest: sealed on the way in, opened only where Confluence is called."""

import json

from headwater.domain.errors import SourceRefusedError
from headwater.domain.jobs import Job, SiteCredential
from headwater.domain.secrets import Secret
from headwater.ports import Ports, SecretBox


def seal_credential(box: SecretBox, credential: SiteCredential) -> bytes:
    """Return the credential encrypted."""
    plain = {"username": credential.username, "token": credential.token.reveal()}
    return box.seal(json.dumps(plain).encode())


async def open_credential(ports: Ports, job: Job) -> SiteCredential:
    """Return the job's credential; ``SourceRefusedError`` when it is no longer stored."""
    sealed = job.credential_id and await ports.credentials.read(job.ref.tenant, job.credential_id)
    if not sealed:
        raise SourceRefusedError("the credential of this job is no longer stored; upload again")
    plain = json.loads(ports.secret_box.open(sealed))
    return SiteCredential(plain["username"], Secret(plain["token"]))


async def remove_credential(ports: Ports, job: Job) -> None:
    """Forget the job's credential; fine if it is already gone."""
    if job.credential_id:
        await ports.credentials.remove(job.ref.tenant, job.credential_id)
