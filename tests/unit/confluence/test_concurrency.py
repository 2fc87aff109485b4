import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.confluence.concurrency import Turns, map_unordered, split


async def test_at_most_so_many_run_at_once():
    running = peak = 0

    async def work(item):
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0)
        running -= 1
        return item * 2

    found = [item async for item in map_unordered(work, range(20), limit=3)]
    assert sorted(found) == [item * 2 for item in range(20)]
    assert peak == 3


async def test_the_first_error_is_raised_and_the_rest_is_cancelled():
    cancelled = []

    async def work(item):
        if item == 1:
            raise ValueError(item)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(item)
            raise

    with pytest.raises(ValueError, match="1"):
        async for _ in map_unordered(work, range(10), limit=3):
            pass
    assert sorted(cancelled) == [0, 2]


async def test_leaving_early_starts_nothing_more():
    started = []

    async def work(item):
        started.append(item)

    found = map_unordered(work, range(100), limit=2)
    await anext(found)
    await found.aclose()
    assert len(started) == 2


def test_runs_cover_all_items_in_order():
    assert [list(run) for run in split(range(5), 2)] == [[0, 1], [2, 3], [4]]


def test_callers_are_served_in_turn_and_each_in_its_own_order():
    turns: Turns[str, int] = Turns()
    for item in range(4):
        turns.put("job", item)
    turns.put("call", 10)
    turns.put("other", 20)
    assert len(turns) == 6
    assert [turns.take() for _ in range(6)] == [0, 10, 20, 1, 2, 3]
    with pytest.raises(IndexError):
        turns.take()


@given(st.lists(st.one_of(st.none(), st.integers(0, 4)), max_size=80))
def test_whoever_waits_sees_each_other_caller_served_once_per_place_in_its_own_line(steps):
    turns: Turns[int, int] = Turns()
    waiting: dict[int, tuple[int, int, list[int]]] = {}  # caller, place in line, served since
    for number, caller in enumerate(steps):
        if caller is not None:
            place = sum(other == caller for other, _, _ in waiting.values())
            waiting[number] = (caller, place, [])
            turns.put(caller, number)
        elif waiting:
            taken = turns.take()
            owner, place, served = waiting.pop(taken)
            assert all(served.count(other) <= place + 1 for other in served if other != owner)
            for _, _, seen in waiting.values():
                seen.append(owner)
    assert len(turns) == len(waiting)


def test_what_waits_no_more_is_taken_out():
    turns: Turns[str, int] = Turns()
    for item in range(6):
        turns.put("even" if item % 2 == 0 else "odd", item)
    assert sorted(turns.discard(lambda item: item in {0, 1, 3, 5})) == [0, 1, 3, 5]
    assert turns.discard(lambda _: False) == []
    assert [turns.take() for _ in range(len(turns))] == [2, 4]
