"""What a backup holds, what a restore refuses, and that refusing touches nothing."""

import asyncio
import io
import sqlite3
import tarfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.adapters.backup import tables
from headwater.adapters.backup.archive import unpack_archive
from headwater.adapters.backup.manifest import (
    NAME,
    FileEntry,
    Manifest,
    check_version,
    manifest_from_json,
    manifest_to_json,
)
from headwater.adapters.backup.restoring import RestoreTarget, restore_backup
from headwater.adapters.backup.snapshots import copy_frozen, freeze, holding_writers
from headwater.adapters.backup.staging import open_staging
from headwater.adapters.backup.taking import BackupSource, take_backup
from headwater.adapters.lance.store import LanceStore
from headwater.adapters.occupancy import occupy, occupy_alone
from headwater.domain.errors import ConfigError, RetryableError
from tests.contract.records import ACME, DIMENSION
from tests.unit.adapters.lance_process import make_round, size_of

VERSION = "1.2.0"
SCHEMAS = {"r0001", "r0002"}
ROUNDS = 8
NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)


def make_database(path, rows=3, schema="r0002"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", [schema])
        connection.execute("CREATE TABLE items (number INTEGER)")
        connection.executemany("INSERT INTO items VALUES (?)", [(n,) for n in range(rows)])
        connection.commit()


def add_row(path):
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        connection.execute("INSERT INTO items VALUES (99)")
        connection.commit()


def count_rows(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM items").fetchone()[0]


def make_data_dir(folder, **options):
    folder.mkdir(parents=True)
    make_database(folder / "catalog.db", **options)
    make_database(folder / "jobs" / "jobs.db")
    (folder / "jobs" / "seats").mkdir()
    (folder / "jobs" / "seats" / "seat-1.lock").touch()
    table = folder / "vectors" / "a.lance"
    for name in ("_versions/18446744073709551614.manifest", "data/1.lance"):
        (table / name).parent.mkdir(parents=True, exist_ok=True)
        (table / name).write_bytes(name.encode())
    (folder / "vectors" / "store-id").write_text("this store")
    for name in ("secret-key", "jwt-secret"):
        (folder / name).write_text(f"the old {name}")
    return folder


def take(data_dir, target, **options):
    source = BackupSource(data_dir, data_dir / "catalog.db", **options)
    return take_backup(source, target, headwater=VERSION, now=lambda: NOW)


def restore(archive, data_dir, **options):
    target = RestoreTarget(data_dir, data_dir / "catalog.db", **options)
    return restore_backup(archive, target, headwater=VERSION, schemas=SCHEMAS)


def read_all(folder):
    """Return what a data dir holds, but for databases' own logs and anybody's locks."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm", "in-use.lock", "backup.lock"))
    }


@pytest.fixture
def data_dir(tmp_path):
    return make_data_dir(tmp_path / "data")


@pytest.fixture
def archive(tmp_path, data_dir):
    take(data_dir, tmp_path / "backup.tar", with_keys=True)
    return tmp_path / "backup.tar"


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def test_what_is_restored_is_what_was_backed_up(archive, data_dir, empty):
    manifest = restore(archive, empty)
    assert manifest.holdings == ("catalog", "jobs", "vectors", "keys")
    assert count_rows(empty / "catalog.db") == count_rows(empty / "jobs" / "jobs.db") == 3
    before, after = read_all(data_dir), read_all(empty)
    assert before.keys() == after.keys()
    databases = {"catalog.db", "jobs/jobs.db"}
    assert all(after[name] == before[name] for name in before.keys() - databases)
    assert all(path.stat().st_mode & 0o077 == 0 for path in empty.rglob("*"))


def test_a_backup_leaves_nothing_behind_and_changes_nothing(tmp_path, data_dir):
    before = read_all(data_dir)
    take(data_dir, tmp_path / "backup.tar")
    assert read_all(data_dir) == before
    assert {path.name for path in tmp_path.iterdir()} == {"data", "backup.tar"}


def test_keys_are_in_it_only_if_asked_for(tmp_path, data_dir, empty):
    assert take(data_dir, tmp_path / "x.tar").holdings == ("catalog", "jobs", "vectors")
    (empty / "secret-key").write_text("its own")
    restore(tmp_path / "x.tar", empty, replace=True)
    assert (empty / "secret-key").read_text() == "its own"
    assert not (empty / "jwt-secret").exists()


def test_a_backup_overwrites_no_file_and_leaves_none_that_is_not_whole(tmp_path, data_dir):
    target = tmp_path / "backup.tar"
    target.write_text("the backup of yesterday")
    with pytest.raises(ConfigError, match="exists"):
        take(data_dir, target)
    assert target.read_text() == "the backup of yesterday"
    with pytest.raises(ConfigError, match="cannot write"):
        take(data_dir, tmp_path / "absent" / "backup.tar")
    with pytest.raises(ConfigError, match="no catalog"):
        take_backup(
            BackupSource(data_dir, tmp_path / "other.db"),
            tmp_path / "new.tar",
            headwater=VERSION,
            now=lambda: NOW,
        )
    assert {path.name for path in tmp_path.iterdir()} == {"data", "backup.tar"}


def test_a_database_is_copied_as_it_was_when_it_was_frozen(tmp_path):
    path = tmp_path / "a.db"
    make_database(path)
    with freeze(path) as frozen:
        add_row(path)
        copy_frozen(frozen, tmp_path / "copy.db")
    assert (count_rows(path), count_rows(tmp_path / "copy.db")) == (4, 3)


def test_nobody_writes_the_catalog_while_it_is_held(tmp_path):
    path = tmp_path / "a.db"
    make_database(path)
    with holding_writers(path):
        assert count_rows(path) == 3
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            add_row(path)
    add_row(path)


def test_a_damaged_database_gets_no_backup(tmp_path, data_dir):
    path = data_dir / "catalog.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 2 + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises((ConfigError, RetryableError)):
        take(data_dir, tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar").exists()


async def test_tables_are_linked_at_one_commit_while_others_write_and_clean_up(
    tmp_path, monkeypatch
):
    folder = tmp_path / "vectors"
    store = await LanceStore.open(folder, dimension=DIMENSION)
    monkeypatch.setattr("headwater.adapters.lance.indexes.KEEP_VERSIONS", timedelta(milliseconds=1))
    await store.apply(ACME, make_round(1))

    async def write():
        for version in range(2, ROUNDS):
            await store.apply(ACME, make_round(version))
            if version % 3 == 0:
                await store.settle(ACME)

    writing = asyncio.create_task(write())
    copies: list[Path] = []
    while not writing.done():
        copies.append(tmp_path / f"copy-{len(copies)}")
        await asyncio.to_thread(tables.link_tables, folder, copies[-1])
    await writing
    store.close()
    assert len(copies) > 3
    for copy in copies[:: len(copies) // 3]:
        await check_whole(copy)


async def check_whole(folder):
    """Every document is of the same round, and writers go on from there."""
    store = await LanceStore.open(folder, dimension=DIMENSION)
    sizes = {*(await store.list_documents(ACME)).values()}
    assert len(sizes) == 1
    assert sizes <= {size_of(version) for version in range(1, ROUNDS)}
    await store.apply(ACME, make_round(31))
    assert {*(await store.list_documents(ACME)).values()} == {size_of(31)}
    store.close()


def test_a_table_that_never_stands_still_is_waited_for_and_then_refused(tmp_path, monkeypatch):
    data_dir = make_data_dir(tmp_path / "data")
    versions = data_dir / "vectors" / "a.lance" / "_versions"
    (versions / "18446744073709551613.manifest").touch()
    looks = cycle(versions.iterdir())
    monkeypatch.setattr(tables, "find_newest", lambda _: next(looks))
    with pytest.raises(RetryableError, match="without a pause"):
        take(data_dir, tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar").exists()


def test_the_newest_commit_is_found_in_tables_of_both_kinds(tmp_path):
    versions = tmp_path / "_versions"
    versions.mkdir()
    assert tables.find_newest(tmp_path) is None
    for name in ("9", "10"):
        (versions / f"{name}.manifest").touch()
    assert tables.find_newest(tmp_path) == versions / "10.manifest"
    for path in versions.iterdir():
        path.unlink()
    for name in ("18446744073709551614", "18446744073709551605"):
        (versions / f"{name}.manifest").touch()
    assert tables.find_newest(tmp_path) == versions / "18446744073709551605.manifest"


def test_a_data_dir_that_is_not_empty_is_replaced_only_with_force(archive, tmp_path):
    other = make_data_dir(tmp_path / "other", rows=7)
    (other / "vectors" / "stray.lance").mkdir()
    before = read_all(other)
    with pytest.raises(ConfigError, match="not empty"):
        restore(archive, other)
    assert read_all(other) == before
    restore(archive, other, replace=True)
    assert count_rows(other / "catalog.db") == 3
    assert not (other / "vectors" / "stray.lance").exists()


def test_a_data_dir_in_use_is_not_replaced_and_one_being_replaced_is_not_used(archive, data_dir):
    before = read_all(data_dir)
    with occupy(data_dir), occupy(data_dir), pytest.raises(ConfigError, match="stop every serve"):
        restore(archive, data_dir, replace=True)
    assert read_all(data_dir) == before
    with occupy_alone(data_dir), pytest.raises(ConfigError, match="being restored"):
        occupy(data_dir).__enter__()


def test_one_backup_at_a_time_and_what_a_killed_one_left_is_removed(data_dir):
    (data_dir / "staging-left").mkdir()
    with open_staging(data_dir), pytest.raises(ConfigError, match="another backup"):
        open_staging(data_dir).__enter__()
    assert not list(data_dir.glob("staging-*"))


def test_a_restore_that_is_cut_off_leaves_no_catalog_and_can_be_repeated(
    archive, tmp_path, monkeypatch
):
    other = make_data_dir(tmp_path / "other", rows=7)

    def cut_off(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("headwater.adapters.backup.restoring._move_catalog", cut_off)
        with pytest.raises(KeyboardInterrupt):
            restore(archive, other, replace=True)
    assert not list(other.glob("catalog.db*"))
    restore(archive, other, replace=True)
    assert count_rows(other / "catalog.db") == 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An archive's bytes, what it holds, and room to unpack others."""
    folder = tmp_path_factory.mktemp("whole")
    take(make_data_dir(folder / "data"), folder / "backup.tar", with_keys=True)
    (folder / "out").mkdir()
    unpack_archive(folder / "backup.tar", folder / "out")
    return (folder / "backup.tar").read_bytes(), read_all(folder / "out"), folder


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_archive_is_refused_or_gives_exactly_what_was_put_in(whole, data):
    content, expected, folder = whole
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        changed = content[:place]
    else:
        flipped = content[place] ^ data.draw(st.integers(1, 255))
        changed = content[:place] + bytes([flipped]) + content[place + 1 :]
    source = folder / "changed.tar"
    source.write_bytes(changed)
    with open_staging(folder) as out:
        try:
            unpack_archive(source, out)
        except ConfigError as error:
            assert "Nothing was changed" in str(error)  # noqa: PT017  (either way is right)
        else:
            assert read_all(out) == expected


def make_tar(path, members):
    entries = tuple(FileEntry(name, 1, "x") for name, _ in members)
    text = manifest_to_json(Manifest(VERSION, "r0002", NOW, entries))
    with tarfile.open(path, "w") as archive:
        for name, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, 1, "/etc/passwd"
            archive.addfile(member, io.BytesIO(b"x"))
        last = tarfile.TarInfo(NAME)
        last.size = len(text)
        archive.addfile(last, io.BytesIO(text))
    return path


@pytest.mark.parametrize(
    "members",
    [
        [("../catalog.db", tarfile.REGTYPE)],
        [("/etc/catalog.db", tarfile.REGTYPE)],
        [("vectors/../../x", tarfile.REGTYPE)],
        [("models/encoder.onnx", tarfile.REGTYPE)],
        [("vectors", tarfile.SYMTYPE)],
        [("vectors/a", tarfile.LNKTYPE)],
        [("vectors/a", tarfile.FIFOTYPE)],
        [("vectors/a", tarfile.REGTYPE), ("vectors/a", tarfile.REGTYPE)],
        [("vectors", tarfile.REGTYPE), ("vectors/a", tarfile.REGTYPE)],
    ],
    ids=lambda members: (
        f"{members[0][0].replace('/', '_')}-{members[0][1].decode()}-{len(members)}"
    ),
)
def test_an_archive_that_somebody_else_made_writes_nowhere_else(tmp_path, empty, members):
    source = make_tar(tmp_path / "made.tar", members)
    with pytest.raises(ConfigError):
        restore(source, empty)
    assert read_all(empty) == {}
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "made.tar"}


def test_a_backup_of_newer_code_is_refused(archive, empty):
    for headwater, schemas in (("1.1.9", SCHEMAS), ("1.2.0", {"r0001"})):
        with pytest.raises(ConfigError, match="newer Headwater"):
            restore_backup(
                archive,
                RestoreTarget(empty, empty / "catalog.db"),
                headwater=headwater,
                schemas=schemas,
            )
    assert read_all(empty) == {}
    later = Manifest("9.0", None, NOW, (), format=2)
    with pytest.raises(ConfigError, match=r"newer Headwater \(9.0\)"):
        manifest_from_json(manifest_to_json(later))
    check_version(Manifest("1.2", None, NOW, ()), headwater="1.10", schemas=())


def test_a_catalog_on_a_server_is_in_no_archive_and_no_archive_goes_there(
    tmp_path, data_dir, archive, empty
):
    source = BackupSource(data_dir, None)
    other = tmp_path / "other.tar"
    taken = take_backup(source, other, headwater=VERSION, now=lambda: NOW)
    assert taken.holdings == ("vectors",)
    with pytest.raises(ConfigError, match="pg_dump"):
        restore(other, empty)
    elsewhere = RestoreTarget(empty, None)
    with pytest.raises(ConfigError, match="SQLite catalog"):
        restore_backup(archive, elsewhere, headwater=VERSION, schemas=SCHEMAS)
    assert read_all(empty) == {}
    restore_backup(other, elsewhere, headwater=VERSION, schemas=SCHEMAS)
    assert set(read_all(empty)) >= {"vectors/a.lance/data/1.lance", "vectors/store-id"}


def test_a_catalog_elsewhere_is_put_back_there(tmp_path, archive):
    catalog = tmp_path / "elsewhere" / "kept.db"
    (tmp_path / "new").mkdir()
    target = RestoreTarget(tmp_path / "new", catalog)
    restore_backup(archive, target, headwater=VERSION, schemas=SCHEMAS)
    assert count_rows(catalog) == 3
    assert not Path(tmp_path / "new" / "catalog.db").exists()
