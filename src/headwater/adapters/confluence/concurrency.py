"""A few things at a time, and everybody in turn."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Generic, TypeVar

Caller = TypeVar("Caller")
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


class Turns(Generic[Caller, Item]):
    """A queue that serves its callers in turn, and what each of them put in first come, first served.

    Whoever waits is served after at most one item of each other caller, however much they put in.
    """

    def __init__(self) -> None:
        self._lines: dict[Caller, deque[Item]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def __iter__(self) -> Iterator[Item]:
        return chain.from_iterable(self._lines.values())

    def put(self, caller: Caller, item: Item) -> None:
        """Let the item wait for the caller's turn."""
        self._lines.setdefault(caller, deque()).append(item)

    def take(self) -> Item:
        """Remove and return the item whose turn it is; ``IndexError`` if none waits."""
        if not self._lines:
            raise IndexError("nobody waits")
        caller = next(iter(self._lines))
        line = self._lines.pop(caller)
        item = line.popleft()
        if line:
            self._lines[caller] = line  # behind the others
        return item

    def discard(self, is_unwanted: Callable[[Item], bool]) -> list[Item]:
        """Remove and return the items that are to wait no more."""
        gone = [item for item in self if is_unwanted(item)]
        for caller in tuple(self._lines) if gone else ():
            line = deque(item for item in self._lines[caller] if not is_unwanted(item))
            if line:
                self._lines[caller] = line
            else:
                del self._lines[caller]
        return gone
