"""Both clients, called alike: over a real server, or over answers that a test makes up."""

import inspect

import pytest

from headwater.client import AsyncClient, Client
from tests.contract.api.fakes import TENANT, make_token

KINDS = {"waiting": Client, "awaiting": AsyncClient}


class Caller:
    """A client of either kind; its methods are awaited, its jobs listed."""

    def __init__(self, client) -> None:
        self.client = client

    def __getattr__(self, name):
        async def call(*arguments, **options):
            found = getattr(self.client, name)(*arguments, **options)
            return await found if inspect.isawaitable(found) else found

        return call

    async def list_states(self, job_id):
        jobs = self.client.follow_job(job_id)
        if isinstance(self.client, AsyncClient):
            return [job.status async for job in jobs]
        return [job.status for job in jobs]


@pytest.fixture(params=sorted(KINDS))
async def make_client(request):
    made = []

    def make(url="http://headwater.test", **options):
        options = {"token": make_token(), "tenant": TENANT, **options}
        made.append(Caller(KINDS[request.param](url, **options)))
        return made[-1]

    yield make
    for caller in made:
        await caller.close()
