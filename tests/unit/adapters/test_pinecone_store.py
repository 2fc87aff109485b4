"""What is Pinecone's own: lag, limits, refusals, and what a crash leaves behind."""

import asyncio
import math
import warnings
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from headwater.adapters.pinecone.opening import IndexSettings
from headwater.adapters.pinecone.records import MAX_REQUEST_BYTES
from headwater.adapters.pinecone.turns import REQUESTS_AT_ONCE
from headwater.domain.errors import (
    BackendAwayError,
    ConfigError,
    DocumentError,
    FailureType,
    RetryableError,
)
from headwater.ports import StoreBatch
from tests.contract.records import (
    ACME,
    DIMENSION,
    OTHER,
    ask,
    axis,
    document_id,
    make_document,
    make_metadata,
    make_record,
)
from tests.pinecone.opening import INDEX, open_fresh_store, open_ledger, open_pinecone_store
from tests.pinecone.server import run_pinecone


@pytest.fixture(scope="module")
def running():
    with run_pinecone() as server:
        yield server


@pytest.fixture
async def store(running, tmp_path):
    async with open_fresh_store(running, tmp_path) as store:
        yield store


async def put(store, *documents):
    await store.apply(ACME, StoreBatch(upserts=documents))


def ids(server):
    return sorted(server.records(ACME.name))


async def test_a_namespace_is_the_tenant_and_ids_are_the_documents(store, running):
    await put(store, make_document(1, "one", "two"))
    assert list(running.namespaces["headwater"]) == [str(ACME.tenant)]
    assert ids(running) == [f"{document_id(1)}#0", f"{document_id(1)}#1"]


async def test_readers_of_other_makes_find_flat_metadata_and_the_text(store, running):
    await put(store, make_document(1, "some text"))
    (record,) = running.records(ACME.name).values()
    assert record.metadata["text"] == "some text"
    assert record.metadata["heading_path"] == ["A title", "A heading"]
    assert all(not isinstance(value, dict) and value != [] for value in record.metadata.values())


async def test_a_page_that_shrank_loses_its_last_chunks_although_lists_lag(store, running):
    running.late = True
    await put(store, make_document(1, "one", "two", "three"))
    await put(store, make_document(1, "uno"))
    running.catch_up()
    assert ids(running) == [f"{document_id(1)}#0"]


async def test_what_a_crash_left_in_the_index_is_replaced_with_the_page(store, running):
    running.fail("/vectors/delete", 403)
    await put(store, make_document(1, "one", "two", "three", "four"))
    with pytest.raises(BackendAwayError):  # the upsert arrived, then the process ended
        await put(store, make_document(1, "a", "b"))
    await put(store, make_document(1, "x"))
    assert ids(running) == [f"{document_id(1)}#0"]


async def test_a_deletion_reaches_what_no_list_shows_yet(store, running):
    running.late = True
    await put(store, make_document(1, "one", "two"))
    await store.apply(ACME, StoreBatch(deletions=(document_id(1),)))
    running.catch_up()
    assert ids(running) == []


async def test_a_deletion_reaches_records_that_the_ledger_does_not_know(store, running):
    await put(store, make_document(1, "one", "two"), make_document(2, "stays"))
    # A deletion that began while these were written, and was confirmed after them.
    await store.ledger.confirm(ACME, {document_id(1): 0})
    await store.apply(ACME, StoreBatch(deletions=(document_id(1),)))
    assert ids(running) == [f"{document_id(2)}#0"]


async def test_a_deletion_in_a_namespace_that_never_was_is_done(store):
    await store.ledger.expect(ACME, {document_id(1): 2})
    await store.apply(ACME, StoreBatch(deletions=(document_id(1),)))
    assert await store.ledger.read(ACME, [document_id(1)]) == {}


async def test_new_metadata_sends_no_vector(store, running):
    await put(store, make_document(1, "one", "two"))
    running.calls.clear()
    await store.apply(ACME, StoreBatch(metadata=(make_metadata(1, labels=frozenset({"new"})),)))
    assert [path for path, _ in running.calls] == ["/headwater/vectors/update"] * 2
    assert not any("values" in body for _, body in running.calls)


async def test_a_field_that_becomes_empty_is_empty(store):
    await put(store, make_document(1, "one"))
    bare = make_metadata(1, title="A title", labels=frozenset(), author_id=None, parent_id=None)
    await store.apply(ACME, StoreBatch(metadata=(bare,)))
    (match,) = await store.query(ACME, ask())
    assert match.metadata == bare


async def test_requests_keep_below_two_megabytes(store, running):
    texts = [f"{number} " + "x" * 30_000 for number in range(150)]
    await put(store, make_document(1, *texts))
    sent = [body for path, body in running.calls if path.endswith("upsert")]
    assert sum(len(body["vectors"]) for body in sent) == 150
    assert len(sent) >= 150 * 30_000 // MAX_REQUEST_BYTES
    assert len(running.records(ACME.name)) == 150


async def test_a_chunk_beyond_40_kb_is_a_failure_that_says_what_to_do(store, running):
    with pytest.raises(DocumentError, match="chunk_tokens") as caught:
        await put(store, make_document(1, "x" * 41_000))
    assert caught.value.error_type is FailureType.STORE_ERROR
    assert not running.namespaces["headwater"]


async def test_labels_beyond_40_kb_are_not_blamed_on_the_chunk(store):
    labels = frozenset(f"label-{number}-{'x' * 200}" for number in range(250))
    with pytest.raises(DocumentError, match="shorten the document's labels"):
        await put(store, make_document(1, "one", labels=labels))


@pytest.mark.parametrize("number", [math.nan, math.inf, 0.0])
async def test_a_vector_that_is_none_fails_its_document(store, number):
    broken = replace(make_record(0, "one", axis(0)), vector=[number] * DIMENSION)
    with pytest.raises(DocumentError, match="vector"):
        await put(store, replace(make_document(1), records=(broken,)))


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_short_trouble_is_waited_out(store, running, status):
    running.fail("/vectors/upsert", status, **{"retry-after": "0"})
    await put(store, make_document(1, "one"))
    assert len(ids(running)) == 1


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (0, BackendAwayError, "no usable answer"),
        (401, BackendAwayError, "HEADWATER_PINECONE_API_KEY"),
        (402, BackendAwayError, "bill"),
        (403, BackendAwayError, "quota"),
        (400, DocumentError, "refuses"),
        (413, DocumentError, "refuses"),
    ],
)
async def test_each_refusal_is_told_by_who_can_mend_it(store, running, status, error, said):
    running.fail("/vectors/upsert", status, times=9)
    with pytest.raises(error, match=said) as caught:
        await put(store, make_document(1, "one"))
    assert "pc-test-key" not in str(caught.value)


async def test_after_an_outage_the_same_batch_arrives(store, running):
    running.fail("/vectors/upsert", 503, times=4)
    with pytest.raises(RetryableError):
        await put(store, make_document(1, "one"))
    running.faults.clear()
    await put(store, make_document(1, "one"))
    assert len(ids(running)) == 1


async def test_one_refused_part_of_a_batch_is_an_error_of_the_whole(store, running):
    running.fail("/vectors/upsert", 400)
    with pytest.raises(DocumentError):
        await put(store, make_document(1, *(f"{n} " + "x" * 30_000 for n in range(150))))


async def test_after_one_failure_no_further_request_is_begun(store, running):
    chunks = [f"chunk {number}" for number in range(40)]
    await put(store, make_document(1, *chunks))
    running.fail("/vectors/update", 403, times=len(chunks))
    with pytest.raises(BackendAwayError):
        await store.apply(ACME, StoreBatch(metadata=(make_metadata(1, title="new"),)))
    assert len(running.faults) >= len(chunks) - REQUESTS_AT_ONCE


async def test_a_batch_that_is_cancelled_leaves_nothing_running(store):
    await put(store, make_document(1, *(f"chunk {number}" for number in range(40))))
    tasks = asyncio.all_tasks()
    renamed = StoreBatch(metadata=(make_metadata(1, title="new"),))
    applying = asyncio.create_task(store.apply(ACME, renamed))
    while len(asyncio.all_tasks() - tasks) <= REQUESTS_AT_ONCE:  # noqa: ASYNC110  (no event tells)
        await asyncio.sleep(0)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        applying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await applying
    assert asyncio.all_tasks() == tasks
    assert [str(warning.message) for warning in warned] == []


async def test_thousands_of_scopes_fit_one_question(store):
    await put(store, make_document(1, "one"))
    scopes = [f"r:site:{number}" for number in range(25_000)]
    assert await store.query(ACME, ask("one", scopes=scopes)) == []
    assert len(await store.query(ACME, ask("one", scopes=[*scopes, "s:wiki.example.com:1"]))) == 1


async def test_a_word_that_came_by_an_edit_is_as_rare_as_can_be(store):
    crowd = [make_document(n, "reset the account", vector=axis(0)) for n in range(60)]
    await put(store, *crowd)
    await put(store, make_document(7, "the zyzzyva sleeps", vector=axis(5)))
    best, *_ = await store.query(ACME, ask("zyzzyva", axis(0), limit=3))
    assert best.metadata.document_id == document_id(7)


# ── the index ──────────────────────────────────────────────────────────────────────────────────


def make_index(server, name, *, dimension=DIMENSION, metric="dotproduct"):
    server.indexes[name] = {
        "name": name,
        "host": f"{server.url}/{name}",
        "status": {"ready": True, "state": "Ready"},
        "deployment": {
            "deployment_type": "managed", "cloud": "aws", "region": "x", "environment": "test",
        },
        "read_capacity": {"mode": "OnDemand", "status": {"state": "Ready"}},
        "schema": {
            "fields": {
                "_values": {"type": "dense_vector", "dimension": dimension, "metric": metric}
            }
        },
        "deletion_protection": "disabled",
    }  # fmt: skip


async def test_an_index_is_created_once_and_found_again(running, tmp_path):
    async with open_fresh_store(running, tmp_path):
        pass
    async with open_ledger(tmp_path) as ledger, open_pinecone_store(running, ledger):
        pass
    made = [body for path, body in running.calls if path == "/indexes"]
    assert [body["name"] for body in made] == [INDEX.name]
    (field,) = made[0]["schema"]["fields"].values()
    assert (field["dimension"], field["metric"]) == (DIMENSION, "dotproduct")


@pytest.mark.parametrize(
    ("made", "said"), [({"dimension": 1536}, "1536"), ({"metric": "euclidean"}, "euclidean")]
)
async def test_an_index_of_another_make_is_refused(running, tmp_path, made, said):
    running.reset()
    make_index(running, "theirs", **made)
    index = IndexSettings("theirs", "aws", "us-east-1")
    async with open_ledger(tmp_path) as ledger:
        with pytest.raises(ConfigError, match=said):
            async with open_pinecone_store(running, ledger, index=index):
                pytest.fail("it opened")


async def test_a_cosine_index_is_searched_by_vector_alone_and_that_is_said(running, tmp_path):
    running.reset()
    make_index(running, "theirs", metric="cosine")
    index = IndexSettings("theirs", "aws", "us-east-1")
    async with open_ledger(tmp_path) as ledger:
        with capture_logs() as logs:
            async with open_pinecone_store(running, ledger, index=index) as store:
                await put(store, make_document(1, "one"), make_document(2, "two"))
                best, *_ = await store.query(ACME, ask("one", axis(2)))
                with pytest.raises(RetryableError, match="HEADWATER_PREVIOUS_EMBEDDER"):
                    await store.query(ACME, replace(ask("one"), vector=None))
                assert "by vector only" in (await store.check() or "")
    assert best.metadata.document_id == document_id(2)
    assert "vector only" in logs[0]["event"]


async def test_a_wrong_key_is_said_at_the_start(running, tmp_path):
    running.reset()
    running.fail("/indexes/headwater", 401)
    async with open_ledger(tmp_path) as ledger:
        with pytest.raises(ConfigError, match="HEADWATER_PINECONE_API_KEY"):
            async with open_pinecone_store(running, ledger):
                pytest.fail("it opened")


async def test_chunks_whose_text_is_too_much_for_one_answer_are_found_all_the_same(store, running):
    texts = [f"zeppelin {number} " + "x" * 30_000 for number in range(150)]
    await put(
        store, make_document(1, *texts), make_document(2, "the last zeppelin", vector=axis(1))
    )
    found = await store.query(ACME, ask("zeppelin", axis(1), limit=50))
    assert len(found) == 50
    assert all("zeppelin" in match.text for match in found)
    routes = {path.rpartition("/")[2] for path, _ in running.calls}
    assert "fetch" in routes


async def test_no_tenant_waits_behind_the_requests_of_another(store, running):
    many = make_document(1, *(f"chunk {number}" for number in range(150)))
    await put(store, many)
    renamed = StoreBatch(metadata=(make_metadata(1, title="new"),))
    large = asyncio.create_task(store.apply(ACME, renamed))
    while not any(path.endswith("/update") for path, _ in running.calls):  # noqa: ASYNC110  (as above)
        await asyncio.sleep(0.001)
    await store.apply(OTHER, StoreBatch(upserts=(make_document(2, "one"),)))
    updates = sum(path.endswith("/update") for path, _ in running.calls)
    await large
    assert updates < 100
