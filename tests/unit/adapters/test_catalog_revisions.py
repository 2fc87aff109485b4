"""The schema's revisions, run on real files."""

import sqlite3

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
from headwater.domain.errors import ConfigError


@pytest.fixture
def url(tmp_path):
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
    direct = parse_url(f"sqlite:///{tmp_path}/direct.db")
    with open_connection(direct) as connection:
        metadata.create_all(connection)
    assert read_definitions(url) == read_definitions(direct)


def read_definitions(url):
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    with open_connection(url) as connection:
        indexes = {row.name: row.sql for row in connection.execute(text(query))}
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
        await open_catalog(url.render_as_string())


async def test_a_file_that_is_no_database_is_refused(url, tmp_path):
    (tmp_path / "catalog.db").write_bytes(b"hello, world " * 100)
    with pytest.raises(ConfigError, match="not a database"):
        await open_catalog(url.render_as_string())


async def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigError, match="HEADWATER_DATA_DIR"):
        await open_catalog(f"sqlite:///{tmp_path}/data/catalog.db")


async def test_a_server_that_is_away_is_refused_without_its_password():
    with pytest.raises(ConfigError) as caught:
        await open_catalog("postgresql://user:open-sesame@127.0.0.1:1/name")
    assert "HEADWATER_DATABASE_URL" in str(caught.value)
    assert "open-sesame" not in str(caught.value)


def test_a_failed_upgrade_leaves_the_database_as_it_was(url, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "upgrade", upgrade_and_fail)
    with pytest.raises(ZeroDivisionError):
        upgrade_schema(url)
    connection = sqlite3.connect(tmp_path / "catalog.db")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()


def upgrade_and_fail(config, revision, upgrade=command.upgrade):
    upgrade(config, revision)
    raise ZeroDivisionError
