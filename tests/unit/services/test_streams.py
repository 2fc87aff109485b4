import asyncio
from contextlib import aclosing

import pytest

from headwater.services.sync.streams import read_ahead


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
