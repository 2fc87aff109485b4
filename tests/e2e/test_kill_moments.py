"""Killed at any moment, an upload leaves what a fresh one builds: nothing lost, nothing doubled."""

from collections import Counter
from random import Random

import pytest

from tests.e2e.comparing import Comparison, change, serve_wiki, submit
from tests.e2e.killing import (
    Killed,
    Moment,
    Watch,
    choose_moments,
    count_commits,
    is_over,
    kill_at,
)
from tests.e2e.service_process import open_api, run_service, serve

NOTHING: frozenset[str] = frozenset()


@pytest.fixture
def site():
    with serve_wiki() as sandbox:
        yield sandbox


class Story:
    """One index that is killed again and again, and a fresh one for each comparison."""

    def __init__(self, data_dir, site, watch) -> None:
        self.data_dir, self.site, self.watch = data_dir, site, watch
        self.comparison = Comparison(data_dir, site)
        self.tenant = self.comparison.tenant
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
        commits, requests = count_commits(self.data_dir), self.watch.requests
        tenant = self.comparison.build_afresh(service.url)
        return tenant, self.watch.requests - requests, count_commits(self.data_dir) - commits


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
        story.comparison.compare(tenant)


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
            story.comparison.compare(tenant)
            change(site.world, dice)
    print(Counter(killed.stage for killed in story.killed), story.read_again)  # noqa: T201
