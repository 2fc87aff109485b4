"""A disk that is full, a clock that is set: jobs wait and go on, and the index equals an undisturbed one."""

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random

import psycopg
import pytest
from psycopg import sql

from tests.e2e.comparing import Comparison, change, serve_wiki, submit
from tests.e2e.conftest import make_data_dir
from tests.e2e.false_clock import make_clock
from tests.e2e.killing import Watch, count_commits, wait_for
from tests.e2e.service_process import Service, open_api, run_service
from tests.e2e.small_disk import mount_disk
from tests.postgres import run_server

MIB = 1 << 20
FOR_LONG = {"exp": 4_000_000_000}
"""In a token that no clock of these tests makes expire: until 2096."""

LATER = timedelta(hours=1), timedelta(days=1), timedelta(days=366)


@pytest.fixture
def watch():
    with serve_wiki() as site, Watch(site).at_the_door() as watch:
        yield watch


@dataclass
class Disturbed:
    """A service, its first tenant, and the fresh indexes that it is compared with."""

    service: Service
    data_dir: Path
    watch: Watch
    comparison: Comparison

    @contextmanager
    def open_api(self):
        with open_api(self.service.url, self.comparison.tenant, **FOR_LONG) as api:
            yield api

    def start(self, api, *, incremental=False):
        """Start an upload, and return its id."""
        return submit(api, self.watch.site, incremental=incremental)

    def wait_for_requests(self, count, is_over=bool):
        """Wait until Confluence has been asked so many times more, or it is over."""
        before = self.watch.requests
        wait_for(lambda: self.watch.requests >= before + count or is_over())

    def wait_for_commit(self):
        """Wait until the store has been written."""
        before = count_commits(self.data_dir)
        wait_for(lambda: count_commits(self.data_dir) > before)

    def check(self):
        """Assert that the index is the one that a service builds afresh which nothing disturbs."""
        self.comparison.compare(self.comparison.build_afresh(self.service.url, **FOR_LONG))


@contextmanager
def disturb(data_dir, watch, **settings):
    with run_service(data_dir, "serve", **settings) as service:
        comparison = Comparison(data_dir, watch.site, settings.get("database_url"))
        yield Disturbed(service, data_dir, watch, comparison)


def tell_unready(api):
    """Return what is not ready and why, by part."""
    answer = api.http.get("/readyz")
    problems = answer.json()["detail"] if answer.status_code == 503 else []
    return {problem["loc"][-1]: problem["msg"] for problem in problems}


def waits_for_something(job):
    return (job["message"] or "").startswith("waiting, to go on by itself: ")


def is_over(api, job_id):
    return bool(api.read(job_id)["finished_at"])


def finish(api, job_id):
    job = api.wait(job_id)
    counted = job["progress"]["documents"]
    assert job["status"] == "succeeded", job["message"]
    assert (counted["done"], counted["failed"]) == (counted["listed"], 0)
    return job


@pytest.fixture
def disk(tmp_path):
    with mount_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def small_dir(disk, built_models):
    """A data dir on the small disk, but for the model, which nothing writes."""
    folder = disk.folder / "data"
    folder.mkdir(mode=0o700)
    (folder / "models").symlink_to(built_models)
    return folder


PARTS = ("everything", "catalog", "jobs", "vectors")


@pytest.fixture
def part(request, disk, tmp_path, built_models):
    """A data dir with one part of it on the small disk, and what to set."""
    if request.param == "everything":
        return request.getfixturevalue("small_dir"), {}
    data_dir = make_data_dir(tmp_path / "data", built_models)
    if request.param == "catalog":
        return data_dir, {"database_url": f"sqlite:///{disk.folder / 'catalog.db'}"}
    (data_dir / request.param).symlink_to(disk.folder)
    return data_dir, {}


def test_a_job_waits_for_room_on_the_disk_says_so_and_goes_on_by_itself(disk, watch, small_dir):
    with disturb(small_dir, watch) as disturbed, disturbed.open_api() as api:
        job_id = disturbed.start(api)
        disturbed.wait_for_commit()
        disk.fill(leave=8 * MIB)
        waits = api.wait_until(job_id, waits_for_something)
        assert "0.0 GiB free; jobs wait until there is more" in waits["message"]
        assert waits["status"] == "running"
        disk.fill()
        assert "make room on the disk of HEADWATER_DATA_DIR" in tell_unready(api)["disk"]
        disk.free()
        job = finish(api, job_id)
        assert "waiting" not in job["message"]
        assert tell_unready(api) == {}
        disturbed.check()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", PARTS, indirect=True)
def test_a_disk_that_is_full_at_random_moments_loses_nothing(disk, watch, part):
    data_dir, settings = part
    dice = Random(7)  # noqa: S311  (no secret)
    with disturb(data_dir, watch, **settings) as disturbed, disturbed.open_api() as api:
        for round_ in range(6):
            job_id = disturbed.start(api, incremental=dice.random() < 0.5 and round_ > 0)
            disturbed.wait_for_requests(dice.randint(1, 14), partial(is_over, api, job_id))
            disk.fill(leave=dice.choice((0, 4096, 65536, 524288)))
            wait_for(lambda: True, after=dice.uniform(1, 40))
            disk.free()
            finish(api, job_id)
            assert disturbed.service.is_alive()
            disturbed.check()
            change(watch.site.world, dice)


@pytest.mark.long
@pytest.mark.parametrize("part", ["jobs"], indirect=True)
def test_a_job_that_the_engine_could_not_note_down_goes_on(disk, watch, part):
    with disturb(part[0], watch) as disturbed, disturbed.open_api() as api:
        job_id = disturbed.start(api)
        disturbed.wait_for_requests(9)
        disk.fill()
        waits = api.wait_until(job_id, waits_for_something)
        assert "the job engine's database takes no writes" in waits["message"]
        assert "make room on its disk" in tell_unready(api)["job queue"]
        disk.free()
        finish(api, job_id)
        disturbed.service.wait_for("going on with jobs that could not be noted down")
        disturbed.check()


@pytest.mark.long
def test_a_start_on_a_full_disk_says_so_and_loses_no_job(disk, watch, small_dir):
    with disturb(small_dir, watch) as disturbed, disturbed.open_api() as api:
        job_id = disturbed.start(api)
        disturbed.wait_for_requests(9)
        disturbed.service.kill()
        disk.fill()
    with run_service(small_dir, "serve") as service:
        assert service.process.wait() == 1
        assert "disk is full" in "".join(service.log)
    disk.free()
    with disturb(small_dir, watch) as disturbed, disturbed.open_api() as api:
        finish(api, job_id)
        disturbed.check()


@pytest.fixture
def open_disk(monkeypatch):
    """A small disk for the files of a server, which runs as another user."""
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        Path(folder).chmod(0o755)
        with mount_disk(Path(folder) / "disk") as disk, monkeypatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(disk.folder))
            yield disk


@contextmanager
def run_lasting_server():
    """Run a Postgres that keeps what it has committed, as operators run it; give it and what to set."""
    with run_server() as server:
        url = server.plain_url(name := server.create_database())
        with psycopg.connect(url, autocommit=True) as connection:
            lasting = sql.SQL("ALTER DATABASE {} SET synchronous_commit = on")
            connection.execute(lasting.format(sql.Identifier(name)))
        yield server, {"database_url": url, "secret_key": "a-key-that-all-processes-share"}


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("signal", ["INT", "QUIT", "KILL"])
def test_a_database_server_that_ends_at_random_moments_loses_nothing(data_dir, watch, signal):
    dice = Random(11)  # noqa: S311  (no secret)
    with (
        run_lasting_server() as (server, settings),
        disturb(data_dir, watch, **settings) as disturbed,
        disturbed.open_api() as api,
    ):
        for round_ in range(4):
            job_id = disturbed.start(api, incremental=dice.random() < 0.5 and round_ > 0)
            disturbed.wait_for_requests(dice.randint(1, 14), partial(is_over, api, job_id))
            wait_for(lambda: True, after=dice.uniform(0, 2))
            server.stop(signal)
            assert "catalog" in tell_unready(api)
            wait_for(lambda: True, after=dice.uniform(0, 10))
            server.start()
            finish(api, job_id)
            disturbed.check()
            change(watch.site.world, dice)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_database_server_on_a_full_disk_is_waited_for(data_dir, watch, open_disk):
    dice = Random(13)  # noqa: S311  (no secret)
    with (
        run_lasting_server() as (server, settings),
        disturb(data_dir, watch, **settings) as disturbed,
        disturbed.open_api() as api,
    ):
        for _ in range(2):
            job_id = disturbed.start(api)
            disturbed.wait_for_requests(dice.randint(1, 10))
            open_disk.fill(leave=dice.choice((0, 65536, 524288)))
            wait_for(lambda: True, after=dice.uniform(2, 15))
            open_disk.free()
            if not server.is_listening():  # it ends where it cannot write its log
                server.start()
            finish(api, job_id)
            disturbed.check()
            change(watch.site.world, dice)


@pytest.fixture
def clock(tmp_path, monkeypatch):
    clock = make_clock(tmp_path)
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    return clock


def test_a_clock_set_back_and_forth_in_the_middle_of_a_job_changes_nothing(data_dir, watch, clock):
    with disturb(data_dir, watch) as disturbed, disturbed.open_api() as api:
        job_id = disturbed.start(api)
        disturbed.wait_for_requests(6)
        clock.set(-timedelta(days=1))
        disturbed.wait_for_commit()
        clock.set(timedelta(days=366))
        finish(api, job_id)
        clock.set(-timedelta(hours=1))
        change(watch.site.world, Random(1))  # noqa: S311  (no secret)
        finish(api, disturbed.start(api, incremental=True))
        disturbed.check()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_clock_that_is_set_at_random_moments_changes_nothing(data_dir, watch, clock):
    dice = Random(3)  # noqa: S311  (no secret)
    with disturb(data_dir, watch) as disturbed, disturbed.open_api() as api:
        for round_ in range(12):
            job_id = disturbed.start(api, incremental=dice.random() < 0.7 and round_ > 0)
            for _ in range(dice.randint(0, 3)):
                disturbed.wait_for_requests(dice.randint(1, 3), partial(is_over, api, job_id))
                clock.set(dice.choice((-1, 1)) * dice.choice(LATER))
            finish(api, job_id)
            disturbed.check()
            change(watch.site.world, dice)
            clock.set(dice.choice((-1, 0, 1)) * dice.choice(LATER))


@pytest.mark.long
@pytest.mark.parametrize("passed", LATER)
def test_a_schedule_goes_on_at_once_after_the_clock_was_set_back(data_dir, watch, clock, passed):
    """What is due each minute is due within two, however far the clock was set back."""
    clock.set(passed)
    with disturb(data_dir, watch) as disturbed, disturbed.open_api() as api:
        path = "/v2/confluence/sync-configurations/often"
        assert api.http.put(path, json={"settings": {"schedule": "* * * * *"}}).is_success
        job_id = submit(api, watch.site, configuration="often")
        finish(api, job_id)
        clock.set(timedelta())
        disturbed.service.wait_for("job started by its schedule")
        wait_for(lambda: len(list_jobs(api)) > 1)
        names = [job["job_id"] for job in list_jobs(api)]
        assert len(names) == len({*names})


def list_jobs(api):
    answer = api.http.get("/v2/confluence/jobs")
    assert answer.status_code == 200, answer.text
    return answer.json()["jobs"]
