"""What every catalog keeps to when several processes share one job's documents."""

import asyncio

import pytest

from headwater.domain.content import DocumentKind, ListedAttachment
from headwater.domain.errors import ClaimLostError
from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobChange
from headwater.domain.sync import Action, Decision
from tests.contract.catalog_samples import (
    ENGINES,
    NOW,
    SITE,
    add_running_job,
    done,
    make_listed,
    make_ref,
    make_result,
    open_engine,
)

DOCUMENTS = 20
KEPT = 5


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def ref(stores):
    """A job of documents 1 to 20, of which the first 5 need not be read."""
    return await list_job(stores, make_ref())


async def list_job(stores, ref):
    await add_running_job(stores, ref)
    await stores.work.add(ref, [make_listed(number) for number in range(1, DOCUMENTS + 1)])
    await stores.work.decide(
        ref,
        [
            Decision(ContentId(str(number)), Action.KEEP if number <= KEPT else Action.FETCH)
            for number in range(1, DOCUMENTS + 1)
        ],
    )
    return ref


async def claim(stores, ref, hand, *, limit=100, reading=True, again=False):
    items = await stores.work.claim(ref, hand, limit=limit, reading=reading, again=again)
    return [int(item.listed.content_id) for item in items]


def name(*numbers):
    return [ContentId(str(number)) for number in numbers]


async def test_what_one_hand_has_claimed_no_other_gets(stores, ref):
    assert await claim(stores, ref, "a", limit=3) == [6, 7, 8]
    assert await claim(stores, ref, "b", limit=3) == [9, 10, 11]
    assert await claim(stores, ref, "a", reading=False) == [1, 2, 3, 4, 5]
    assert await stores.work.count_free(ref, up_to=100) == 9
    assert await stores.work.count_free(ref, up_to=4) == 4
    assert await stores.work.hands(ref) == {"a", "b"}


async def test_hands_that_claim_at_once_get_every_document_once(stores, ref):
    shares = await asyncio.gather(*(claim(stores, ref, f"hand-{n}", limit=4) for n in range(6)))
    claimed = sorted(number for share in shares for number in share)
    claimed += await claim(stores, ref, "last")  # what two reached for at once may be left over
    assert sorted(claimed) == list(range(KEPT + 1, DOCUMENTS + 1))


async def test_a_document_without_a_decision_is_not_claimed(stores, ref):
    await stores.work.add(ref, [make_listed(21)])
    await stores.work.add_attachments(
        ref,
        [
            ListedAttachment(
                content_id=ContentId("att22"),
                page_id=ContentId("1"),
                title="a.pdf",
                version=1,
                last_modified=NOW,
                media_type="application/pdf",
                file_size=1,
                download_path="/a.pdf",
            )
        ],
    )
    assert await claim(stores, ref, "a") == list(range(KEPT + 1, DOCUMENTS + 1))


async def test_what_is_released_is_free_and_what_is_settled_is_not(stores, ref):
    await claim(stores, ref, "a", limit=3)
    await stores.catalog.record(ref, [make_result(6)], JobChange(), hand="a")
    await stores.work.release(ref, "a")
    assert await stores.work.hands(ref) == frozenset()
    assert await claim(stores, ref, "b", limit=3) == [7, 8, 9]


async def test_what_is_passed_over_is_only_given_to_who_tries_again(stores, ref):
    await claim(stores, ref, "a", limit=3)
    await stores.catalog.record(ref, [make_result(7)], JobChange(), hand="a")
    await stores.work.pass_over(ref, "a", name(6, 7, 8))
    assert await claim(stores, ref, "b", limit=2) == [9, 10]
    assert await claim(stores, ref, "b", again=True) == [6, 8]


async def test_a_hand_passes_over_nothing_of_another(stores, ref):
    await claim(stores, ref, "a", limit=3)
    await stores.work.pass_over(ref, "b", name(6, 7, 8))
    assert await claim(stores, ref, "b", again=True) == []


async def test_who_claims_the_rest_leaves_nothing_to_others(stores, ref):
    await claim(stores, ref, "a", limit=3)
    await stores.work.claim_rest(ref, "b")
    assert await stores.work.count_free(ref, up_to=100) == 0
    assert await stores.work.hands(ref) == {"a", "b"}


async def test_a_result_counts_only_from_the_hand_that_has_the_document(stores, ref):
    await claim(stores, ref, "a", limit=3)
    results = [make_result(6), make_result(7)]
    await stores.catalog.record(ref, results, done(2), hand="a")
    for late in (results, [make_result(8)], [make_result(9)]):
        with pytest.raises(ClaimLostError):
            await stores.catalog.record(ref, late, done(len(late)), hand="b")
    assert (await stores.jobs.find(ref)).progress.documents.done == 2
    assert await stores.catalog.known(ref.tenant, SITE, name(8, 9)) == {}


async def test_what_two_have_written_is_read_again_by_the_next_sync(stores, ref):
    await claim(stores, ref, "a", limit=3)
    await stores.catalog.record(ref, [make_result(6)], done(1), hand="a")
    with pytest.raises(ClaimLostError):
        await stores.catalog.record(ref, [make_result(6)], done(1), hand="b")
    known = await stores.catalog.known(ref.tenant, SITE, name(6))
    assert known[ContentId("6")].provenance.recipe == ""


async def test_one_jobs_hands_have_nothing_of_anothers(stores, ref):
    other = await list_job(stores, make_ref())
    await claim(stores, ref, "a")
    assert await stores.work.hands(other) == frozenset()
    await stores.work.release(other, "a")
    assert await stores.work.hands(ref) == {"a"}


async def test_pages_and_files_are_claimed_alike(stores, ref):
    posts = [make_listed(30, kind=DocumentKind.BLOGPOST)]
    await stores.work.add(ref, posts)
    await stores.work.decide(ref, [Decision(ContentId("30"), Action.FETCH)])
    assert (await claim(stores, ref, "a"))[-1] == 30
