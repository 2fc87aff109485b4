"""The processes that execute jobs, and what they make of the sites they have open."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.claims import forget_seat
from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schema import site_paces, worker_seats
from headwater.adapters.catalog.statements import take_site_turns, upsert_rows
from headwater.domain.pacing import Settlement, SitePace, settle

TAKING_OVER: Final = 0x68656165
"""Key of the advisory lock under which one process at a time takes over from the dead."""


@dataclass(frozen=True, slots=True)
class SqlSeatBook:
    """Implements :class:`headwater.ports.SeatBook`."""

    database: Database

    async def enter(self, name: str) -> None:
        """Add a process."""
        async with self.database.write() as connection:
            await upsert_rows(connection, worker_seats, [{"name": name, "beats": 0}])

    async def beat(self, name: str) -> bool:
        """Show that the process lives; ``False`` if others have struck it out as dead."""
        more = update(worker_seats).values(beats=worker_seats.c.beats + 1)
        async with self.database.write() as connection:
            done = await connection.execute(more.where(worker_seats.c.name == name))
        return done.rowcount == 1

    async def read(self) -> Mapping[str, int]:
        """Return every process's number of beats."""
        async with self.database.read() as connection:
            rows = await connection.execute(select(worker_seats))
            return {row.name: row.beats for row in rows}

    async def strike_out(self, name: str, beats: int) -> bool:
        """Remove a process that has not beaten since, and all its claims; tell whether that was done."""
        silent = and_(worker_seats.c.name == name, worker_seats.c.beats == beats)
        async with self.database.write() as connection:
            done = await connection.execute(delete(worker_seats).where(silent))
            if done.rowcount == 1:
                await forget_seat(connection, name)
        return done.rowcount == 1

    async def leave(self, name: str) -> None:
        """Remove a process and all its claims; fine if it is gone."""
        async with self.database.write() as connection:
            await connection.execute(delete(worker_seats).where(worker_seats.c.name == name))
            await forget_seat(connection, name)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """Keep others out while the block runs; give ``False`` where another is in.

        On SQLite nobody is kept out: file locks see to it there.
        """
        if self.database.engine.dialect.name != "postgresql":
            yield True
            return
        async with self.database.read() as connection:
            lock = text("SELECT pg_try_advisory_xact_lock(:key)")
            yield bool((await connection.execute(lock, {"key": TAKING_OVER})).scalar_one())


@dataclass(frozen=True, slots=True)
class SqlSitePaceBook:
    """Implements :class:`headwater.ports.SitePaceBook`."""

    database: Database

    async def exchange(
        self, seat: str, mine: Mapping[str, SitePace], silent: Mapping[tuple[str, str], int]
    ) -> Mapping[str, Settlement]:
        """Replace what this process said; return what it has of each site."""
        async with self.database.write() as connection:
            await take_site_turns(connection, mine)
            await _remove(connection, _is_closed(seat, mine))
            for (site, other), beats in silent.items():
                await _remove(connection, and_(_is_said(site, other), site_paces.c.beats == beats))
            said = await _read_paces(connection, mine)
            settled = {site: settle(said[site], seat, pace) for site, pace in mine.items()}
            rows = [_to_row(site, seat, settlement.said) for site, settlement in settled.items()]
            await upsert_rows(connection, site_paces, rows)
        return settled


async def _remove(connection: AsyncConnection, condition: ColumnElement[bool]) -> None:
    await connection.execute(delete(site_paces).where(condition))


def _is_closed(seat: str, mine: Mapping[str, SitePace]) -> ColumnElement[bool]:
    return and_(site_paces.c.seat == seat, site_paces.c.site.not_in(list(mine)))


def _is_said(site: str, seat: str) -> ColumnElement[bool]:
    return and_(site_paces.c.site == site, site_paces.c.seat == seat)


async def _read_paces(
    connection: AsyncConnection, sites: Collection[str]
) -> Mapping[str, Mapping[str, SitePace]]:
    """Return what everybody says of these sites, by site and seat."""
    found = await connection.execute(select(site_paces).where(site_paces.c.site.in_(list(sites))))
    said: dict[str, dict[str, SitePace]] = {site: {} for site in sites}
    for row in found:
        said[row.site][row.seat] = SitePace(
            setbacks=row.setbacks,
            window=row.at_once,
            paused_seconds=row.paused_seconds,
            wanted=row.wanted,
            is_prompt=row.is_prompt,
            held=row.held,
            since=row.since,
            beats=row.beats,
        )
    return said


def _to_row(site: str, seat: str, pace: SitePace) -> dict[str, object]:
    return {
        "site": site,
        "seat": seat,
        "setbacks": pace.setbacks,
        "at_once": pace.window,
        "paused_seconds": pace.paused_seconds,
        "wanted": pace.wanted,
        "is_prompt": pace.is_prompt,
        "held": pace.held,
        "since": pace.since,
        "beats": pace.beats,
    }
