"""What a process does over and over beside its jobs, each thing at its own pace."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import sqlalchemy
import structlog

from headwater.domain.errors import HeadwaterError

_log = structlog.get_logger("headwater.jobs")


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so many seconds, and at once when ``wanted`` is set."""

    name: str
    every: float
    do: Callable[[], Awaitable[None]]
    wanted: asyncio.Event = field(default_factory=asyncio.Event)


async def keep_doing(chores: Sequence[Chore]) -> None:
    """Do all chores until cancelled; a defect ends them all.

    A backend that is away, or that refuses until an operator mends it, is waited for: other tenants'
    jobs go on meanwhile. So is a disk that is full, or not to be written.
    """
    async with asyncio.TaskGroup() as group:
        for chore in chores:
            group.create_task(_repeat(chore))


async def _repeat(chore: Chore) -> None:
    while True:
        chore.wanted.clear()
        try:
            await chore.do()
        except (HeadwaterError, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
            _log.warning("cannot do a chore now; trying again", chore=chore.name, reason=str(error))
        # Not wait_for: it takes no notice of being cancelled at the moment the event is set.
        with suppress(TimeoutError):
            async with asyncio.timeout(chore.every):
                await chore.wanted.wait()
