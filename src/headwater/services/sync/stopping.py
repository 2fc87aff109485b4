"""Stopping a job that somebody cancels, in the middle of whatever it is waiting for."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from headwater.domain.errors import JobCancelledError, RetryableError
from headwater.domain.jobs import JobRef
from headwater.ports import Ports
from headwater.services.job_reports import read_job

LOOK_SECONDS: Final = 1.0
"""Between two looks at whether the job is to stop."""

T = TypeVar("T")


async def check_cancelled(ports: Ports, ref: JobRef) -> None:
    """Raise ``JobCancelledError`` once somebody asked the job to stop."""
    if (await read_job(ports.jobs, ref)).cancel_requested:
        raise JobCancelledError("cancelled on request; what was brought in so far stays")


async def check_room(ports: Ports, ref: JobRef) -> None:
    """Raise ``BackendAwayError`` while there is too little room to go on; nobody waits to be cancelled."""
    try:
        await ports.check_room()
    except RetryableError:
        await check_cancelled(ports, ref)
        raise


async def until_cancelled(ports: Ports, ref: JobRef, work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; end it and raise ``JobCancelledError`` when the job is to stop.

    For work that may be cut off anywhere: waiting for Confluence or a model, and reading. Not for
    writing to the store, which the catalog has to hear of.
    """
    over = asyncio.Event()
    working = asyncio.create_task(work)
    watching = asyncio.create_task(_watch(ports, ref, over))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            watching.result()
        return working.result()
    finally:
        over.set()
        working.cancel()
        await asyncio.wait({working, watching})


async def _watch(ports: Ports, ref: JobRef, over: asyncio.Event) -> None:
    while not await _comes(over, within=LOOK_SECONDS):
        with suppress(RetryableError):  # what a busy catalog refused, the next look sees
            await check_cancelled(ports, ref)


async def _comes(event: asyncio.Event, *, within: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            return await event.wait()
    return False
