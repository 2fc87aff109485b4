"""How many requests are made at once, so that no tenant waits behind another's thousands."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from headwater.domain.ids import Namespace

Item = TypeVar("Item")

REQUESTS_AT_ONCE: Final = 8
"""Of one namespace, where Pinecone allows 100 a second of each kind."""

REQUESTS_IN_ALL: Final = 32
"""However many tenants there are: none has more than its own few waiting for these."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Lets a bounded number of requests go at once, of each namespace and in all."""

    of_all: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(REQUESTS_IN_ALL))
    of_each: WeakValueDictionary[Namespace, asyncio.Semaphore] = field(
        default_factory=WeakValueDictionary
    )

    async def gather(
        self, namespace: Namespace, calls: Iterable[Callable[[], Awaitable[Item]]]
    ) -> list[Item]:
        """Make the calls and return their answers in order.

        After one error none is begun, and all have ended when it is raised: where Pinecone is away,
        thousands more would each wait for their own timeout.
        """
        own = self.of_each.setdefault(namespace, asyncio.Semaphore(REQUESTS_AT_ONCE))
        failed = asyncio.Event()

        async def make(call: Callable[[], Awaitable[Item]]) -> list[Item]:
            async with own, self.of_all:
                if failed.is_set():
                    return []
                try:
                    return [await call()]
                except BaseException:
                    failed.set()
                    raise

        ended = await asyncio.gather(*map(make, calls), return_exceptions=True)
        results: list[Item] = []
        for made in ended:
            if isinstance(made, BaseException):
                raise made
            results += made
        return results
