"""After any changes, an incremental sync leaves what a fresh full sync would build."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from headwater.adapters.lance.store import LanceStore
from headwater.domain.jobs import ContentRestriction
from headwater.sandbox.faces import DataCenter, Face
from headwater.sandbox.world import World
from tests.integration.sync.happenings import (
    CHEAP,
    CLOUD,
    ON_DATA_CENTER,
    OTHER,
    SPACES,
    Happening,
    happenings,
    make_world,
)
from tests.integration.sync.lab import KEY, paragraphs
from tests.integration.sync.oracle import (
    DIMENSION,
    Bench,
    Index,
    check_clean,
    check_counts,
    open_bench,
)

DATA_CENTER = DataCenter()
OLD_DATA_CENTER = DataCenter(context="", has_scan=False)
FACES = st.sampled_from([DATA_CENTER, OLD_DATA_CENTER])


@dataclass(frozen=True, slots=True)
class Manner:
    """How a space is synced."""

    incremental: bool = True
    audience: tuple[str, ...] = ()
    strict: bool = True
    new_recipe: bool = False

    def prepare(self, index: Index) -> dict[str, Any]:
        if self.new_recipe:
            index.change_recipe()
        restriction = ContentRestriction(self.audience, source_restriction=self.strict)
        return {"incremental": self.incremental, "restriction": restriction}


def rarely(usual, *others):
    """Return the usual value three times out of four."""
    return st.sampled_from([usual] * 3 * len(others) + list(others))


MANNERS = st.builds(
    Manner,
    incremental=rarely(True, False),
    audience=rarely((), ("staff",), ("board", "audit")),
    strict=rarely(True, False),
    new_recipe=rarely(False, True),
)


def write_chapters(*names: str):
    """Return runs of changes, each followed by a sync, mostly of the lab's own space."""
    changes = st.one_of(
        st.lists(happenings(*names), min_size=3, max_size=10),
        st.lists(happenings(*sorted(CHEAP)), min_size=2, max_size=5),
    )
    keys = st.sampled_from([KEY, KEY, *SPACES])
    return st.lists(st.tuples(changes, keys, MANNERS), min_size=2, max_size=3)


CHAPTERS = write_chapters()
ON_DATA_CENTER_CHAPTERS = write_chapters(*ON_DATA_CENTER)

Chapters = Sequence[tuple[Sequence[Happening], str, Manner]]

pytestmark = pytest.mark.untraced
"""What is played here has tests of its own, and would take three times as long if it were traced."""


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def bench(runner, tmp_path_factory):
    opened = open_bench(tmp_path_factory.mktemp("model"))
    yield runner.run(opened.__aenter__())
    runner.run(opened.__aexit__(None, None, None))


async def play(index: Index, chapters: Chapters) -> None:
    """Let things happen and sync, again and again; hold every result against a fresh index."""
    since: dict[str, set[str]] = {KEY: set(), OTHER: {"the first sync"}}
    check_clean(await index.sync(KEY))
    for changes, key, manner in chapters:
        happened = tell(index.world, changes) | ({"new recipe"} if manner.new_recipe else set())
        since = {place: names | happened for place, names in since.items()}
        note(f"-- sync {key}: {manner}")
        job = await index.sync(key, **manner.prepare(index))
        check_clean(job)
        if since[key] <= CHEAP:
            assert job.progress.chunks.embedded == 0, f"embedded for {since[key]}"
        await index.check_like_new(key)
        since[key] = set()


def tell(world: World, changes: Sequence[Happening]) -> set[str]:
    """Let things happen, and note them for the reader of a failure; return what they are called."""
    names = set()
    for it in changes:
        done = it.happen(world)
        if done is not None:
            note(f"{it.name}: {done}")
            names.add(it.name)
    return names


async def play_in_memory(
    bench: Bench, chapters: Chapters, *, uses_roles: bool = True, face: Face = CLOUD
) -> None:
    index = bench.open(make_world(uses_roles=uses_roles, face=face), face=face)
    await play(index, chapters)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("uses_roles", [False, True], ids=["permissions", "roles"])
@settings(max_examples=125)
@given(chapters=CHAPTERS)
def test_an_incremental_sync_leaves_what_a_fresh_one_builds(runner, bench, chapters, uses_roles):
    runner.run(play_in_memory(bench, chapters, uses_roles=uses_roles))


@pytest.mark.long
@pytest.mark.timeout(7200)
@settings(settings.get_profile("long"))
@given(chapters=CHAPTERS, uses_roles=st.booleans())
def test_any_number_of_syncs_leaves_what_a_fresh_one_builds(runner, bench, chapters, uses_roles):
    runner.run(play_in_memory(bench, chapters, uses_roles=uses_roles))


@pytest.mark.timeout(1800)
@settings(max_examples=12)
@given(chapters=ON_DATA_CENTER_CHAPTERS, face=FACES)
def test_an_incremental_sync_of_a_data_center_leaves_what_a_fresh_one_builds(
    runner, bench, chapters, face
):
    runner.run(play_in_memory(bench, chapters, face=face))


@pytest.mark.long
@pytest.mark.timeout(7200)
@settings(settings.get_profile("long"))
@given(chapters=ON_DATA_CENTER_CHAPTERS, face=FACES)
def test_any_number_of_syncs_of_a_data_center_leaves_what_a_fresh_one_builds(
    runner, bench, chapters, face
):
    runner.run(play_in_memory(bench, chapters, face=face))


@pytest.mark.long
@settings(max_examples=4)
@given(chapters=CHAPTERS)
def test_the_stored_vectors_take_the_same_changes(runner, bench, tmp_path_factory, chapters):
    async def play_on_disk() -> None:
        folder = tmp_path_factory.mktemp("vectors")
        store = await LanceStore.open(folder, dimension=DIMENSION)
        try:
            index = bench.open(make_world(uses_roles=False), store)
            await play(index, chapters)
        finally:
            store.close()

    runner.run(play_on_disk())


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=8)
@given(changes=st.lists(happenings(), min_size=1, max_size=6), back=st.sets(st.integers(0, 29)))
def test_what_was_held_ends_as_a_fresh_sync_would_have_it(runner, bench, changes, back):
    async def hold() -> None:
        world = make_world(uses_roles=False)
        ids = [
            world.create_page(KEY, f"Page {place}", paragraphs("it stands everywhere")).id
            for place in range(30)
        ]
        index = bench.open(world)
        check_clean(await index.sync(KEY))
        for content_id in ids:
            world.trash(content_id)
        held = await index.sync(KEY)
        check_counts(held)
        assert held.progress.documents.held == 30
        await index.check_whole()
        for place in back:
            world.restore(ids[place])
        tell(world, changes)
        job = await index.sync(KEY)
        check_clean(job)
        await index.check_like_new(KEY)

    runner.run(hold())
