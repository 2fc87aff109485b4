"""Letting one end of a stream work ahead of the other, within a bound."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


async def read_ahead(source: AsyncGenerator[T, None], *, depth: int) -> AsyncGenerator[T, None]:
    """Yield what ``source`` yields while a task reads at most ``depth`` items ahead.

    An error of the source is raised after the items before it. Closing early stops the task and
    closes the source.
    """
    queue: asyncio.Queue[_Item[T] | None] = asyncio.Queue(depth)
    reading = asyncio.create_task(_fill(queue, source))
    reading.add_done_callback(lambda _: _signal_end(queue))
    try:
        while (item := await _next_item(queue, reading)) is not None:
            yield item.value
        await reading
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def _fill(queue: asyncio.Queue[_Item[T] | None], source: AsyncGenerator[T, None]) -> None:
    async with aclosing(source):
        async for value in source:
            await queue.put(_Item(value))


async def _next_item(
    queue: asyncio.Queue[_Item[T] | None], reading: "asyncio.Task[None]"
) -> _Item[T] | None:
    if reading.done() and queue.empty():
        return None
    return await queue.get()


def _signal_end(queue: asyncio.Queue[_Item[T] | None]) -> None:
    """Wake a reader that waits on an empty queue; a full one has no such reader."""
    if queue.empty():
        queue.put_nowait(None)


async def map_ahead(
    function: Callable[[T], Awaitable[Result]], items: Iterable[T], *, limit: int
) -> AsyncGenerator[Result, None]:
    """Yield ``function`` of each item, in the items' order, while at most ``limit`` are under way.

    An error is raised in its item's place. Whatever ends it early, nothing is left running.
    """
    waiting = (asyncio.ensure_future(function(item)) for item in items)
    running = deque(islice(waiting, limit))
    try:
        while running:
            result = await running[0]
            running.popleft()
            running.extend(islice(waiting, 1))
            yield result
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
