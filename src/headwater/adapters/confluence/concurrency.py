"""A few things at a time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def map_unordered(
    function: Callable[[Item], Awaitable[Result]], items: Iterable[Item], *, limit: int
) -> AsyncGenerator[Result, None]:
    """Yield ``function`` of each item as it is done, at most ``limit`` running.

    The first error ends it: it is raised, and what still runs is cancelled. Close the iterator
    (``contextlib.aclosing``) when leaving early.
    """
    waiting = iter(items)
    running: set[asyncio.Future[Result]] = set()
    done: set[asyncio.Future[Result]] = set()
    try:
        while True:
            fresh = islice(waiting, limit - len(running))
            running |= {asyncio.ensure_future(function(item)) for item in fresh}
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for finished in done:
                yield finished.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, *done, return_exceptions=True)


def split(items: Sequence[Item], size: int) -> Iterable[Sequence[Item]]:
    """Yield the items in runs of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))
