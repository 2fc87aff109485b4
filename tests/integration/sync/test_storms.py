"""Whatever goes wrong, nothing is lost or opened; and one quiet sync sets everything right."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from headwater.adapters.confluence import annotations, by_space, content
from headwater.domain.jobs import Job, JobStatus
from headwater.sandbox import data_center
from headwater.sandbox.faces import Face
from tests.integration.sync.happenings import (
    CLOUD,
    ON_DATA_CENTER,
    SPACES,
    Happening,
    happenings,
    list_documents,
    list_people,
    make_world,
)
from tests.integration.sync.lab import KEY
from tests.integration.sync.oracle import (
    Bench,
    Index,
    check_clean,
    check_counts,
    list_indexable,
    name_of,
    open_bench,
)
from tests.integration.sync.storm import Storm
from tests.integration.sync.test_model import DATA_CENTER, FACES, tell


def write_chapters(*names: str):
    """Return changes, then a stormy sync of one space: the seed and the rate of its storm."""
    chapter = st.tuples(
        st.lists(happenings(*names), min_size=1, max_size=6),
        st.sampled_from([KEY, KEY, *SPACES]),
        st.integers(0, 10_000),
        st.sampled_from([0.02, 0.05, 0.1, 0.3]),
    )
    return st.lists(chapter, min_size=1, max_size=3)


def begin(*names: str):
    """Return what happens before the first sync."""
    return st.lists(happenings(*names), min_size=2, max_size=8)


def interrupt(*names: str):
    """Return changes in the middle of a sync, by the number of requests before them."""
    changes = st.lists(happenings(*names), min_size=1, max_size=3)
    return st.dictionaries(st.integers(1, 40), changes, min_size=3, max_size=8)


Chapters = Sequence[tuple[Sequence[Happening], str, int, float]]
Views = Mapping[str, set[str]]

pytestmark = pytest.mark.untraced
"""As for the sequences without storms."""


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def bench(runner, tmp_path_factory):
    opened = open_bench(tmp_path_factory.mktemp("storms"))
    yield runner.run(opened.__aenter__())
    runner.run(opened.__aexit__(None, None, None))


@pytest.fixture(scope="module", autouse=True)
def _short_pages():
    """Let every listing take several requests, so that it can break off on its way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "_PAGE_SIZE", 3)
        patch.setattr(annotations, "_PAGE_SIZE", "3")
        patch.setattr(by_space, "_PAGE_SIZE", "3")
        for cap in ("_CAP_BODIES", "_CAP_EXPANDED", "_CAP_PLAIN"):
            patch.setattr(data_center, cap, 3)
        yield


@dataclass
class Witness:
    """Remembers what Confluence has shown while the index was not proven to be up to date."""

    index: Index
    shown: dict[str, set[str]] = field(default_factory=dict)
    standing: set[tuple[str, str]] = field(default_factory=set)

    def start(self) -> None:
        """Begin again: the index is what Confluence is."""
        self.shown = self.index.show_world()

    def watch(self) -> None:
        """Add what Confluence shows at this moment."""
        for name, ids in self.index.show_world().items():
            self.shown.setdefault(name, set()).update(ids)

    async def check_access(self) -> None:
        """Assert that no reader finds what Confluence has not shown him meanwhile."""
        found = await self.index.read_views()
        for user in list_people(self.index.world):
            name = name_of(user)
            assert found[name] <= self.shown[name], f"{name} sees too much"
            assert await self.index.search_all(user) <= found[name]


def list_standing(index: Index) -> set[tuple[str, str]]:
    """Return the space and id of everything in Confluence that belongs into an index."""
    return {
        (key, item)
        for key in SPACES
        for page in list_documents(index.world, key)
        for item in list_indexable(index.world, page)
    }


async def list_searchable(index: Index) -> set[tuple[str, str]]:
    rows = (await index.read_rows()).values()
    return {
        (str(row["space"]), str(row["content_id"])) for row in rows if row["state"] == "indexed"
    }


async def sync_in_storm(index: Index, key: str, storm: Storm) -> Job:
    """Submit in fair weather, sync in the storm; assert that nothing is lost."""
    before = await list_searchable(index) & list_standing(index)
    ref = await index.submit(key)
    index.lose_patience()
    index.lab.site.faults.append(storm)
    index.wire.breaks_off = storm.break_off
    try:
        job = await index.lab.run(ref)
    finally:
        index.lab.site.faults.clear()
        index.wire.breaks_off = None
    note(f"-- sync {key} in {storm}: {job.status}, {job.message}")
    after = {item for _, item in await list_searchable(index)}
    assert {item for _, item in before & list_standing(index)} <= after, "lost"
    if job.status in {JobStatus.SUCCEEDED, JobStatus.PARTIAL}:
        check_counts(job)
    await index.check_whole()
    return job


async def clear_up(index: Index) -> None:
    """Sync both spaces in fair weather; assert that all is as if nothing had been."""
    for key in SPACES:
        check_clean(await index.sync(key))
    for key in SPACES:
        await index.check_like_new(key)


async def play(
    bench: Bench, first: Sequence[Happening], chapters: Chapters, face: Face = CLOUD
) -> None:
    index = bench.open(make_world(uses_roles=False, face=face), face=face)
    tell(index.world, first)
    note("-- sync both")
    for key in SPACES:
        check_clean(await index.sync(key))
    witness = Witness(index)
    witness.start()
    for changes, key, seed, rate in chapters:
        tell(index.world, changes)
        witness.watch()
        await sync_in_storm(index, key, Storm(seed, rate))
        await witness.check_access()
    await clear_up(index)


@dataclass
class Bustle:
    """A fault that changes the world, not the answer: things happen after so many requests."""

    index: Index
    coming: dict[int, list[Happening]]
    standing: set[tuple[str, str]] = field(default_factory=set)
    """What was there all the time."""
    _asked: int = 0

    def __post_init__(self) -> None:
        self.standing = list_standing(self.index)

    def __call__(self, _request: Request, _route: str, answer: Response) -> Response:
        self._asked += 1
        if tell(self.index.world, self.coming.pop(self._asked, ())):
            self.standing &= list_standing(self.index)
        return answer


async def play_bustle(
    bench: Bench,
    first: Sequence[Happening],
    coming: dict[int, list[Happening]],
    face: Face = CLOUD,
) -> None:
    index = bench.open(make_world(uses_roles=False, face=face), face=face)
    tell(index.world, first)
    for key in SPACES:
        check_clean(await index.sync(key))
    before = await list_searchable(index)
    ref = await index.submit(KEY)
    bustle = Bustle(index, coming)
    note("-- while it syncs")
    index.lab.site.faults.append(bustle)
    check_counts(await index.lab.run(ref))
    index.lab.site.faults.clear()
    after = {item for _, item in await list_searchable(index)}
    assert {item for _, item in before & bustle.standing} <= after, "lost"
    await index.check_whole()
    await clear_up(index)


@pytest.mark.timeout(1800)
@settings(max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(first=begin(), chapters=write_chapters())
def test_a_storm_loses_nothing_opens_nothing_and_leaves_no_trace(runner, bench, first, chapters):
    runner.run(play(bench, first, chapters))


@pytest.mark.long
@pytest.mark.timeout(7200)
@settings(settings.get_profile("long"))
@given(first=begin(), chapters=write_chapters())
def test_no_storm_loses_or_opens_anything(runner, bench, first, chapters):
    runner.run(play(bench, first, chapters))


@pytest.mark.timeout(1800)
@settings(max_examples=6, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(first=begin(*ON_DATA_CENTER), chapters=write_chapters(*ON_DATA_CENTER))
def test_a_storm_over_a_data_center_leaves_no_trace(runner, bench, first, chapters):
    runner.run(play(bench, first, chapters, DATA_CENTER))


@pytest.mark.long
@pytest.mark.timeout(7200)
@settings(settings.get_profile("long"))
@given(first=begin(*ON_DATA_CENTER), chapters=write_chapters(*ON_DATA_CENTER), face=FACES)
def test_no_storm_over_a_data_center_loses_or_opens_anything(runner, bench, first, chapters, face):
    runner.run(play(bench, first, chapters, face))


@pytest.mark.timeout(1800)
@settings(max_examples=12)
@given(first=begin(), coming=interrupt())
def test_changes_in_the_middle_of_a_sync_are_seen_by_the_next(runner, bench, first, coming):
    runner.run(play_bustle(bench, first, dict(coming)))


@pytest.mark.long
@pytest.mark.timeout(7200)
@settings(settings.get_profile("long"))
@given(first=begin(), coming=interrupt())
def test_no_change_in_the_middle_of_a_sync_is_missed_by_the_next(runner, bench, first, coming):
    runner.run(play_bustle(bench, first, dict(coming)))


@pytest.mark.long
@pytest.mark.timeout(7200)
@settings(settings.get_profile("long"))
@given(first=begin(*ON_DATA_CENTER), coming=interrupt(*ON_DATA_CENTER), face=FACES)
def test_no_change_in_the_middle_of_a_data_centers_sync_is_missed(
    runner, bench, first, coming, face
):
    runner.run(play_bustle(bench, first, dict(coming), face))
