"""What is LanceDB's own: commits, indexes, several handles, trouble."""

import asyncio
import random
import shutil
from pathlib import Path

import lancedb
import pytest
import stamina
from lancedb.table import AsyncTable

from headwater.adapters.lance import indexes
from headwater.adapters.lance.rows import make_schema
from headwater.adapters.lance.store import LanceStore
from headwater.domain.errors import ConfigError, DocumentError, FailureType, RetryableError
from headwater.ports import StoreBatch, StoreCounts, StoredDocument
from tests.contract.records import (
    ACME,
    DIMENSION,
    OPEN_SCOPE,
    ask,
    axis,
    document_id,
    make_document,
    make_metadata,
    make_namespace,
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "vectors"


@pytest.fixture
async def store(folder):
    opened = await LanceStore.open(folder, dimension=DIMENSION, vector_index_rows=300)
    yield opened
    opened.close()


@pytest.fixture
async def other(folder):
    """Return one more store on the same folder, as another process would have."""
    opened = await LanceStore.open(folder, dimension=DIMENSION)
    yield opened
    opened.close()


def upsert(*documents: StoredDocument) -> StoreBatch:
    return StoreBatch(upserts=documents)


async def put(store: LanceStore, *documents: StoredDocument) -> None:
    await store.apply(ACME, upsert(*documents))


async def read_version(store: LanceStore) -> int:
    async with store._snapshot(ACME) as table:
        assert table is not None
        return await table.version()


async def indexed_columns(store: LanceStore) -> set[str]:
    async with store._snapshot(ACME) as table:
        assert table is not None
        return {column for index in await table.list_indices() for column in index.columns}


def scatter(count: int, **fields: str) -> list[StoredDocument]:
    chance = random.Random(3)  # noqa: S311  (fixed vectors, no secret)
    return [
        make_document(
            n, f"text {n}", vector=[chance.gauss(0, 1) for _ in range(DIMENSION)], **fields
        )
        for n in range(count)
    ]


# ── commits ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "batch",
    [
        StoreBatch(
            upserts=(make_document(0, "uno"), make_document(9, "nove")),
            metadata=(make_metadata(1, version=2),),
            deletions=(document_id(2),),
        ),
        StoreBatch(metadata=(make_metadata(1, version=2),)),
        StoreBatch(deletions=(document_id(1), document_id(2))),
        StoreBatch(upserts=(make_document(1),)),
    ],
    ids=["all at once", "metadata", "deletions", "emptied"],
)
async def test_a_batch_is_one_commit(store, batch):
    await put(store, *(make_document(n, "one", "two") for n in range(3)))
    before = await read_version(store)
    await store.apply(ACME, batch)
    assert await read_version(store) == before + 1


async def test_a_metadata_rewrite_of_unknown_documents_commits_nothing(store):
    await put(store, make_document(1, "one"))
    before = await read_version(store)
    await store.apply(ACME, StoreBatch(metadata=(make_metadata(5),)))
    assert await read_version(store) == before


async def test_another_handle_sees_a_commit_at_once(store, other):
    await put(store, make_document(1, "one"))
    assert await other.count(ACME) == StoreCounts(documents=1, records=1)
    await put(other, make_document(2, "two"))
    await store.apply(ACME, StoreBatch(deletions=(document_id(1),)))
    assert await other.list_documents(ACME) == {document_id(2): 1}
    await other.drop(ACME)
    assert (await store.count(ACME)).documents == 0


async def test_stores_that_race_to_create_a_namespace_all_write(store, other):
    batches = [StoreBatch(upserts=(make_document(n, "word"),)) for n in range(6)]
    await asyncio.gather(
        *((store, other)[n % 2].apply(ACME, batch) for n, batch in enumerate(batches))
    )
    assert await store.count(ACME) == StoreCounts(documents=6, records=6)
    assert len(await store.query(ACME, ask("word"))) == 6


@pytest.mark.parametrize("repetition", range(3))
async def test_writers_of_the_same_document_leave_one_of_them_whole(store, other, repetition):
    await put(store, make_document(100, "seed"))
    same = [make_document(1, *"abcdef"[: 1 + n % 4], version=n) for n in range(8)]
    await asyncio.gather(*((store, other)[n % 2].apply(ACME, upsert(same[n])) for n in range(8)))
    matches = await store.query(ACME, ask(limit=100))
    left = [match for match in matches if match.metadata.document_id == document_id(1)]
    assert len({match.metadata.version for match in left}) == 1
    assert len(left) == 1 + left[0].metadata.version % 4, repetition


async def test_settling_among_hot_writers_loses_nothing(store, other):
    await put(store, *(make_document(n, "one", "two") for n in range(20)))

    async def write() -> None:
        for n in range(20):
            await put(other, make_document(n, "uno", version=2))

    async def settle() -> None:
        for _ in range(5):
            await store.settle(ACME)

    await asyncio.gather(write(), settle())
    assert await store.count(ACME) == StoreCounts(documents=20, records=20)


# ── indexes ────────────────────────────────────────────────────────────────────────────────────


async def test_a_new_namespace_has_its_column_indexes(store):
    await put(store, make_document(1, "one"))
    columns = {"id", "document_id", "access_scope", "space", "labels", indexes.KEYWORD_COLUMN}
    assert await indexed_columns(store) == columns


async def read_index(folder, column):
    connection = await lancedb.connect_async(folder)
    table = await connection.open_table(ACME.name)
    stats = await table.index_stats(f"{column}_idx")
    connection.close()
    return stats


async def test_settling_brings_the_words_up_to_date_when_it_makes_the_vector_index(store, folder):
    await put(store, *scatter(320))
    await store.settle(ACME)
    assert (await read_index(folder, "vector")).num_indexed_rows == 320
    words = await read_index(folder, indexes.KEYWORD_COLUMN)
    assert (words.num_indexed_rows, words.num_unindexed_rows) == (320, 0)


async def test_a_vector_index_of_many_parts_is_made_one(store, folder, monkeypatch):
    monkeypatch.setattr(indexes, "MOST_PARTS", 3)
    monkeypatch.setattr(indexes, "ROWS_PER_PARTITION", 100)
    await put(store, *scatter(320))
    parts = []
    for number in range(900, 906):
        vector = axis(number)
        await put(store, make_document(number, "late", vector=vector))
        await store.settle(ACME)
        parts.append((await read_index(folder, "vector")).num_indices)
        nearest = await store.query(ACME, ask(vector=vector, limit=1))
        assert nearest[0].metadata.document_id == document_id(number)
    assert parts == [1, 2, 3, 4, 1, 2]


async def test_settling_restores_indexes_that_a_killed_creator_left_out(store, folder):
    connection = await lancedb.connect_async(folder)
    await connection.create_table(ACME.name, schema=make_schema(DIMENSION))
    connection.close()
    await put(store, make_document(1, "one"))
    assert await indexed_columns(store) == set()
    await store.settle(ACME)
    assert indexes.KEYWORD_COLUMN in await indexed_columns(store)
    assert len(await store.query(ACME, ask("one"))) == 1


async def test_a_large_namespace_gets_a_vector_index_that_misses_nothing(store):
    await put(store, *scatter(299))
    await store.settle(ACME)
    assert "vector" not in await indexed_columns(store)
    few = [make_document(n, "few", vector=axis(n), access_scope="r:few") for n in range(900, 904)]
    await put(store, *few)
    await store.settle(ACME)
    await store.settle(ACME)
    assert "vector" in await indexed_columns(store)
    found = await store.query(ACME, ask(vector=axis(1), scopes=["r:few"]))
    assert {m.metadata.document_id for m in found} == {d.metadata.document_id for d in few}
    everywhere = [OPEN_SCOPE, "r:few"]
    nearest = (await store.query(ACME, ask(vector=axis(901), limit=1, scopes=everywhere)))[0]
    assert nearest.metadata.document_id == document_id(901)
    await put(store, make_document(950, "late", vector=[-1.0] * DIMENSION))
    nearest = (await store.query(ACME, ask(vector=[-1.0] * DIMENSION, limit=1)))[0]
    assert nearest.metadata.document_id == document_id(950)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("日本語の検索エンジン", "検索"),
        ("中文搜索引擎", "搜索"),
        ("검색을 테스트", "검색을"),
        ("the servers are running", "server runs"),
        ("the IT department", "IT"),
    ],
)
async def test_words_are_found_in_other_scripts_and_english_forms(store, text, question):
    crowd = [make_document(n, "nothing of interest") for n in range(60)]
    await put(store, *crowd, make_document(500, text, vector=axis(7)))
    for _ in range(2):
        best = (await store.query(ACME, ask(question, axis(0), limit=1)))[0]
        assert best.metadata.document_id == document_id(500)
        await store.settle(ACME)


# ── refusals ───────────────────────────────────────────────────────────────────────────────────


async def test_a_table_keeps_to_the_length_of_its_own_vectors(store, folder):
    await put(store, make_document(1, "one"), make_document(2, "two"))
    wider = await LanceStore.open(folder, dimension=DIMENSION + 1)
    long = [1.0] * (DIMENSION + 1)
    with pytest.raises(ConfigError, match=r"vector of 9 numbers.*vectors of 8.*HEADWATER_EMBEDDER"):
        await wider.query(ACME, ask("one", long))
    with pytest.raises(ConfigError, match="vector of 9 numbers"):
        await put(wider, make_document(3, "three", vector=long))
    new = make_metadata(2, labels=frozenset({"new"}))
    await wider.apply(ACME, StoreBatch(metadata=(new,), deletions=(document_id(1),)))
    (match,) = await wider.query(ACME, ask("two", axis(2)))
    assert match.metadata == new
    wider.close()


async def test_a_table_of_another_version_is_refused(store, folder):
    connection = await lancedb.connect_async(folder)
    await connection.create_table(ACME.name, data=[{"id": "1", "vector": axis(1)}])
    connection.close()
    with pytest.raises(ConfigError, match="another version"):
        await store.count(ACME)


async def test_a_table_from_before_ocr_had_a_confidence_gets_the_column(store, folder):
    await put(store, make_document(1, "kept words"))
    connection = await lancedb.connect_async(folder)
    table = await connection.open_table(ACME.name)
    await table.drop_columns(["ocr_confidence"])
    table.close()
    connection.close()
    (match,) = await store.query(ACME, ask("kept"))
    assert (match.text, match.ocr_confidence) == ("kept words", None)
    await put(store, make_document(2, "new words"))
    await store.apply(ACME, StoreBatch(metadata=(make_metadata(1, labels=frozenset({"new"})),)))
    assert await store.count(ACME) == StoreCounts(documents=2, records=2)


async def test_a_vector_of_another_length_stores_nothing(store):
    short = make_document(1, "one", vector=[1.0, 2.0])
    with pytest.raises(ConfigError, match="vector of 2 numbers"):
        await put(store, make_document(2, "two"), short)
    assert (await store.count(ACME)).records == 0


async def test_a_question_of_another_length_is_refused(store):
    await put(store, make_document(1, "one"))
    with pytest.raises(ConfigError, match="vector of 2 numbers"):
        await store.query(ACME, ask(vector=[1.0, 2.0]))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
async def test_a_vector_that_is_no_number_fails_by_name(store, number):
    broken = make_document(1, "one", vector=[number] * DIMENSION)
    with pytest.raises(DocumentError, match=document_id(1)) as caught:
        await put(store, make_document(2, "two"), broken)
    assert caught.value.error_type is FailureType.VECTOR_EMBEDDING_FAILED


@pytest.mark.parametrize(
    "batch",
    [
        StoreBatch(upserts=(make_document(1, "half \ud800"),)),
        StoreBatch(upserts=(make_document(1, "one", title="\udfff"),)),
        StoreBatch(upserts=(make_document(1, "one", labels=frozenset({"\ud800"})),)),
    ],
)
async def test_text_that_is_no_unicode_fails_by_name(store, batch):
    with pytest.raises(DocumentError, match=document_id(1)) as caught:
        await store.apply(ACME, batch)
    assert caught.value.error_type is FailureType.ENCODING_ERROR


# ── conflicts ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def overtaken(monkeypatch):
    """Make compaction lose against other writers a given number of times; no waiting in between."""
    compact = indexes.compact
    losses: list[str] = []

    async def lose(table: AsyncTable) -> None:
        if losses:
            raise RuntimeError(losses.pop())
        await compact(table)

    monkeypatch.setattr(indexes, "compact", lose)
    with stamina.set_testing(True, attempts=3):
        yield losses


async def test_settling_tries_again_when_a_writer_was_first(store, overtaken):
    await put(store, make_document(1, "one"))
    overtaken += ["lance error: Retryable commit conflict for version 7"] * 2
    await store.settle(ACME)
    assert overtaken == []


async def test_settling_says_so_when_writers_were_always_first(store, overtaken):
    await put(store, make_document(1, "one"))
    overtaken += ["lance error: Retryable commit conflict for version 7"] * 3
    with pytest.raises(RetryableError, match="other writers kept committing first"):
        await store.settle(ACME)
    assert len(await store.query(ACME, ask("one"))) == 1


async def test_other_trouble_is_not_tried_again(store, overtaken):
    await put(store, make_document(1, "one"))
    overtaken += ["never reached", "lance error: No space left on device (os error 28)"]
    with pytest.raises(RetryableError, match="disk is full"):
        await store.settle(ACME)
    assert overtaken == ["never reached"]


# ── trouble ────────────────────────────────────────────────────────────────────────────────────


async def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    with pytest.raises(RetryableError, match=r"could not open .*HEADWATER_DATA_DIR"):
        await LanceStore.open(in_the_way / "vectors", dimension=DIMENSION)


async def test_the_check_fails_when_the_folder_is_gone(store, folder):
    await store.check()
    shutil.rmtree(folder)
    with pytest.raises(RetryableError, match="HEADWATER_DATA_DIR"):
        await store.check()


async def test_the_check_leaves_nothing_behind(store, folder):
    await store.check()
    assert list(folder.iterdir()) == []


async def test_lost_files_are_an_error_and_no_empty_answer(store, folder):
    await put(store, make_document(1, "one"))
    delete_files(folder / f"{ACME.name}.lance" / "data")
    with pytest.raises(RetryableError, match="could not be read"):
        await store.query(ACME, ask("one"))


async def test_a_name_that_lancedb_refuses_is_no_missing_namespace(store):
    class Odd:
        name = "a/b"

    with pytest.raises(ValueError, match="Invalid table name"):
        await store.count(Odd())


async def test_a_closed_store_answers_no_more(folder):
    store = await LanceStore.open(folder, dimension=DIMENSION)
    store.close()
    with pytest.raises(RetryableError):
        await store.count(make_namespace(1))


def delete_files(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
