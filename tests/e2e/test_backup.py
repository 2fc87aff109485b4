"""A backup of a service at work, restored elsewhere, goes on as if the power had been cut."""

import asyncio
import json
import sqlite3
import stat
from contextlib import closing

import pytest
from typer.testing import CliRunner

from headwater.adapters.lance.store import LanceStore
from headwater.cli.main import app
from headwater.domain.ids import Namespace, TenantId
from tests.e2e.conftest import DOCUMENTS, FIRST_GROUP, make_data_dir
from tests.e2e.service_process import TENANT, make_environment, serve


def run(data_dir, *arguments):
    """Run a command on a data dir; return its exit code and JSON, or what it says went wrong."""
    environment = {**make_environment(data_dir), "HEADWATER_JWT_SECRET": ""}
    ours = {name: text for name, text in environment.items() if name.startswith("HEADWATER")}
    ended = CliRunner().invoke(app, [*map(str, arguments), "--json"], env=ours)
    return ended.exit_code, json.loads(ended.stdout) if ended.exit_code == 0 else ended.stderr


def start_and_settle_some(api, site):
    job_id = api.upload(site)
    job = api.wait_until(job_id, lambda job: job["progress"]["documents"]["done"] >= FIRST_GROUP)
    assert job["progress"]["documents"]["done"] == FIRST_GROUP, job["message"]
    return job_id


COLUMNS = "document_id, version, title, state, body_digest, metadata_digest, access_scope"


def read_index(data_dir):
    """Return what the catalog says of each document, its digests of chunks held against the store."""
    with closing(sqlite3.connect(data_dir / "catalog.db")) as catalog:
        hashes = catalog.execute("SELECT document_id, chunk_hashes FROM documents").fetchall()
        rows = catalog.execute(f"SELECT {COLUMNS} FROM documents ORDER BY 1").fetchall()  # noqa: S608  (constants)
    counts = {name: len(json.loads(text)) for name, text in hashes}
    assert asyncio.run(count_records(data_dir)) == counts
    return rows, sorted(hashes)


async def count_records(data_dir):
    store = await LanceStore.open(data_dir / "vectors", dimension=384)
    with closing(store):
        return dict(await store.list_documents(Namespace(TenantId(TENANT))))


@pytest.mark.timeout(300)
def test_a_backup_in_the_middle_of_a_sync_goes_on_elsewhere_and_ends_like_the_original(
    tmp_path, built_models, site, gate
):
    original = make_data_dir(tmp_path / "original", built_models)
    elsewhere = make_data_dir(tmp_path / "elsewhere", built_models)
    archive = tmp_path / "backup.tar"
    with serve(original) as (_, api):
        job_id = start_and_settle_some(api, site)
        code, taken = run(original, "backup", archive, "--keys")
        assert (code, taken["holds"]) == (0, ["catalog", "jobs", "vectors", "keys"])
        assert stat.S_IMODE(archive.stat().st_mode) == 0o600
        code, refusal = run(original, "restore", archive, "--force")
        assert code == 1
        assert "stop every serve and worker" in refusal
        gate.open()
        assert api.wait(job_id)["status"] == "succeeded"

    assert run(elsewhere, "restore", archive)[0] == 0
    with serve(elsewhere) as (_, api):
        job = api.wait(job_id)
        documents = job["progress"]["documents"]
        assert (job["status"], documents["added"], documents["done"]) == (
            "succeeded",
            DOCUMENTS,
            DOCUMENTS,
        )
        assert api.search("GEN1 news 3")
        again = api.wait(api.upload(site, incremental=True))
        assert again["progress"]["documents"]["unchanged"] == DOCUMENTS
        assert again["progress"]["chunks"]["embedded"] == 0
    assert read_index(elsewhere) == read_index(original)
