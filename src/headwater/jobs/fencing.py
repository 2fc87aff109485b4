"""Keeping a process that passed for dead from writing what is another's by now."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

from headwater.domain.errors import ClaimLostError
from headwater.jobs.seats import Seats
from headwater.ports import Ports

Port = TypeVar("Port")


class Fence:
    """Lets through what begins while this process holds its seat, as it did when the fence was made."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats
        self._is_down = False

    async def check(self) -> None:
        """Raise ``ClaimLostError`` once the seat is lost; what was fenced off stays so."""
        if self._is_down or not await self._seats.is_held():
            self._is_down = True
            raise ClaimLostError(
                "this process passed for dead; another has taken over what it was at"
            )


class _Fenced:
    """Any port whose calls all go through a fence. A call's checks cost nothing but in doubt."""

    def __init__(self, port: object, fence: Fence) -> None:
        self._port = port
        self._fence = fence

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._port, name)

        @wraps(call)
        async def go_through(*arguments: object, **options: object) -> object:
            await self._fence.check()
            return await call(*arguments, **options)

        return go_through


def fence_ports(ports: Ports, fence: Fence) -> Ports:
    """Return the ports for work that another process may take over: with all that is stored fenced."""

    def put_behind(port: Port) -> Port:
        return cast("Port", _Fenced(port, fence))

    return replace(
        ports,
        store=put_behind(ports.store),
        catalog=put_behind(ports.catalog),
        jobs=put_behind(ports.jobs),
        work=put_behind(ports.work),
        credentials=put_behind(ports.credentials),
        deletions=put_behind(ports.deletions),
    )
