"""Which embedded vector store holds the catalog's records: one folder, of one machine."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schema import store_homes
from headwater.adapters.catalog.statements import make_insert
from headwater.domain.errors import ConfigError

ONLY: Final = 1
"""The key of the only row."""


@dataclass(frozen=True, slots=True)
class StoreHome:
    """A store's folder: what is written in it to tell it from others, and for people the machine."""

    identity: str
    machine: str


@dataclass(frozen=True, slots=True)
class SqlStoreHomes:
    """Keeps processes of several machines from each filling a store of its own."""

    database: Database

    async def settle(self, home: StoreHome) -> None:
        """Make this store the catalog's if there is none yet; ``ConfigError`` if another one is."""
        row = {"id": ONLY, "identity": home.identity, "machine": home.machine}
        async with self.database.write() as connection:
            entered = make_insert(connection, store_homes).values(row).on_conflict_do_nothing()
            await connection.execute(entered)
            present = (await connection.execute(select(store_homes))).one()
        if present.identity != home.identity:
            raise ConfigError(
                f"HEADWATER_DATA_DIR: the catalog's vectors are in another store, on"
                f" {present.machine}, and this one on {home.machine} would be searched without them."
                " The embedded store is for one machine: run every process there, on the same"
                " folder, or set HEADWATER_VECTOR_STORE=pinecone. If this folder is that store and"
                " has lost its store-id, empty the catalog's table store_homes and start again."
            )
