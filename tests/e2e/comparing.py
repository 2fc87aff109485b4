"""A wiki with a little of everything, uploaded by a disturbed service and by an undisturbed one: both indexes equal."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from uuid import UUID

from headwater.domain.ids import TenantId
from headwater.sandbox.server import Sandbox, run_sandbox_thread
from headwater.sandbox.world import World
from tests.e2e.killing import open_index
from tests.e2e.service_process import Api, make_upload, open_api
from tests.integration.sync.happenings import COMMON, FILES, HAPPENINGS, Happening, make_world
from tests.integration.sync.lab import KEY, paragraphs

PAGES = 120
"""So many that they come in several batches, and more than one request for bodies."""

FIRST = str(UUID(int=1))
"""The tenant that lives through everything."""

CHANGES = tuple(sorted({*HAPPENINGS} - {"permit"}))


@contextmanager
def serve_wiki(pages: int = PAGES) -> Iterator[Sandbox]:
    with run_sandbox_thread(make_wiki(pages)) as site:
        yield site


def make_wiki(pages: int) -> World:
    world = make_world(uses_roles=False)
    parent = None
    for number in range(pages):
        parent = None if number % 8 == 0 else parent
        text = paragraphs(f"{COMMON} number {number} ", f"said {number} times " * 20)
        page = world.create_page(KEY, f"Page {number} {COMMON}", text, parent=parent)
        parent = parent or page.id
        if number % 5 == 0:
            world.attach(page.id, "notes.txt", FILES[0][0], media_type="text/plain")
        if number % 6 == 0:
            world.comment(page.id, paragraphs(f"remark {number}"))
        if number % 7 == 0:
            world.restrict(page.id, groups=["staff"])
    return world


def change(world: World, dice: Random) -> None:
    """Let a few things happen in the wiki."""
    for _ in range(8):
        what = Happening(dice.choice(CHANGES), *(dice.randrange(20) for _ in range(3)))
        what.happen(world)


def submit(api: Api, site: Sandbox, *, incremental: bool = False, configuration: str = "") -> str:
    """Upload the wiki's space as its own rights say; return the job's id."""
    body = make_upload(site, KEY, incremental=incremental)
    body["pinecone_config"]["tenant_id"] = api.tenant
    body["sync_config"]["sync_configuration_id"] = configuration
    body["content_restriction"]["source_restriction"] = True
    answer = api.http.post("/v2/confluence/upload", json=body)
    assert answer.status_code == 200, answer.text
    job_id: str = answer.json()
    return job_id


class Comparison:
    """Tenants of one data dir: the first lives through it all, each other one is an index built afresh."""

    def __init__(
        self,
        data_dir: Path,
        site: Sandbox,
        url: str | None = None,
        *,
        upload: Callable[[Api, Sandbox], str] = submit,
    ) -> None:
        """``url`` is the catalog's, where it is not in the data dir."""
        self.data_dir, self.site, self.catalog_url, self.upload = data_dir, site, url, upload
        self.tenant = FIRST
        self._numbers = count(2)

    def build_afresh(self, url: str, **claims: object) -> str:
        """Upload everything for a new tenant by the service at this address; return the tenant."""
        tenant = str(UUID(int=next(self._numbers)))
        with open_api(url, tenant, **claims) as api:
            job = api.wait(self.upload(api, self.site))
        assert job["status"] == "succeeded", job["message"]
        return tenant

    def compare(self, fresh: str) -> None:
        """Assert that the first tenant's index equals a fresh one, and is whole in itself."""
        asyncio.run(self._compare(fresh))

    async def _compare(self, tenant: str) -> None:
        async with self._open(self.tenant) as index, self._open(tenant) as fresh:
            assert await index.read_rows() == await fresh.read_rows()
            assert await index.read_records() == await fresh.read_records()
            assert {*await index.read_vectors()} == {*await fresh.read_vectors()}
            if self.upload is submit:  # another wiki has other people
                assert await index.read_views() == await fresh.read_views()
            await index.check_whole()

    def _open(self, tenant: str):
        return open_index(self.data_dir, self.site, TenantId(tenant), self.catalog_url)
