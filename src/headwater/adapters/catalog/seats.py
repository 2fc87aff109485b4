"""The processes that execute jobs, and what they make of the sites they have open."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, delete, select, text, update

from headwater.adapters.catalog.claims import forget_seat
from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schema import site_paces, worker_seats
from headwater.adapters.catalog.statements import upsert_rows
from headwater.ports import SitePace

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
        self, seat: str, mine: Mapping[str, SitePace]
    ) -> Mapping[str, Mapping[str, SitePace]]:
        """Replace what this process said; return what the others say of the same sites, by seat."""
        rows = [
            {
                "site": site,
                "seat": seat,
                "setbacks": pace.setbacks,
                "paused_seconds": pace.paused_seconds,
            }
            for site, pace in mine.items()
        ]
        said = site_paces.c.seat == seat
        async with self.database.write() as connection:
            closed = delete(site_paces).where(said, site_paces.c.site.not_in(list(mine)))
            await connection.execute(closed)
            await upsert_rows(connection, site_paces, rows)
            others = select(site_paces).where(~said, site_paces.c.site.in_(list(mine)))
            found = (await connection.execute(others)).all()
        return {
            site: {
                row.seat: SitePace(row.setbacks, row.paused_seconds)
                for row in found
                if row.site == site
            }
            for site in mine
        }
