"""Letting one end of a stream work ahead of the other, within a bound."""

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _Ahead(Generic[T]):
    """A task that reads into a queue; ``None`` in it wakes who waits for what does not come."""

    queue: "asyncio.Queue[_Item[T] | None]"
    reading: "asyncio.Task[None]"

    async def take(self) -> _Item[T] | None:
        """Return the next item; ``None`` once there is no more. The source's error comes in its place."""
        item = None if self.reading.done() and self.queue.empty() else await self.queue.get()
        if item is None:
            await self.reading
        return item

    def take_waiting(self) -> Iterator[T]:
        """Yield what has been read already."""
        while not self.queue.empty():
            if item := self.queue.get_nowait():
                yield item.value


async def read_ahead(source: AsyncGenerator[T, None], *, depth: int) -> AsyncGenerator[T, None]:
    """Yield what ``source`` yields while a task reads at most ``depth`` items ahead.

    An error of the source is raised after the items before it. Closing early stops the task and
    closes the source.
    """
    async with _reading_ahead(source, depth) as ahead:
        while item := await ahead.take():
            yield item.value


async def read_together(
    source: AsyncGenerator[T, None], *, most: int
) -> AsyncGenerator[Sequence[T], None]:
    """Do the same, but yield at once all that has been read since the last time: 1 to ``most`` items."""
    async with _reading_ahead(source, most) as ahead:
        while item := await ahead.take():
            yield [item.value, *ahead.take_waiting()]


@asynccontextmanager
async def _reading_ahead(source: AsyncGenerator[T, None], depth: int) -> AsyncIterator[_Ahead[T]]:
    queue: asyncio.Queue[_Item[T] | None] = asyncio.Queue(depth)
    reading = asyncio.create_task(_fill(queue, source))
    reading.add_done_callback(lambda _: _signal_end(queue))
    try:
        yield _Ahead(queue, reading)
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def _fill(queue: "asyncio.Queue[_Item[T] | None]", source: AsyncGenerator[T, None]) -> None:
    async with aclosing(source):
        async for value in source:
            await queue.put(_Item(value))


def _signal_end(queue: "asyncio.Queue[_Item[T] | None]") -> None:
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
