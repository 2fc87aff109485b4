import asyncio

import pytest

from headwater.adapters.confluence.concurrency import map_unordered, split


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
