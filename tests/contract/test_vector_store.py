"""What every vector store promises, asked of each of them."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.adapters.lance.store import LanceStore
from headwater.adapters.memory_store import MemoryStore
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ChunkId, ContentId, DocumentId, Namespace, SpaceKey, make_chunk_id
from headwater.ports import HybridQuery, StoreBatch, StoreCounts, StoredDocument, VectorStore
from tests.contract.records import (
    ACME,
    DIMENSION,
    OPEN_SCOPE,
    OTHER,
    ask,
    axis,
    document_id,
    make_document,
    make_metadata,
    make_namespace,
    make_record,
)
from tests.pinecone.opening import open_fresh_store
from tests.pinecone.server import run_pinecone

NASTY = (
    "it's", "'", "''", "x' OR '1'='1", "x'; DROP TABLE t; --", "a\\b", "\\'", "\\", "nul\0nul", "\0",
    "line\nbreak", "🦭", "e\u0301", "é", 'double " quote', "`tick`", "%", "_", "]", ", 'b", "/* c */",
    "$1", "{x}", " ", "",
)  # fmt: skip


@pytest.fixture(scope="module")
def pinecone():
    with run_pinecone() as server:
        yield server


@pytest.fixture(params=["memory", "lance", "pinecone"])
async def store(request, tmp_path, pinecone):
    if request.param == "memory":
        yield MemoryStore()
        return
    if request.param == "pinecone":
        async with open_fresh_store(pinecone, tmp_path) as remote:
            yield remote
        return
    lance = await LanceStore.open(tmp_path / "vectors", dimension=DIMENSION)
    yield lance
    lance.close()


async def put(store: VectorStore, *documents: StoredDocument, namespace: Namespace = ACME) -> None:
    await store.apply(namespace, StoreBatch(upserts=documents))


async def find(
    store: VectorStore, query: HybridQuery, namespace: Namespace = ACME
) -> list[ChunkId]:
    return [match.chunk_id for match in await store.query(namespace, query)]


async def documents_of(
    store: VectorStore, query: HybridQuery, namespace: Namespace = ACME
) -> set[DocumentId]:
    return {match.metadata.document_id for match in await store.query(namespace, query)}


# ── writing ────────────────────────────────────────────────────────────────────────────────────


async def test_a_namespace_that_was_never_written_reads_as_empty(store):
    assert await store.count(ACME) == StoreCounts(documents=0, records=0)
    assert await store.list_documents(ACME) == {}
    assert await store.read_vectors(ACME, [document_id(1)]) == {}
    assert list(await store.query(ACME, ask("anything"))) == []
    await store.settle(ACME)
    await store.drop(ACME)
    await store.check()


async def test_a_stored_document_comes_back_with_every_field(store):
    document = make_document(
        7,
        "some text",
        kind=DocumentKind.ATTACHMENT,
        page_id=ContentId("3"),
        attachment_id=ContentId("att7"),
        author_id=None,
        labels=frozenset({"b", "a"}),
        version=12,
    )
    await put(store, document)
    (match,) = await store.query(ACME, ask())
    record = document.records[0]
    assert match.metadata == document.metadata
    assert match.chunk_id == make_chunk_id(document_id(7), 0)
    assert (match.text, match.heading_path) == (record.chunk.text, record.chunk.heading_path)
    assert match.score > 0
    assert match.ocr_confidence is None


async def test_the_confidence_of_ocr_stays_with_its_chunk(store):
    document = make_document(7, "typed words", "scanned words")
    typed, scanned = document.records
    sure = replace(scanned, chunk=replace(scanned.chunk, ocr_confidence=0.875))
    await put(store, replace(document, records=(typed, sure)))
    await store.apply(ACME, StoreBatch(metadata=(make_metadata(7, labels=frozenset({"new"})),)))
    found = {match.text: match.ocr_confidence for match in await store.query(ACME, ask())}
    assert found == {"typed words": None, "scanned words": 0.875}


async def test_records_are_searchable_before_the_store_settles(store):
    await put(store, make_document(1, "the quokka smiles"))
    await store.settle(ACME)
    await put(store, make_document(2, "a wombat digs"))
    assert (await find(store, ask("wombat", axis(5))))[0] == make_chunk_id(document_id(2), 0)


async def test_an_upsert_replaces_the_whole_document(store):
    await put(store, make_document(1, "one", "two", "three"), make_document(2, "other"))
    await put(store, make_document(1, "uno", "due", version=2))
    found = {(m.metadata.version, m.text) for m in await store.query(ACME, ask(limit=50))}
    assert found == {(2, "uno"), (2, "due"), (1, "other")}
    assert await store.list_documents(ACME) == {document_id(1): 2, document_id(2): 1}


async def test_an_upsert_without_records_leaves_nothing_of_the_document(store):
    await put(store, make_document(1, "one"), make_document(2, "two"))
    await put(store, make_document(1))
    assert await store.list_documents(ACME) == {document_id(2): 1}


async def test_a_metadata_rewrite_keeps_text_and_vectors(store):
    await put(store, make_document(1, "one", "two"), make_document(2, "two"))
    before = await store.read_vectors(ACME, [document_id(1)])
    moved = make_metadata(
        1, title="A title", labels=frozenset({"new"}), access_scope="r:x:1", space="NEW"
    )
    await store.apply(ACME, StoreBatch(metadata=(moved,)))
    matches = await store.query(ACME, ask(scopes=["r:x:1"]))
    assert {match.text for match in matches} == {"one", "two"}
    assert {match.metadata for match in matches} == {moved}
    assert await documents_of(store, ask()) == {document_id(2)}
    assert await store.read_vectors(ACME, [document_id(1)]) == before
    assert (await find(store, ask("one", axis(5), scopes=["r:x:1"])))[0].endswith("#0")


async def test_a_metadata_rewrite_of_an_unknown_document_stores_nothing(store):
    await store.apply(ACME, StoreBatch(metadata=(make_metadata(9),)))
    assert await store.count(ACME) == StoreCounts(documents=0, records=0)
    await put(store, make_document(1, "one"))
    await store.apply(ACME, StoreBatch(metadata=(make_metadata(9),)))
    assert await store.list_documents(ACME) == {document_id(1): 1}


async def test_a_deletion_from_one_space_leaves_what_another_space_took_over(store):
    await put(store, make_document(1, "a"), make_document(2, "a", space=SpaceKey("HR")))
    ids = (document_id(1), document_id(2))
    await store.apply(ACME, StoreBatch(deletions=ids, deleted_from=SpaceKey("HR")))
    assert await store.list_documents(ACME) == {document_id(1): 1}


async def test_deletions_remove_every_record_of_their_documents_only(store):
    await put(store, *(make_document(n, "one", "two") for n in range(4)))
    await store.apply(ACME, StoreBatch(deletions=(document_id(1), document_id(2), document_id(99))))
    assert await store.list_documents(ACME) == {document_id(0): 2, document_id(3): 2}


async def test_one_batch_may_add_rewrite_and_delete(store):
    await put(store, *(make_document(n, "one", "two") for n in range(3)))
    batch = StoreBatch(
        upserts=(make_document(0, "uno"), make_document(5, "cinque")),
        metadata=(make_metadata(1, labels=frozenset({"fresh"})),),
        deletions=(document_id(2),),
    )
    await store.apply(ACME, batch)
    assert await store.list_documents(ACME) == {
        document_id(0): 1,
        document_id(1): 2,
        document_id(5): 1,
    }
    assert await documents_of(store, ask(labels=frozenset({"fresh"}))) == {document_id(1)}


async def test_a_deletion_wins_over_an_upsert_and_an_upsert_over_a_metadata_rewrite(store):
    batch = StoreBatch(
        upserts=(make_document(0, "zero"), make_document(1, "one", version=2)),
        metadata=(make_metadata(0), make_metadata(1, version=1)),
        deletions=(document_id(0),),
    )
    await put(store, make_document(0, "old"), make_document(1, "old"))
    await store.apply(ACME, batch)
    (match,) = await store.query(ACME, ask())
    assert (match.text, match.metadata.version) == ("one", 2)


async def test_repeating_a_batch_changes_nothing(store):
    await put(store, *(make_document(n, "one", "two") for n in range(3)))
    batch = StoreBatch(
        upserts=(make_document(0, "uno"),),
        metadata=(make_metadata(1, title="A title", version=3),),
        deletions=(document_id(2),),
    )
    await store.apply(ACME, batch)
    once = await store.query(ACME, ask("one uno", limit=50))
    await store.apply(ACME, batch)
    assert await store.query(ACME, ask("one uno", limit=50)) == once
    assert await store.list_documents(ACME) == {document_id(0): 1, document_id(1): 2}


async def test_an_empty_batch_is_fine(store):
    await store.apply(ACME, StoreBatch())
    assert await store.count(ACME) == StoreCounts(documents=0, records=0)


async def test_vectors_are_read_by_text_hash_for_the_documents_asked_for(store):
    first, second = make_document(1, "one"), make_document(2, "two")
    await put(store, first, second)
    vectors = await store.read_vectors(ACME, [document_id(1), document_id(3)])
    assert vectors == {first.records[0].chunk.text_hash: axis(1)}
    assert await store.read_vectors(ACME, []) == {}


async def test_the_chunks_of_documents_are_read_in_reading_order(store):
    texts = [f"part {number}" for number in range(12)]
    document = make_document(1, *texts)
    sure = replace(
        document.records[3], chunk=replace(document.records[3].chunk, ocr_confidence=0.5)
    )
    records = (*document.records[:3], sure, *document.records[4:])
    await put(store, replace(document, records=records), make_document(2, "two"))
    read = await store.read_chunks(ACME, [document_id(1), document_id(3)])
    assert list(read) == [document_id(1)]
    assert [chunk.text for chunk in read[document_id(1)]] == texts
    assert [chunk.ordinal for chunk in read[document_id(1)]] == list(range(12))
    assert {chunk.heading_path for chunk in read[document_id(1)]} == {("A title", "A heading")}
    assert [chunk.ocr_confidence for chunk in read[document_id(1)]][2:5] == [None, 0.5, None]


async def test_the_chunks_of_nothing_are_none(store):
    assert await store.read_chunks(ACME, [document_id(1)]) == {}
    await put(store, make_document(1, "ours"), make_document(2))
    assert await store.read_chunks(ACME, []) == {}
    assert await store.read_chunks(ACME, [document_id(2)]) == {}
    assert await store.read_chunks(OTHER, [document_id(1)]) == {}


# ── namespaces ─────────────────────────────────────────────────────────────────────────────────


async def test_namespaces_do_not_see_each_other(store):
    await put(store, make_document(1, "ours"))
    await put(store, make_document(1, "theirs"), namespace=OTHER)
    later = make_namespace(1, generation=2)
    await put(store, make_document(1, "later"), namespace=later)
    assert [m.text for m in await store.query(ACME, ask("theirs"))] == ["ours"]
    await store.apply(OTHER, StoreBatch(deletions=(document_id(1),)))
    assert (await store.count(ACME)).records == (await store.count(later)).records == 1
    assert (await store.count(OTHER)).records == 0


async def test_dropping_a_namespace_leaves_the_others_and_can_be_repeated(store):
    await put(store, make_document(1, "ours"))
    await put(store, make_document(1, "theirs"), namespace=OTHER)
    await store.drop(ACME)
    await store.drop(ACME)
    assert (await store.count(ACME)).documents == 0
    assert (await store.count(OTHER)).documents == 1
    await put(store, make_document(2, "again"))
    assert await store.list_documents(ACME) == {document_id(2): 1}


# ── filters ────────────────────────────────────────────────────────────────────────────────────


async def test_no_scope_sees_nothing(store):
    await put(store, make_document(1, "one"))
    assert list(await store.query(ACME, ask("one", scopes=()))) == []


async def test_only_the_given_scopes_are_seen(store):
    await put(store, *(make_document(n, "word", access_scope=f"r:x:{n}") for n in range(5)))
    query = ask("word", scopes=["r:x:1", "r:x:3", "r:x:77"])
    assert await documents_of(store, query) == {document_id(1), document_id(3)}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"space": "A"}, {0, 1}),
        ({"space": "a"}, set()),
        ({"labels": frozenset({"x", "z"})}, {0, 2}),
        ({"labels": frozenset({"unknown"})}, set()),
        ({"kinds": frozenset({DocumentKind.BLOGPOST})}, {2}),
        ({"kinds": frozenset({DocumentKind.PAGE, DocumentKind.ATTACHMENT})}, {0, 1}),
        ({"modified_after": datetime(2026, 1, 1, tzinfo=UTC)}, {1, 2}),
        ({"modified_after": datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)}, {2}),
        ({"space": "A", "labels": frozenset({"y"})}, {0, 1}),
        ({"space": "B", "labels": frozenset({"y"})}, set()),
        ({}, {0, 1, 2}),
    ],
)
async def test_each_filter_field_narrows(store, fields, expected):
    day = datetime(2026, 1, 1, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    await put(
        store,
        make_document(0, "word", space="A", labels=frozenset({"x", "y"}), last_modified=day),
        make_document(1, "word", space="A", labels=frozenset({"y"}), last_modified=day + tick),
        make_document(
            2,
            "word",
            space="B",
            labels=frozenset({"z"}),
            kind=DocumentKind.BLOGPOST,
            last_modified=day + 2 * tick,
        ),
    )
    for _ in range(2):
        assert await documents_of(store, ask("word", **fields)) == {
            document_id(n) for n in expected
        }
        await store.settle(ACME)


async def test_the_filter_acts_before_ranking(store):
    crowd = [make_document(n, "exact words", vector=axis(0)) for n in range(200)]
    hidden = make_document(900, "something else", vector=axis(7), access_scope="r:x:900")
    await put(store, *crowd, hidden)
    assert await documents_of(store, ask("exact words", limit=1, scopes=["r:x:900"])) == {
        document_id(900)
    }


async def test_ten_thousand_scopes_are_a_filter_like_any_other(store):
    await put(store, *(make_document(n, "word", access_scope=f"r:x:{n}") for n in (5, 20_000)))
    scopes = [f"r:x:{n}" for n in range(10_000)]
    assert await documents_of(store, ask("word", scopes=scopes)) == {document_id(5)}


@pytest.mark.parametrize("settled", [False, True])
async def test_any_text_is_an_exact_filter_value(store, settled):
    await put(
        store,
        *(
            make_document(n, "word", access_scope=f"s{text}", space=text, labels=frozenset({text}))
            for n, text in enumerate(NASTY)
        ),
    )
    if settled:
        await store.settle(ACME)
    everywhere = [f"s{text}" for text in NASTY]
    for number, text in enumerate(NASTY):
        one = {document_id(number)}
        assert await documents_of(store, ask(scopes=[f"s{text}"])) == one
        assert await documents_of(store, ask(scopes=everywhere, space=text)) == one
        assert await documents_of(store, ask(scopes=everywhere, labels=frozenset({text}))) == one


async def test_half_a_surrogate_pair_in_a_filter_matches_nothing(store):
    await put(store, make_document(1, "word"))
    assert await documents_of(store, ask(scopes=["\ud800"])) == set()
    assert await documents_of(store, ask(space="\ud800")) == set()
    assert await documents_of(store, ask(labels=frozenset({"\ud800"}))) == set()
    assert await documents_of(store, ask(scopes=[OPEN_SCOPE, "\ud800"])) == {document_id(1)}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(secret=st.text(max_size=12), guess=st.text(max_size=12))
async def test_no_filter_value_reaches_another_scope(store, secret, guess):
    await store.apply(
        ACME, StoreBatch(upserts=(make_document(1, "word", access_scope=f"r:{secret}"),))
    )
    seen = await documents_of(store, ask("word", scopes=[f"r:{guess}"]))
    assert seen == ({document_id(1)} if guess == secret else set())


@pytest.mark.parametrize("text", NASTY)
async def test_any_text_names_a_document(store, text):
    doomed, kept = make_document(1, "one"), make_document(2, "two")
    doomed = make_document(1, "one", document_id=f"confluence:{text}")
    await put(store, doomed, kept)
    assert len(await store.read_vectors(ACME, [doomed.metadata.document_id])) == 1
    await store.apply(ACME, StoreBatch(deletions=(doomed.metadata.document_id,)))
    assert await store.list_documents(ACME) == {document_id(2): 1}


# ── ranking ────────────────────────────────────────────────────────────────────────────────────


def make_crowd(count: int = 120) -> list[StoredDocument]:
    """Return documents whose vectors lie near axis 0 and whose text says nothing rare."""
    chance = random.Random(7)  # noqa: S311  (a fixed crowd, no secret)
    return [
        make_document(
            n,
            "the service is running, e.g. on the second server of the group",
            vector=[1.0, *(chance.uniform(-0.1, 0.1) for _ in range(DIMENSION - 1))],
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("restart fails with E-4711 since the update", "E-4711"),
        ("connect through VPN-809 first", "vpn-809"),
        ("the account svc_auth owns it", "svc_auth"),
        ("see runbook_v2.final.docx for more", "runbook_v2.final.docx"),
        ("write to ada.lovelace@example.com", "ada.lovelace@example.com"),
        ("digest " + "0123456789abcdef" * 4, "0123456789abcdef" * 4),
        ("die Straßenbahn fährt", "Straßenbahn"),
        ("die Äpfel", "apfel"),
        ("the zeppelin lands", "ZEPPELIN"),
    ],
)
async def test_a_rare_word_is_found_first_although_its_vector_is_far(store, settled, text, word):
    await put(store, *make_crowd(), make_document(500, text, vector=axis(7)))
    if settled:
        await store.settle(ACME)
    assert (await find(store, ask(word, axis(0), limit=3)))[0] == make_chunk_id(document_id(500), 0)


@pytest.mark.parametrize("settled", [False, True])
async def test_a_code_of_common_parts_is_found_first(store, settled):
    crowd = [
        make_document(n, f"ticket OPS-{n} took 12 days, OPS and 12 more", vector=axis(0))
        for n in range(20, 50)
    ]
    await put(store, *crowd, make_document(500, "ticket OPS-12, closed", vector=axis(7)))
    if settled:
        await store.settle(ACME)
    assert (await find(store, ask("what is OPS-12?", axis(0))))[0] == make_chunk_id(
        document_id(500), 0
    )


async def test_a_rare_word_counts_in_the_title_too(store):
    await put(store, *make_crowd(), make_document(500, "text", vector=axis(7), title="Zeppelin"))
    assert (await find(store, ask("zeppelin", axis(0))))[0] == make_chunk_id(document_id(500), 0)


async def test_a_chunk_that_shares_no_word_is_found_by_its_vector(store):
    await put(store, *make_crowd(), make_document(500, "vacation days", vector=axis(7)))
    found = await find(store, ask("annual leave", axis(7), limit=3))
    assert found[0] == make_chunk_id(document_id(500), 0)


async def test_being_best_on_both_sides_scores_one_and_the_rest_less(store):
    await put(store, *make_crowd(20), make_document(500, "zeppelin", vector=axis(7)))
    scores = [match.score for match in await store.query(ACME, ask("zeppelin", axis(7)))]
    assert scores[0] == pytest.approx(1.0)
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores[1:])


@pytest.mark.parametrize(
    "text",
    ["", "   ", "()", '"', "AND", "OR NOT", "+-!(){}[]^~*?:\\/", "\0", "🦭", "'; --", "\ud800"],
)
async def test_a_question_without_known_words_is_answered_by_vector(store, text):
    await put(store, *(make_document(n, "plain", vector=axis(n)) for n in range(4)))
    assert (await find(store, ask(text, axis(3))))[0] == make_chunk_id(document_id(3), 0)


async def test_without_a_vector_words_alone_find(store):
    await put(store, *(make_document(n, f"word{n} is here", vector=axis(n)) for n in range(4)))
    question = replace(ask("word2"), vector=None)
    assert await find(store, question) == [make_chunk_id(document_id(2), 0)]
    assert await find(store, replace(ask("nothing like it"), vector=None)) == []


async def test_written_records_are_counted_by_document(store):
    await put(store, make_document(1, "one", "two"), make_document(2, "other"))
    await put(store, make_document(1, "uno"))
    ids = [document_id(n) for n in (1, 2, 3)]
    assert await store.count_records(ACME, ids) == {document_id(1): 1, document_id(2): 1}
    assert await store.count_records(OTHER, ids) == {}


async def test_operators_in_a_question_are_plain_words(store):
    await put(
        store, make_document(1, "cats", vector=axis(1)), make_document(2, "not", vector=axis(2))
    )
    found = await find(store, ask('cats AND NOT "dogs" -cats title:cats cats~2', axis(5)))
    assert set(found) == {make_chunk_id(document_id(n), 0) for n in (1, 2)}


async def test_a_very_long_question_is_answered(store):
    await put(store, make_document(1, "zeppelin"))
    assert len(await find(store, ask("zeppelin " + "word " * 20_000))) == 1


@pytest.mark.parametrize("limit", [0, 1, 7, 100])
async def test_there_are_never_more_matches_than_asked_for(store, limit):
    await put(store, *make_crowd(30))
    found = await find(store, ask("server", limit=limit))
    assert len(found) == len(set(found)) == min(limit, 30)


async def test_equal_chunks_come_in_the_order_of_their_ids(store):
    await put(store, *(make_document(n, "same", vector=axis(0)) for n in (3, 1, 2)))
    found = await find(store, ask("same"))
    assert found == [make_chunk_id(document_id(n), 0) for n in (1, 2, 3)]


async def test_chunks_of_one_document_are_separate_matches(store):
    document = make_document(1, "one", "two")
    document = type(document)(
        document.metadata, (make_record(0, "one", axis(0)), make_record(1, "two", axis(1)))
    )
    await put(store, document)
    assert await find(store, ask("two", axis(1))) == [
        make_chunk_id(document_id(1), 1),
        make_chunk_id(document_id(1), 0),
    ]
