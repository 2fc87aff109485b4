import asyncio
from contextlib import aclosing

import pytest

from headwater.services.sync.streams import map_ahead, read_ahead, read_together


async def numbers(count: int, seen: list[int]):
    for number in range(count):
        seen.append(number)
        yield number


async def test_every_item_arrives_in_order() -> None:
    for depth in (1, 2, 50):
        got = [item async for item in read_ahead(numbers(20, []), depth=depth)]
        assert got == list(range(20))


async def test_an_empty_source_ends_at_once() -> None:
    assert [item async for item in read_ahead(numbers(0, []), depth=1)] == []


async def test_the_source_never_runs_further_ahead_than_the_depth() -> None:
    seen: list[int] = []
    async with aclosing(read_ahead(numbers(100, seen), depth=3)) as stream:
        async for item in stream:
            await asyncio.sleep(0)
            # one item in hand, three in the queue, one waiting to enter it
            assert len(seen) <= item + 5
            if item == 20:
                break


async def test_an_error_comes_after_the_items_before_it() -> None:
    async def broken():
        yield 1
        yield 2
        raise ValueError("broken")

    stream = read_ahead(broken(), depth=1)
    assert [await anext(stream), await anext(stream)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        await anext(stream)


async def test_closing_early_closes_the_source() -> None:
    closed = asyncio.Event()

    async def endless():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    async with aclosing(read_ahead(endless(), depth=2)) as stream:
        await anext(stream)
    assert closed.is_set()


async def test_what_has_come_meanwhile_is_taken_together_up_to_the_bound() -> None:
    parts = []
    async with aclosing(read_together(numbers(10, []), most=4)) as stream:
        async for part in stream:
            parts.append(part)
            for _ in range(9):  # the source has time to fill the queue
                await asyncio.sleep(0)
    assert parts == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_what_comes_slowly_is_taken_one_by_one() -> None:
    async def slowly():
        for number in range(3):
            for _ in range(9):
                await asyncio.sleep(0)
            yield number

    assert [part async for part in read_together(slowly(), most=4)] == [[0], [1], [2]]
    assert [part async for part in read_together(numbers(0, []), most=4)] == []


async def test_an_error_comes_after_what_was_taken_together_before_it() -> None:
    async def broken():
        yield 1
        yield 2
        raise ValueError("broken")

    stream = read_together(broken(), most=4)
    assert await anext(stream) == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        await anext(stream)


async def test_results_come_in_order_however_long_each_takes() -> None:
    doors = [asyncio.Event() for _ in range(4)]

    async def pass_door(place: int) -> int:
        await doors[place].wait()
        if place:
            doors[place - 1].set()
        return place

    doors[3].set()
    stream = map_ahead(pass_door, range(4), limit=4)
    assert [place async for place in stream] == [0, 1, 2, 3]


async def test_no_more_than_the_limit_are_under_way() -> None:
    under_way: set[int] = set()

    async def work(place: int) -> int:
        under_way.add(place)
        assert len(under_way) <= 3
        await asyncio.sleep(0)
        under_way.remove(place)
        return place

    assert [place async for place in map_ahead(work, range(20), limit=3)] == list(range(20))


async def test_an_error_takes_its_items_place_and_cancels_the_rest() -> None:
    cancelled = asyncio.Event()

    async def work(place: int) -> int:
        if place == 1:
            raise ValueError("broken")
        try:
            await asyncio.sleep(0 if place == 0 else 60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return place

    stream = map_ahead(work, range(9), limit=3)
    assert await anext(stream) == 0
    with pytest.raises(ValueError, match="broken"):
        await anext(stream)
    assert cancelled.is_set()


async def test_leaving_early_leaves_nothing_running() -> None:
    before = asyncio.all_tasks()
    async with aclosing(map_ahead(asyncio.sleep, [0, 60, 60], limit=3)) as stream:
        await anext(stream)
    assert asyncio.all_tasks() == before
