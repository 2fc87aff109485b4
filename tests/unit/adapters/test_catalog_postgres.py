"""What is Postgres's own: its transactions, its errors, and a server that is restarted."""

import asyncio

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.schema import jobs
from headwater.adapters.catalog.stores import open_catalog
from headwater.domain.errors import RetryableError
from headwater.domain.jobs import JobChange, Stage
from tests.contract.catalog_samples import (
    add_running_job,
    make_job,
    make_listed,
    make_ref,
    open_engine,
)
from tests.postgres import make_catalog_database, run_server


@pytest.fixture
async def stores(tmp_path):
    async with open_engine("postgres", tmp_path) as opened:
        yield opened


@pytest.fixture
async def ref(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    return ref


MESSAGES = text("SELECT message FROM jobs")


async def test_a_reader_sees_one_state_from_beginning_to_end(stores, ref):
    async with Database(stores.engine).read() as connection:
        assert (await connection.execute(MESSAGES)).scalars().all() == [None]
        await stores.jobs.change(ref, JobChange(message="changed"))
        assert (await connection.execute(MESSAGES)).scalars().all() == [None]
    assert (await stores.jobs.find(ref)).message == "changed"


async def test_no_session_compiles_its_statements(stores):
    async with Database(stores.engine).read() as connection:
        assert (await connection.execute(text("SHOW jit"))).scalar_one() == "off"


async def test_a_reader_cannot_write(stores, ref):
    with pytest.raises(RetryableError, match="read-only transaction"):
        async with Database(stores.engine).read() as connection:
            await connection.execute(update(jobs).values(message="written"))
    assert (await stores.jobs.find(ref)).message is None


@pytest.mark.usefixtures("ref")
async def test_errors_never_show_the_row_that_broke_a_rule(stores):
    async with Database(stores.engine).write() as connection:
        statement = update(jobs).values(message="sesame", kind=None)
        with pytest.raises(IntegrityError) as caught:
            await connection.execute(statement)
        await connection.rollback()
    shown = f"{caught.value} {caught.value!r} {caught.value.orig} {caught.value.orig!r}"
    assert "violates not-null constraint" in shown
    assert "sesame" not in shown


async def test_a_title_with_a_nul_character_is_kept_with_a_mark_in_its_place(stores, ref):
    await stores.work.add(ref, [make_listed(1, title="a\0b")])
    (item,) = await stores.work.read(ref, after=None, limit=9)
    assert item.listed.title == "a\ufffdb"


async def test_a_lock_that_is_never_released_is_a_reason_to_try_again():
    with make_catalog_database() as url:
        impatient = await open_catalog(f"{url}?options=-c%20lock_timeout%3D50")
        other = await open_catalog(url)
        ref = make_ref()
        await other.jobs.add(make_job(ref), None)
        async with Database(other.engine).write() as connection:
            await connection.execute(update(jobs).values(message="mine"))
            with pytest.raises(RetryableError, match="lock timeout"):
                await impatient.jobs.change(ref, JobChange(stage=Stage.LISTING))
        await impatient.jobs.change(ref, JobChange(stage=Stage.LISTING))
        await impatient.close()
        await other.close()


async def test_a_cancelled_write_leaves_nothing_and_locks_nobody_out(stores, ref):
    begun = asyncio.Event()

    async def write_for_ever():
        async with Database(stores.engine).write() as connection:
            await connection.execute(update(jobs).values(message="half"))
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_for_ever())
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    async with asyncio.timeout(10):
        await stores.jobs.change(ref, JobChange(stage=Stage.LISTING))
    assert (await stores.jobs.find(ref)).message is None
    assert stores.engine.sync_engine.pool.checkedout() == 0


async def test_a_restarted_server_costs_what_was_under_way_and_no_more():
    with run_server() as server:
        stores = await open_catalog(server.plain_url(server.create_database()))
        ref = make_ref()
        await add_running_job(stores, ref)
        await asyncio.gather(*(stores.jobs.find(ref) for _ in range(5)))
        with pytest.raises(RetryableError, match="busy or away"):
            await write_while(stores, lambda: server.stop("QUIT"))
        with pytest.raises(RetryableError, match="busy or away"):
            await stores.jobs.find(ref)
        server.start()
        # Every connection of the pool is from before.
        found = await asyncio.gather(*(stores.jobs.find(ref) for _ in range(5)))
        assert {job and job.message for job in found} == {None}
        await stores.close()


async def write_while(stores, happens):
    async with Database(stores.engine).write() as connection:
        await connection.execute(update(jobs).values(message="half"))
        happens()
        await connection.execute(update(jobs).values(message="whole"))
