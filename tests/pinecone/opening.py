"""A store on the Pinecone-protocol server, with its ledger in a real catalog."""

from contextlib import asynccontextmanager
from pathlib import Path

from headwater.adapters.catalog.engine import Database, make_engine, parse_url
from headwater.adapters.catalog.schema import metadata
from headwater.adapters.catalog.store_ledger import SqlStoreLedger
from headwater.adapters.pinecone.opening import IndexSettings
from headwater.adapters.pinecone.store import open_store
from headwater.domain.secrets import Secret
from tests.contract.records import DIMENSION
from tests.pinecone.server import KEY

INDEX = IndexSettings(name="headwater", cloud="aws", region="us-east-1")


@asynccontextmanager
async def open_pinecone_store(server, ledger, *, dimension=DIMENSION, index=INDEX):
    async with open_store(
        api_key=Secret(KEY),
        host=server.url,
        index=index,
        dimension=dimension,
        ledger=ledger,
    ) as store:
        yield store


@asynccontextmanager
async def open_ledger(folder: Path):
    """Open the ledger alone, on tables made without their history."""
    engine = make_engine(parse_url(f"sqlite:///{folder}/ledger.db"))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        yield SqlStoreLedger(Database(engine))
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_fresh_store(server, folder: Path, *, dimension=DIMENSION):
    """Open a store on the server as if nobody had used it before."""
    server.reset()
    async with (
        open_ledger(folder) as ledger,
        open_pinecone_store(server, ledger, dimension=dimension) as store,
    ):
        yield store
