"""After any changes, an incremental sync leaves what a fresh full sync would build."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from headwater.adapters.lance.store import LanceStore
from headwater.adapters.embedders.memory import MemoryEmbedder
from tests.integration.sync.happenings import (
    CHEAP,
    SPACES,
    Happening,
    happenings,
    make_world,
)
from tests.integration.sync.lab import KEY
from tests.integration.sync.oracle import Bench, check_clean, open_bench

CHAPTERS = st.lists(
    st.tuples(st.lists(happenings(), min_size=1, max_size=8), st.integers(0, 3)),
    min_size=1,
    max_size=3,
)
"""Runs of changes, each followed by a sync: three in four are of the lab's own space."""

Chapters = Sequence[tuple[Sequence[Happening], int]]


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def bench(runner, tmp_path_factory):
    opened = open_bench(tmp_path_factory.mktemp("model"))
    yield runner.run(opened.__aenter__())
    runner.run(opened.__aexit__(None, None, None))


async def play(bench: Bench, chapters: Chapters, *, uses_roles: bool) -> None:
    world = make_world(uses_roles=uses_roles)
    async with bench.open(world) as index:
        for changes, number in chapters:
            done = [(it.name, it.happen(world)) for it in changes]
            key = SPACES[number == 3]
            for name, what in done:
                if what:
                    note(f"{name}: {what}")
            note(f"-- sync {key}")
            check_clean(await index.sync(key))
            await index.check_like_new(key)


@settings(max_examples=60)
@given(chapters=CHAPTERS, uses_roles=st.booleans())
def test_an_incremental_sync_leaves_what_a_fresh_one_builds(runner, bench, chapters, uses_roles):
    runner.run(play(bench, chapters, uses_roles=uses_roles))
