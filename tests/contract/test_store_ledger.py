"""What the ledger promises: nothing that may be in the index is forgotten before it is gone."""

import pytest

from headwater.domain.ids import DocumentId
from tests.contract.catalog_samples import ENGINES, open_engine
from tests.contract.records import ACME, OTHER, make_namespace

ONE, TWO = DocumentId("confluence:x:1"), DocumentId("confluence:x:2")


@pytest.fixture(params=ENGINES)
async def ledger(request, tmp_path):
    async with open_engine(request.param, tmp_path) as stores:
        yield stores.ledger


async def test_what_may_be_there_is_the_most_that_was_expected(ledger):
    assert await ledger.expect(ACME, {ONE: 5}) == {}
    assert await ledger.expect(ACME, {ONE: 2, TWO: 1}) == {ONE: 5}
    assert await ledger.read(ACME, [ONE, TWO]) == {ONE: 5, TWO: 1}


async def test_once_confirmed_it_is_exactly_that(ledger):
    await ledger.expect(ACME, {ONE: 5, TWO: 1})
    await ledger.confirm(ACME, {ONE: 2, TWO: 0})
    assert await ledger.read(ACME, [ONE, TWO]) == {ONE: 2}


async def test_words_are_counted_and_added_up(ledger):
    assert await ledger.read_terms(ACME, [7]) == (0, {})
    await ledger.count_terms(ACME, {7: 2, 2**32 - 1: 1}, 10)
    await ledger.count_terms(ACME, {7: 3}, 5)
    assert await ledger.read_terms(ACME, [7, 8, 2**32 - 1]) == (15, {7: 5, 2**32 - 1: 1})


async def test_namespaces_and_generations_are_apart(ledger):
    later = make_namespace(1, generation=1)
    for namespace in (ACME, make_namespace(1)):
        await ledger.expect(namespace, {ONE: 1})
        await ledger.count_terms(namespace, {7: 1}, 1)
    for namespace in (OTHER, later):
        assert await ledger.read(namespace, [ONE]) == {}
        assert await ledger.read_terms(namespace, [7]) == (0, {})
        await ledger.forget(namespace)
    assert await ledger.read(ACME, [ONE]) == {ONE: 1}


async def test_forgetting_a_namespace_leaves_nothing(ledger):
    await ledger.expect(ACME, {ONE: 1})
    await ledger.count_terms(ACME, {7: 1}, 1)
    await ledger.forget(ACME)
    assert await ledger.read(ACME, [ONE]) == {}
    assert await ledger.read_terms(ACME, [7]) == (0, {})


async def test_thousands_at_once_are_written_and_read(ledger):
    many = {DocumentId(f"confluence:x:{number}"): 1 for number in range(2_500)}
    await ledger.expect(ACME, many)
    assert await ledger.read(ACME, list(many)) == many
    await ledger.confirm(ACME, dict.fromkeys(many, 0))
    assert await ledger.read(ACME, list(many)) == {}
