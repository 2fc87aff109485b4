"""Killed at any moment, an upload leaves what a fresh one builds: nothing lost, nothing doubled."""

import asyncio
from collections import Counter
from random import Random
from uuid import UUID

import pytest

from headwater.domain.ids import TenantId
from headwater.sandbox.server import run_sandbox_thread
from tests.e2e.killing import (
    Killed,
    Moment,
    Watch,
    choose_moments,
    count_commits,
    is_over,
    kill_at,
    open_index,
)
from tests.e2e.service_process import make_upload, open_api, run_service, serve
from tests.integration.sync.happenings import COMMON, FILES, HAPPENINGS, Happening, make_world
from tests.integration.sync.lab import KEY, paragraphs

PAGES = 120
"""So many that they come in several batches, and more than one request for bodies."""

FIRST = UUID(int=1)
NOTHING: frozenset[str] = frozenset()
CHANGES = tuple(sorted({*HAPPENINGS} - {"permit"}))


@pytest.fixture
def site():
    world = make_world(uses_roles=False)
    parent = None
    for number in range(PAGES):
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
    with run_sandbox_thread(world) as sandbox:
        yield sandbox


def submit(api, site, *, incremental=False):
    body = make_upload(site, KEY, incremental=incremental)
    body["pinecone_config"]["tenant_id"] = api.tenant
    body["content_restriction"]["source_restriction"] = True
    answer = api.http.post("/v2/confluence/upload", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


class Story:
    """One index that is killed again and again, and a fresh one for each comparison."""

    def __init__(self, data_dir, site, watch) -> None:
        self.data_dir, self.site, self.watch = data_dir, site, watch
        self.tenant = str(FIRST)
        self.fresh = 1
        self.killed: list[Killed] = []
        self.read_again: list[int] = []

    def upload_and_kill(self, moments, *, incremental):
        """Upload, kill at each of the moments, let the last start finish, and build afresh beside.

        Return the finished job, the tenant of the fresh index, and its cost in requests and commits.
        """
        name, settled = None, NOTHING
        for moment in moments:
            if name and is_over(self.data_dir, name):
                break
            self.watch.begin_run()
            with run_service(self.data_dir, "serve") as service:
                name = name or self._submit(service, incremental)
                killed = kill_at(service, self.data_dir, self.watch, moment, name)
            self._note(killed, settled)
            settled = killed.settled
        self.watch.begin_run()
        with serve(self.data_dir) as (service, _):
            name = name or self._submit(service, incremental)
            with open_api(service.url, self.tenant) as api:
                job = api.wait(name[1])
            assert job["status"] == "succeeded", (job["message"], self.killed)
            return job, *self._build_afresh(service)

    def _submit(self, service, incremental):
        with open_api(service.url, self.tenant) as api:
            return self.tenant, submit(api, self.site, incremental=incremental)

    def _note(self, killed, settled):
        self.killed.append(killed)
        *_, earlier, latest = self.watch.bodies
        self.read_again.append(len(earlier & latest))
        assert not settled & latest, "what is settled is not read again"
        print(killed.moment, killed.status, killed.stage, len(killed.settled), killed.strays)  # noqa: T201

    def _build_afresh(self, service):
        self.fresh += 1
        tenant, commits = str(UUID(int=self.fresh)), count_commits(self.data_dir)
        requests = self.watch.requests
        with open_api(service.url, tenant) as api:
            job = api.wait(submit(api, self.site))
        assert job["status"] == "succeeded", job["message"]
        return tenant, self.watch.requests - requests, count_commits(self.data_dir) - commits

    def compare(self, tenant):
        asyncio.run(self._compare(tenant))

    async def _compare(self, tenant):
        async with (
            open_index(self.data_dir, self.site, TenantId(self.tenant)) as index,
            open_index(self.data_dir, self.site, TenantId(tenant)) as fresh,
        ):
            assert await index.read_rows() == await fresh.read_rows()
            assert await index.read_records() == await fresh.read_records()
            assert {*await index.read_vectors(KEY)} == {*await fresh.read_vectors(KEY)}
            assert await index.read_views() == await fresh.read_views()
            await index.check_whole()


def test_kills_in_every_part_of_an_upload_leave_a_fresh_index(data_dir, site):
    with Watch(site).at_the_door() as watch:
        story = Story(data_dir, site, watch)
        moments = [
            Moment("request", 9, 0.0),
            Moment("commit", 1, 0.0),
            Moment("commit", 2, 0.01),
        ]
        job, tenant, *_ = story.upload_and_kill(moments, incremental=False)
        counted = job["progress"]["documents"]
        assert counted["done"] == counted["listed"] == counted["added"]
        story.compare(tenant)


def change(world, dice):
    for _ in range(8):
        what = Happening(dice.choice(CHANGES), *(dice.randrange(20) for _ in range(3)))
        what.happen(world)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_kills_at_fifty_random_moments_leave_a_fresh_index(data_dir, site):
    dice = Random(20)  # noqa: S311  (no secret)
    with Watch(site).at_the_door() as watch:
        story = Story(data_dir, site, watch)
        _, _, requests, commits = story.upload_and_kill([], incremental=False)
        while len(story.killed) < 50:
            moments = choose_moments(dice, 5, requests=requests, commits=commits)
            incremental = dice.random() < 0.6
            _, tenant, requests, commits = story.upload_and_kill(moments, incremental=incremental)
            story.compare(tenant)
            change(site.world, dice)
    print(Counter(killed.stage for killed in story.killed), story.read_again)  # noqa: T201
