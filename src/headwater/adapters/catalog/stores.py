"""Opens the catalog."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from headwater.adapters.catalog.credentials import SqlCredentialStore
from headwater.adapters.catalog.deletions import SqlDeletionStore
from headwater.adapters.catalog.documents import SqlCatalog
from headwater.adapters.catalog.engine import Database, make_engine, parse_url
from headwater.adapters.catalog.generations import SqlGenerationStore
from headwater.adapters.catalog.homes import SqlStoreHomes
from headwater.adapters.catalog.inventory import SqlInventory
from headwater.adapters.catalog.jobs import SqlJobStore
from headwater.adapters.catalog.library import SqlLibrary
from headwater.adapters.catalog.revisions import upgrade_schema
from headwater.adapters.catalog.schedules import SqlScheduleStore
from headwater.adapters.catalog.seats import SqlSeatBook, SqlSitePaceBook
from headwater.adapters.catalog.sessions import SqlSessionStore
from headwater.adapters.catalog.settings import SqlBlacklistStore, SqlSyncConfigurationStore
from headwater.adapters.catalog.store_ledger import SqlStoreLedger
from headwater.adapters.catalog.work import SqlWorkList


@dataclass(frozen=True, slots=True)
class CatalogStores:
    """The stores of one database, over one pool of connections."""

    jobs: SqlJobStore
    credentials: SqlCredentialStore
    work: SqlWorkList
    catalog: SqlCatalog
    configurations: SqlSyncConfigurationStore
    blacklist: SqlBlacklistStore
    schedules: SqlScheduleStore
    ledger: SqlStoreLedger
    generations: SqlGenerationStore
    homes: SqlStoreHomes
    inventory: SqlInventory
    library: SqlLibrary
    deletions: SqlDeletionStore
    seats: SqlSeatBook
    paces: SqlSitePaceBook
    sessions: SqlSessionStore
    engine: AsyncEngine

    @property
    def is_shared(self) -> bool:
        """Whether the database is on a server, which processes of several machines can reach."""
        return self.engine.dialect.name != "sqlite"

    async def close(self) -> None:
        """Close every connection; the stores are not to be used any more."""
        await self.engine.dispose()


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def open_catalog(url: str, *, now: Callable[[], datetime] = _utc_now) -> CatalogStores:
    """Open the catalog at a SQLAlchemy URL, creating or upgrading its schema first.

    ``sqlite:///path`` or ``postgresql://…``; the driver is ours to choose. Raises ``ConfigError``
    for a URL or a database that cannot be used, one that newer code has written included.
    """
    parsed = parse_url(url)
    await asyncio.to_thread(upgrade_schema, parsed)
    engine = make_engine(parsed)
    database = Database(engine)
    return CatalogStores(
        jobs=SqlJobStore(database, now),
        credentials=SqlCredentialStore(database),
        work=SqlWorkList(database),
        catalog=SqlCatalog(database, now),
        configurations=SqlSyncConfigurationStore(database),
        blacklist=SqlBlacklistStore(database),
        schedules=SqlScheduleStore(database),
        ledger=SqlStoreLedger(database),
        generations=SqlGenerationStore(database),
        homes=SqlStoreHomes(database),
        inventory=SqlInventory(database),
        library=SqlLibrary(database),
        deletions=SqlDeletionStore(database),
        seats=SqlSeatBook(database),
        paces=SqlSitePaceBook(database),
        sessions=SqlSessionStore(database),
        engine=engine,
    )
