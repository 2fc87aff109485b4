"""What the catalog promises of generations: one answers, none takes over before it is complete."""

import asyncio
from dataclasses import replace

import pytest

from headwater.domain.errors import FailureType
from headwater.domain.sync import Outcome, Provenance
from headwater.ports import Compared, Generation, Generations, Make
from tests.contract.catalog_samples import (
    ENGINES,
    SITE,
    add_running_job,
    document_id,
    done,
    make_metadata,
    make_ref,
    make_result,
    open_engine,
)

OLD, NEW = Make("model/old"), Make("model/new")
FIRST, SECOND = Generation(0, OLD), Generation(1, NEW)


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def ref(stores):
    """A job by which three documents came in, embedded by the old model."""
    ref = make_ref()
    await add_running_job(stores, ref)
    await record(stores, ref, OLD, 1, 2, 3)
    return ref


async def record(stores, ref, make, *numbers, outcome=Outcome.ADDED):
    made = Provenance(f"conversion/chunking/{make.model}")
    results = [make_result(number, outcome, provenance=made) for number in numbers]
    await stores.catalog.record(ref, results, done(len(numbers)))


async def read_recipes(stores, ref):
    ids = [make_metadata(number).content_id for number in (1, 2, 3)]
    known = await stores.catalog.known(ref.tenant, SITE, ids)
    return {int(key): item.provenance.recipe.rpartition("/")[2] for key, item in known.items()}


async def test_the_first_generation_answers_at_once(stores):
    tenant = make_ref().tenant
    assert await stores.generations.read(tenant, NEW) == Generations(Generation(0, NEW))
    assert await stores.generations.begin(tenant, NEW) == Generations(Generation(0, NEW))
    assert await stores.generations.begin(tenant, NEW) == Generations(Generation(0, NEW))


async def test_what_was_there_before_generations_is_of_its_documents_model(stores, ref):
    assert await stores.generations.read(ref.tenant, NEW) == Generations(FIRST)
    assert await stores.generations.begin(ref.tenant, NEW) == Generations(FIRST, SECOND)


async def test_a_tenant_without_documents_has_nothing_to_wait_for(stores):
    tenant = make_ref().tenant
    await stores.generations.begin(tenant, OLD)
    assert await stores.generations.begin(tenant, NEW) == Generations(SECOND, None, (FIRST,))


async def test_it_takes_over_when_no_document_is_behind(stores, ref):
    await stores.generations.begin(ref.tenant, NEW)
    assert await stores.generations.count_behind(ref.tenant, NEW) == 3
    await record(stores, ref, NEW, 1, 2, outcome=Outcome.UNCHANGED)
    assert not await stores.generations.switch(ref.tenant, SECOND)
    await record(stores, ref, NEW, 3, outcome=Outcome.UPDATED)
    assert await stores.generations.switch(ref.tenant, SECOND)
    assert await stores.generations.read(ref.tenant, NEW) == Generations(SECOND, None, (FIRST,))
    await stores.generations.forget(ref.tenant, FIRST)
    assert await stores.generations.read(ref.tenant, NEW) == Generations(SECOND)
    assert not await stores.generations.switch(ref.tenant, SECOND)


async def test_another_change_takes_the_place_of_the_one_in_the_making(stores, ref):
    await stores.generations.begin(ref.tenant, NEW)
    third = Make("model/third")
    found = await stores.generations.begin(ref.tenant, third)
    assert found == Generations(FIRST, Generation(2, third), (SECOND,))
    assert not await stores.generations.switch(ref.tenant, SECOND)


async def test_going_back_gives_the_making_up_and_its_documents_are_read_again(stores, ref):
    await stores.generations.begin(ref.tenant, NEW)
    await record(stores, ref, NEW, 1, outcome=Outcome.UNCHANGED)
    assert await stores.generations.begin(ref.tenant, OLD) == Generations(FIRST, None, (SECOND,))
    found = await stores.generations.begin(ref.tenant, NEW)
    assert found == Generations(FIRST, Generation(2, NEW), (SECOND,))
    assert await read_recipes(stores, ref) == {1: "", 2: "old", 3: "old"}


async def test_a_number_is_never_given_twice(stores, ref):
    await stores.generations.begin(ref.tenant, NEW)
    await stores.generations.begin(ref.tenant, OLD)
    await stores.generations.forget(ref.tenant, SECOND)
    found = await stores.generations.begin(ref.tenant, NEW)
    assert found == Generations(FIRST, Generation(2, NEW))


async def test_the_same_model_in_another_index_is_a_generation_of_its_own(stores, ref):
    await stores.generations.begin(ref.tenant, OLD)
    moved = replace(OLD, place="elsewhere")
    assert (await stores.generations.begin(ref.tenant, moved)).building == Generation(1, moved)
    assert await read_recipes(stores, ref) == {1: "", 2: "", 3: ""}
    assert set(await stores.generations.list_makes()) == {OLD, moved}
    assert await stores.generations.list_answering() == [OLD]


async def test_two_processes_begin_the_same_generation(stores, ref):
    found = await asyncio.gather(*(stores.generations.begin(ref.tenant, NEW) for _ in range(4)))
    assert found == [Generations(FIRST, SECOND)] * 4


async def test_what_failed_for_good_holds_nothing_up_and_is_in_no_longer(stores, ref):
    await stores.generations.begin(ref.tenant, NEW)
    await record(stores, ref, NEW, 1, 2, outcome=Outcome.UNCHANGED)
    for _ in range(2):
        await fail(stores, ref, 3)
        assert not await stores.generations.switch(ref.tenant, SECOND)
    await fail(stores, ref, 3)
    assert await stores.generations.switch(ref.tenant, SECOND)
    found = await stores.catalog.current_scopes(ref.tenant, [document_id(n) for n in (1, 2, 3)])
    assert set(found) == {document_id(1), document_id(2)}


async def fail(stores, ref, number):
    error = FailureType.VECTOR_EMBEDDING_FAILED
    failure = make_result(number, Outcome.FAILED, error_type=error)
    await stores.catalog.record(ref, [failure], done(1))


async def test_new_edited_and_described_documents_are_told_apart(stores, ref):
    told = {
        document_id(1): (3, "m1"),
        document_id(2): (3, "m2"),
        document_id(3): (4, "m2"),
        document_id(9): (3, "m1"),
    }
    assert await stores.generations.compare(ref.tenant, told) == Compared(
        frozenset({document_id(3), document_id(9)}), frozenset({document_id(2)})
    )


async def test_documents_of_a_model_come_in_parts_with_their_records(stores, ref):
    first = await stores.generations.read_records(ref.tenant, OLD, after=None, limit=2)
    assert first == {document_id(1): 2, document_id(2): 2}
    rest = await stores.generations.read_records(ref.tenant, OLD, after=document_id(2), limit=2)
    assert rest == {document_id(3): 2}
    assert await stores.generations.read_records(ref.tenant, NEW, after=None, limit=2) == {}


async def test_a_document_marked_unread_is_behind(stores, ref):
    await stores.generations.begin(ref.tenant, OLD)
    await stores.generations.mark_unread(ref.tenant, [document_id(2)])
    assert await stores.generations.count_behind(ref.tenant, OLD) == 1
    assert await read_recipes(stores, ref) == {1: "old", 2: "", 3: "old"}


async def test_tenants_have_generations_of_their_own(stores, ref):
    await stores.generations.begin(ref.tenant, NEW)
    other = make_ref().tenant
    await stores.generations.begin(other, OLD)
    await stores.generations.forget(other)
    assert await stores.generations.read(ref.tenant, NEW) == Generations(FIRST, SECOND)
    assert await stores.generations.read(other, NEW) == Generations(Generation(0, NEW))
