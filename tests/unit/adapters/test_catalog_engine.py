"""The connections: which databases are taken, how they are set, what their trouble becomes."""

import asyncio
import gc
import sqlite3
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import StatementError

from headwater.adapters.catalog.engine import Database, find_file, make_engine, parse_url
from headwater.adapters.catalog.stores import open_catalog
from headwater.adapters.catalog.times import UtcTime
from headwater.domain.errors import ConfigError, RetryableError
from headwater.domain.jobs import JobChange, Stage
from tests.contract.catalog_samples import NOW, make_job, make_listed, make_ref, open_engine


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:////data/catalog.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////data/catalog.db", "sqlite+aiosqlite"),
        ("postgresql://user@host/name", "postgresql+psycopg"),
        ("postgres://user@host/name", "postgresql+psycopg"),
        ("postgresql+psycopg://user@host/name", "postgresql+psycopg"),
    ],
)
def test_the_driver_is_ours_to_choose(given, driver):
    assert parse_url(given).drivername == driver


@pytest.mark.parametrize(
    "given",
    [
        "",
        "catalog.db",
        "mysql://host/name",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://user@host",
        "postgresql+asyncpg://user@host/name",
        "postgresql+psycopg2://user@host/name",
    ],
)
def test_a_database_that_cannot_serve_is_refused_by_its_setting(given):
    with pytest.raises(ConfigError, match="HEADWATER_DATABASE_URL"):
        parse_url(given)


def test_a_password_that_breaks_the_url_is_not_quoted():
    with pytest.raises(ConfigError, match="%3A for a :") as caught:
        parse_url("postgresql://user:open@to:sesame@host:5432/name")
    assert "sesame" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_only_sqlite_is_a_file(tmp_path):
    assert find_file(parse_url(f"sqlite:///{tmp_path}/c.db")) == tmp_path / "c.db"
    assert find_file(parse_url("postgresql://host/name")) is None


async def test_every_connection_is_set_for_sharing_the_file(tmp_path):
    async with open_engine("sqlite", tmp_path) as stores:
        values = []
        async with stores.engine.connect() as first, stores.engine.connect() as second:
            for connection in (first, second):
                for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys"):
                    answer = await connection.execute(text(f"PRAGMA {name}"))
                    values.append(answer.scalar_one())
    assert values == ["wal", 2, 30_000, 1] * 2


async def test_writers_lock_at_their_beginning_and_readers_do_not(tmp_path):
    async with open_engine("sqlite", tmp_path) as stores:
        begun = []

        def note(_connection, _cursor, statement, *_rest: Any):
            if statement.startswith("BEGIN"):
                begun.append(statement)

        event.listen(stores.engine.sync_engine, "before_cursor_execute", note)
        await stores.catalog.check()
        await stores.jobs.list_open()
    assert begun == ["BEGIN IMMEDIATE", "BEGIN"]


async def test_a_reader_neither_waits_for_a_writer_nor_sees_its_half(tmp_path):
    ref = make_ref()
    async with open_engine("sqlite", tmp_path) as stores:
        await stores.jobs.add(make_job(ref), None)
        async with Database(stores.engine).write() as connection:
            await connection.execute(text("UPDATE jobs SET message = 'half'"))
            async with asyncio.timeout(5):
                assert (await stores.jobs.find(ref)).message is None
        assert (await stores.jobs.find(ref)).message == "half"


async def write_and_fail(engine):
    async with Database(engine).write() as connection:
        await connection.execute(text("UPDATE jobs SET message = 'half'"))
        raise KeyError


async def test_a_transaction_that_fails_leaves_nothing(tmp_path):
    ref = make_ref()
    async with open_engine("sqlite", tmp_path) as stores:
        await stores.jobs.add(make_job(ref), None)
        with pytest.raises(KeyError):
            await write_and_fail(stores.engine)
        assert (await stores.jobs.find(ref)).message is None


def be_impatient(connection, _record):
    connection.execute("PRAGMA busy_timeout = 10").close()


async def test_a_lock_that_is_never_released_is_a_retryable_error(tmp_path):
    async with open_engine("sqlite", tmp_path) as stores:
        event.listen(stores.engine.sync_engine, "connect", be_impatient)
        other = sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetryableError, match="database is locked"):
            await stores.catalog.check()
        assert stores.engine.sync_engine.pool.checkedout() == 0
        other.close()
        await stores.catalog.check()


async def test_errors_never_show_the_values_of_a_statement(tmp_path):
    async with open_engine("sqlite", tmp_path) as stores:
        async with Database(stores.engine).write() as connection:
            await connection.execute(text("DROP TABLE credentials"))
        with pytest.raises(RetryableError) as caught:
            await stores.jobs.add(make_job(make_ref()), b"sealed-token")
    shown = f"{caught.value} {caught.value.__cause__!r} {caught.value.__cause__}"
    assert "no such table" in shown
    assert "sealed-token" not in shown


async def test_closing_leaves_no_connection_behind(tmp_path):
    async with open_engine("sqlite", tmp_path) as stores:
        ref = make_ref()
        await stores.jobs.add(make_job(ref), None)
        await asyncio.gather(*(stores.jobs.find(ref) for _ in range(8)))
    gc.collect()  # a connection left open would warn here, and warnings are errors
    assert stores.engine.sync_engine.pool.checkedin() == 0
    assert stores.engine.sync_engine.pool.checkedout() == 0


async def test_a_cancelled_call_writes_nothing_and_frees_its_connection(tmp_path):
    async with open_engine("sqlite", tmp_path) as stores:
        ref = make_ref()
        await stores.jobs.add(make_job(ref), None)
        begun = asyncio.Event()

        async def write_for_ever():
            async with Database(stores.engine).write() as connection:
                await connection.execute(text("UPDATE jobs SET message = 'half'"))
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(write_for_ever())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stores.engine.sync_engine.pool.checkedout() == 0
        await stores.jobs.change(ref, JobChange(stage=Stage.LISTING))
        assert (await stores.jobs.find(ref)).message is None
    gc.collect()


async def test_a_time_without_a_zone_is_refused(tmp_path):
    async with open_engine("sqlite", tmp_path) as stores:
        naive = datetime(2026, 3, 1)  # noqa: DTZ001  (the point)
        with pytest.raises(StatementError, match="needs a zone"):
            await stores.jobs.add(make_job(make_ref(), created_at=naive), None)


def test_postgres_gets_times_with_their_zone():
    stored = UtcTime().process_bind_param(NOW, postgresql.dialect())
    assert stored == NOW
    assert UtcTime().process_result_value(stored, postgresql.dialect()) == NOW
    assert UtcTime().process_bind_param(None, postgresql.dialect()) is None


async def test_the_folder_of_the_file_is_made(tmp_path):
    stores = await open_catalog(f"sqlite:///{tmp_path}/deep/down/catalog.db")
    await stores.catalog.check()
    await stores.close()


async def test_work_left_to_do_is_found_by_its_own_index(tmp_path):
    async with open_engine("sqlite", tmp_path) as stores:
        ref = make_ref()
        await stores.jobs.add(make_job(ref), None)
        await stores.work.add(ref, [make_listed(1)])
        asked = []

        def note(_connection, _cursor, statement, parameters, *_rest: Any):
            asked.append((statement, parameters))

        event.listen(stores.engine.sync_engine, "before_cursor_execute", note)
        await stores.work.unannotated(ref, limit=5)
        await stores.work.pending(ref, limit=5)
        event.remove(stores.engine.sync_engine, "before_cursor_execute", note)
        plans = [explain(tmp_path, *query) for query in asked if query[0] != "BEGIN"]
    assert "ix_work_items_unannotated" in plans[0]
    assert "ix_work_items_unsettled" in plans[1]
    assert not any("TEMP B-TREE" in plan for plan in plans)


def explain(folder, statement, parameters):
    connection = sqlite3.connect(folder / "catalog.db")
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    connection.close()
    return " ".join(row[3] for row in rows)


async def test_a_url_with_a_password_never_shows_it():
    url = make_url("postgresql+psycopg://user:open-sesame@127.0.0.1:1/name")
    engine = make_engine(url)
    with pytest.raises(RetryableError) as caught:
        await Database(engine).write().__aenter__()
    await engine.dispose()
    assert "open-sesame" not in str(caught.value)


async def test_a_cancelled_write_locks_nobody_out(tmp_path):
    ref = make_ref()
    async with open_engine("sqlite", tmp_path) as stores:
        await stores.jobs.add(make_job(ref), b"sealed")
        gc.disable()  # the collector frees the lock too, at some time or other
        try:
            for moment in range(100):
                task = asyncio.create_task(stores.jobs.change(ref, JobChange(stage=Stage.LISTING)))
                await asyncio.sleep(moment / 20_000)
                task.cancel()
                await asyncio.wait([task])
                async with asyncio.timeout(5):
                    await stores.jobs.change(ref, JobChange(stage=Stage.PLANNING))
        finally:
            gc.enable()
