"""A catalog that cannot grow: what it says, and whose fault it is."""

import pytest
from psycopg.errors import DiskFull
from sqlalchemy import event

from headwater.adapters.catalog.engine import _is_disk_full
from headwater.adapters.catalog.stores import open_catalog
from headwater.domain.errors import BackendAwayError
from headwater.domain.jobs import JobChange
from tests.contract.catalog_samples import add_running_job, make_ref


def forbid_growth(connection, _record):
    """Let SQLite behave as on a full disk: the file keeps the size that it has."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA max_page_count = 1")
    cursor.close()


async def test_a_full_disk_is_named_and_is_no_documents_fault(tmp_path):
    stores = await open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    try:
        ref = make_ref()
        await add_running_job(stores, ref)
        await stores.engine.dispose()
        event.listen(stores.engine.sync_engine, "connect", forbid_growth)
        with pytest.raises(BackendAwayError, match="disk of the catalog database is full"):
            await stores.jobs.change(ref, JobChange(message="x" * 1_000_000))
        event.remove(stores.engine.sync_engine, "connect", forbid_growth)
        await stores.engine.dispose()
        await stores.jobs.change(ref, JobChange(message="x" * 1_000_000))
    finally:
        await stores.close()


def test_a_full_disk_of_postgres_is_told_from_other_trouble():
    assert _is_disk_full(DiskFull("could not extend file"))
    assert not _is_disk_full(OSError(28, "No space left on device"))
