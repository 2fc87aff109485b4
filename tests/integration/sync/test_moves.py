"""A page that moves between two spaces leaves one index and is in the other, however their syncs interleave."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.domain.jobs import ContentRestriction, JobStatus
from headwater.ports import Catalog, VectorStore
from headwater.sandbox.world import World
from tests.integration.sync.happenings import COMMON, OTHER, SPACES
from tests.integration.sync.lab import KEY, Lab, paragraphs
from tests.integration.sync.oracle import Bench, Index, open_bench

GATED = {
    VectorStore: ("apply", "read_vectors"),
    Catalog: ("known", "missing", "write_access", "record", "forget", "hold"),
}
"""Between any two of these calls the other space's job may have its turn."""


@dataclass
class Turns:
    """Lets two jobs through their calls one at a time, as the coin says; then both as they come."""

    coins: list[bool]
    waiting: dict[bool, list[asyncio.Event]] = field(default_factory=lambda: {False: [], True: []})
    done: set[bool] = field(default_factory=set)

    async def take(self, side: bool) -> None:  # noqa: FBT001  (the coin's side)
        """Return when it is this side's turn."""
        event = asyncio.Event()
        self.waiting[side].append(event)
        self.toss()
        await event.wait()

    def leave(self, side: bool) -> None:  # noqa: FBT001  (same)
        self.done.add(side)
        self.toss()

    def toss(self) -> None:
        """Let one go once everybody who is still at work waits."""
        ready = [side for side, events in self.waiting.items() if events]
        if not ready or len({*ready, *self.done}) < 2:
            return
        wanted = self.coins.pop(0) if self.coins else ready[0]
        self.waiting[wanted if wanted in ready else ready[0]].pop(0).set()


class Gated:
    """A port whose calls wait for their side's turn."""

    def __init__(self, port: object, names: Sequence[str], turns: Turns, side: bool) -> None:  # noqa: FBT001  (same)
        self._port, self._names, self._turns, self._side = port, names, turns, side

    def __getattr__(self, name: str):
        call = getattr(self._port, name)
        if name not in self._names:
            return call

        async def wait_and_call(*args, **kwargs):
            await self._turns.take(self._side)
            return await call(*args, **kwargs)

        return wait_and_call


def gate(index: Index, turns: Turns, side: bool) -> Lab:  # noqa: FBT001  (the coin's side)
    """Return the index's lab, whose writing waits for this side's turn."""
    ports = index.lab.ports
    store = Gated(ports.store, GATED[VectorStore], turns, side)
    catalog = Gated(ports.catalog, GATED[Catalog], turns, side)
    return replace(index.lab, ports=replace(ports, store=store, catalog=catalog))


async def sync_both(index: Index, coins: list[bool], *, incremental: bool) -> None:
    """Sync the two spaces side by side, call by call as the coins fall."""
    turns = Turns(coins)
    manner = {"incremental": incremental, "restriction": ContentRestriction()}
    refs = [await index.submit(key, **manner) for key in SPACES]

    async def run(side: bool) -> None:  # noqa: FBT001  (the coin's side)
        job = await gate(index, turns, side).run(refs[side])
        turns.leave(side)
        assert job.status is JobStatus.SUCCEEDED, job.message

    await asyncio.gather(run(False), run(True))


def make_spaces() -> tuple[World, str]:
    world = World()
    for key in SPACES:
        world.add_space(key, key.title())
        world.create_page(key, f"Stayer in {key}", paragraphs(f"{COMMON} it stays"))
    mover = world.create_page(KEY, "Mover", paragraphs(f"{COMMON} it moves")).id
    world.attach(mover, "plan.txt", f"{COMMON} a plan".encode(), media_type="text/plain")
    return world, mover


async def move_and_sync(
    bench: Bench, coins: list[bool], *, edited: bool, incremental: bool
) -> None:
    world, mover = make_spaces()
    index = bench.open(world)
    for key in SPACES:
        await index.sync(key, restriction=ContentRestriction())
    world.move(mover, key=OTHER)
    if edited:
        world.edit(mover, paragraphs(f"{COMMON} it has moved"))
    await sync_both(index, coins, incremental=incremental)
    await index.check_whole()
    placed = {row["title"]: row["space"] for row in (await index.read_rows()).values()}
    assert (placed["Mover"], placed["plan.txt"]) == (OTHER, OTHER)
    found = await index.search_all(None, OTHER)
    assert mover in found
    assert len(found) == 3
    assert len(await index.search_all(None, KEY)) == 1


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def bench(runner, tmp_path_factory):
    opened = open_bench(tmp_path_factory.mktemp("moves"))
    yield runner.run(opened.__aenter__())
    runner.run(opened.__aexit__(None, None, None))


class Interrupted:
    """A store before whose first call with such a batch something else happens."""

    def __init__(self, store: VectorStore, part: str, happen: Callable[[], Awaitable[object]]):
        self._store, self._part, self._happen = store, part, [happen]

    def __getattr__(self, name: str):
        return getattr(self._store, name)

    async def apply(self, namespace, batch) -> None:
        if self._happen and getattr(batch, self._part):
            await self._happen.pop()()
        await self._store.apply(namespace, batch)


async def interrupt(bench: Bench, first: str, second: str, part: str) -> None:
    """Sync one space, and the other in the middle of that, after a page moved between them."""
    world, mover = make_spaces()
    index = bench.open(world)
    manner = {"restriction": ContentRestriction()}
    for key in SPACES:
        await index.sync(key, **manner)
    world.move(mover, key=OTHER)
    refs = [await index.submit(key, **manner) for key in (first, second)]
    store = Interrupted(index.lab.ports.store, part, lambda: index.lab.run(refs[1]))
    lab = replace(index.lab, ports=replace(index.lab.ports, store=store))
    await lab.run(refs[0])
    await index.check_whole()
    assert mover in await index.search_all(None, OTHER)


def test_a_page_that_was_taken_over_just_before_its_removal_stays(runner, bench):
    runner.run(interrupt(bench, KEY, OTHER, "deletions"))


def test_a_page_that_was_removed_just_before_it_was_taken_over_is_read_again(runner, bench):
    runner.run(interrupt(bench, OTHER, KEY, "metadata"))


@pytest.mark.timeout(1800)
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(
    coins=st.lists(st.booleans(), min_size=20, max_size=60),
    edited=st.booleans(),
    incremental=st.booleans(),
)
def test_a_moved_page_leaves_one_index_and_is_in_the_other_whoever_is_first(
    runner, bench, coins, edited, incremental
):
    runner.run(move_and_sync(bench, list(coins), edited=edited, incremental=incremental))
