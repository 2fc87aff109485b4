"""How the databases look things up: by an index, whatever they know of the tables' sizes."""

from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobChange
from tests.contract.catalog_samples import (
    ENGINES,
    SITE,
    SPACE,
    add_running_job,
    document_id,
    make_ref,
    make_result,
    open_engine,
)

REF = make_ref()
TENANT = REF.tenant
LINK = "https://wiki.acme.example/pages/1"
ONE = ContentId("1")

LOOKUPS: dict[str, tuple[Any, str]] = {
    "link": (lambda stores: stores.inventory.find_by_url(TENANT, [LINK]), "source_url"),
    "title": (lambda stores: stores.inventory.find_by_title(TENANT, SPACE, "Page 1"), "title"),
    "id": (lambda stores: stores.inventory.find_by_id(TENANT, [ONE]), "content_id"),
    "name": (lambda stores: stores.inventory.find_named(TENANT, [document_id(1)]), "document_id"),
    "page": (lambda stores: stores.inventory.find_attachments(TENANT, SITE, [ONE]), "page_id"),
    "parent": (lambda stores: stores.inventory.find_children(TENANT, SITE, [ONE]), "parent_id"),
    "known": (lambda stores: stores.catalog.known(TENANT, SITE, [ONE]), "content_id"),
    "entries": (lambda stores: stores.catalog.read_entries(TENANT, [ONE]), "content_id"),
    "files": (lambda stores: stores.catalog.read_files(TENANT, ONE, ["a.pdf"]), "title|page_id"),
    "failed": (lambda stores: stores.inventory.list_failed(TENANT, after=None, limit=9), "failed"),
}


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        await add_running_job(opened, REF)
        yield opened


async def test_a_few_of_many_documents_are_looked_up(stores):
    await stores.catalog.record(REF, [make_result(number) for number in range(500)], JobChange())
    if stores.is_shared:  # what its own housekeeping does within a minute
        async with stores.engine.begin() as connection:
            await connection.execute(text("ANALYZE documents"))
    for name, (call, key) in LOOKUPS.items():
        (plan,) = await explain(stores, call)
        assert any(part in plan for part in key.split("|")), f"{name}: {plan}"
        assert "SCAN" not in plan.upper().replace("INDEX SCAN", ""), f"{name}: {plan}"


async def test_documents_are_never_compared_with_each_item_of_a_list(stores):
    """Of a list that was just written Postgres believes that it is short, and would compare them all."""
    for plan in await explain(stores, lambda stores: stores.catalog.missing(REF, SITE, SPACE)):
        assert "Join" not in plan, plan
        assert "work_items" in plan


async def explain(stores, call):
    """Return the plan of each statement that a call runs on documents."""
    asked: list[tuple[str, Any]] = []
    with listening(stores.engine.sync_engine, asked):
        await call(stores)
    how = "EXPLAIN QUERY PLAN" if stores.engine.dialect.name == "sqlite" else "EXPLAIN"
    async with stores.engine.connect() as connection:
        if stores.is_shared:  # a small table is scanned otherwise
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plans = []
        for statement, parameters in asked:
            rows = (await connection.exec_driver_sql(f"{how} {statement}", parameters)).all()
            steps = (str(row[-1]) for row in rows)
            # What is filtered after it was read tells nothing of how it was found.
            plans.append("\n".join(step for step in steps if "Filter:" not in step))
    return plans


@contextmanager
def listening(engine, asked):
    def note(_connection, _cursor, statement, parameters, *_rest: Any):
        if "FROM documents" in statement:
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield
    event.remove(engine, "before_cursor_execute", note)
