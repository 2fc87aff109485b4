"""The schema's revisions, run on real databases."""

from contextlib import contextmanager

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from headwater.adapters.catalog.engine import parse_url
from headwater.adapters.catalog.revisions import make_config, open_connection, upgrade_schema
from headwater.adapters.catalog.schema import metadata
from headwater.adapters.catalog.stores import open_catalog
from headwater.domain.errors import ConfigError, RetryableError
from tests.postgres import make_database, shared_server


@contextmanager
def make_empty(engine, folder):
    if engine == "sqlite":
        folder.mkdir(exist_ok=True)
        yield parse_url(f"sqlite:///{folder}/catalog.db")
    else:
        with make_database() as url:
            yield parse_url(url)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    with make_empty(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def file_url(tmp_path):
    return parse_url(f"sqlite:///{tmp_path}/catalog.db")


def test_upgrading_from_nothing_makes_every_table(url):
    upgrade_schema(url)
    with open_connection(url) as connection:
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_the_revisions_make_exactly_what_the_code_expects(url):
    upgrade_schema(url)
    with open_connection(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_revisions_make_the_same_indexes_and_keys_as_the_code(url, tmp_path):
    upgrade_schema(url)
    with make_empty(url.get_backend_name(), tmp_path / "direct") as direct:
        with open_connection(direct) as connection:
            metadata.create_all(connection)
        assert read_definitions(url) == read_definitions(direct)


INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgresql": "SELECT indexname AS name, indexdef AS sql FROM pg_indexes"
    " WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
}


def read_definitions(url):
    with open_connection(url) as connection:
        found = connection.execute(text(INDEXES[url.get_backend_name()]))
        indexes = {row.name: row.sql for row in found}
        seen = inspect(connection)
        keys = {
            name: (seen.get_pk_constraint(name), seen.get_foreign_keys(name))
            for name in metadata.tables
        }
    return indexes, keys


def test_going_down_to_nothing_removes_every_table_and_up_again_works(url):
    upgrade_schema(url)
    with open_connection(url) as connection:
        command.downgrade(make_config(connection), "base")
    with open_connection(url) as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade_schema(url)
    with open_connection(url) as connection:
        assert inspect(connection).has_table("documents")


def test_there_is_one_newest_revision(url):
    with open_connection(url) as connection:
        assert len(ScriptDirectory.from_config(make_config(connection)).get_heads()) == 1


def test_upgrading_again_changes_nothing(url):
    upgrade_schema(url)
    before = read_definitions(url)
    upgrade_schema(url)
    assert read_definitions(url) == before


async def test_a_catalog_of_a_newer_version_is_refused(url):
    upgrade_schema(url)
    with open_connection(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(ConfigError, match=r"newer Headwater.*r9999"):
        await open_catalog(url.render_as_string(hide_password=False))


async def test_a_file_that_is_no_database_is_refused(file_url, tmp_path):
    (tmp_path / "catalog.db").write_bytes(b"hello, world " * 100)
    with pytest.raises(ConfigError, match="not a database"):
        await open_catalog(file_url.render_as_string())


async def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigError, match="HEADWATER_DATA_DIR"):
        await open_catalog(f"sqlite:///{tmp_path}/data/catalog.db")


async def test_a_server_that_is_away_may_come_and_its_password_is_not_told():
    with pytest.raises(RetryableError, match=r"HEADWATER_DATABASE_URL.* does not answer") as caught:
        await open_catalog("postgresql://user:open-sesame@127.0.0.1:1/name")
    assert "open-sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("database", "password", "cause"),
    [("postgres", "no-sesame", "password"), ("nowhere", "open-sesame", "does not exist")],
)
async def test_a_server_that_refuses_is_a_matter_of_the_setting(database, password, cause):
    url = shared_server().plain_url(database, password)
    with pytest.raises(ConfigError, match=rf"HEADWATER_DATABASE_URL.*{cause}") as caught:
        await open_catalog(url)
    assert "sesame" not in str(caught.value)


async def test_a_password_in_the_urls_query_is_not_told_either():
    url = shared_server().plain_url("nowhere").replace(":open-sesame", "")
    with pytest.raises(ConfigError, match="does not exist") as caught:
        await open_catalog(f"{url}?password=open-sesame")
    assert "sesame" not in str(caught.value)


def test_a_failed_upgrade_leaves_the_database_as_it_was(url, monkeypatch):
    monkeypatch.setattr(command, "upgrade", upgrade_and_fail)
    with pytest.raises(ZeroDivisionError):
        upgrade_schema(url)
    with open_connection(url) as connection:
        assert inspect(connection).get_table_names() == []


def upgrade_and_fail(config, revision, upgrade=command.upgrade):
    upgrade(config, revision)
    raise ZeroDivisionError
