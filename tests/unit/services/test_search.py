import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.domain.access import OPEN, ScopeRule, group, make_reader, restricted_scope
from headwater.domain.ids import ContentId, JobId, Namespace
from headwater.domain.jobs import JobChange, JobRef
from headwater.ports import EmbeddingKind, StoreBatch, StoredDocument
from headwater.services.search import SPARE, SearchQuery, fit_question, search
from tests.contract.catalog_samples import (
    OPEN_SCOPE,
    SITE,
    SPACE,
    add_running_job,
    make_metadata,
    make_result,
)
from tests.contract.records import make_record
from tests.unit.services.service_fakes import OTHER, TENANT

REF = JobRef(TENANT, JobId("one"))
CLOSED_SCOPE = restricted_scope(SITE, ContentId("1"))
BOARD = make_reader(groups=["board"])
ANYBODY = make_reader()


@pytest.fixture
async def indexed(ports):
    """Twenty pages about turnips: number 1 for the board, the others for everyone."""
    await add_running_job(ports, REF)
    metadata = [
        make_metadata(number, access_scope=CLOSED_SCOPE if number == 1 else OPEN_SCOPE)
        for number in range(1, 21)
    ]
    documents = [await make_document(ports, item) for item in metadata]
    await ports.store.apply(Namespace(TENANT), StoreBatch(upserts=tuple(documents)))
    results = [make_result(0, metadata=item) for item in metadata]
    await ports.catalog.record(REF, results, JobChange())
    rules = [
        ScopeRule(OPEN_SCOPE, (OPEN,)),
        ScopeRule(CLOSED_SCOPE, (frozenset({group("board")}),), OPEN_SCOPE),
    ]
    await ports.catalog.put_scope_rules(TENANT, SPACE, SITE, rules)
    return ports


async def make_document(ports, metadata):
    text = f"turnip report {metadata.content_id}"
    (vector,) = await ports.embedder.embed([text], kind=EmbeddingKind.PASSAGE)
    return StoredDocument(metadata, (make_record(0, text, vector),))


async def ask(ports, text="turnip report 1", *, tenant=TENANT, reader=ANYBODY, top_k=3):
    found = await search(ports, tenant, SearchQuery(text, top_k=top_k), reader=reader)
    return [match.metadata.content_id for match in found]


async def test_a_reader_gets_the_best_of_what_he_may_see(indexed):
    assert (await ask(indexed, reader=BOARD))[0] == "1"
    seen = await ask(indexed, top_k=100)
    assert sorted(seen, key=int) == [str(number) for number in range(2, 21)]


async def test_top_k_is_filled_although_the_best_hits_are_not_for_the_reader(indexed):
    assert len(await ask(indexed, top_k=3)) == 3


@pytest.mark.parametrize("tenant", [TENANT, OTHER])
async def test_a_reader_without_scopes_asks_the_store_and_the_model_nothing(ports, tenant):
    if tenant == TENANT:
        rule = ScopeRule(OPEN_SCOPE, (frozenset({group("board")}),))
        await ports.catalog.put_scope_rules(TENANT, SPACE, SITE, [rule])
    assert await ask(ports, tenant=tenant) == []
    assert ports.store.queries == []
    assert ports.embedder.texts_embedded == 0


async def test_a_hit_whose_page_was_tightened_since_is_dropped_and_replaced(indexed):
    best = (await ask(indexed, top_k=2))[:2]
    moved = [make_metadata(number, access_scope=CLOSED_SCOPE) for number in best]
    results = [make_result(0, metadata=item) for item in moved]
    await indexed.catalog.record(REF, results, JobChange())
    after = await ask(indexed, top_k=2)
    assert len(after) == 2
    assert not {*after} & {*best}


async def test_a_hit_that_the_catalog_does_not_know_is_dropped(indexed):
    stray = await make_document(indexed, make_metadata(99))
    await indexed.store.apply(Namespace(TENANT), StoreBatch(upserts=(stray,)))
    assert "99" not in await ask(indexed, "turnip report 99", top_k=50)


async def test_the_store_gets_the_whole_question_the_filter_and_a_spare(indexed):
    question = " ".join(["turnip"] * 60)
    await ask(indexed, question, top_k=4)
    (query,) = indexed.store.queries
    assert query.text == question
    assert query.filter.scopes == {OPEN_SCOPE}
    assert query.limit == 4 + SPARE


async def test_a_question_longer_than_the_window_is_shortened_not_refused(indexed):
    assert await ask(indexed, "turnip report " * 500)


@given(st.text(max_size=300), st.integers(min_value=3, max_value=40))
def test_a_fitted_question_fits_and_begins_like_the_question(text, window):
    embedder = MemoryEmbedder(max_tokens=window)
    fitted = fit_question(embedder, text)
    assert embedder.count_tokens(fitted) <= window
    assert " ".join(text.split()).startswith(" ".join(fitted.split()))
    if embedder.count_tokens(text) <= window:
        assert fitted == text


class Letters(MemoryEmbedder):
    """Counts letters: one long word does not fit."""

    def count_tokens(self, text):
        return len(text) + 2


def test_even_one_endless_word_is_fitted():
    fitted = fit_question(Letters(max_tokens=20), "x" * 1000 + " y")
    assert fitted
    assert set(fitted) == {"x"}
    assert len(fitted) <= 18
    assert fit_question(Letters(max_tokens=20), "ab cd " * 10) == "ab cd ab cd ab cd"
