"""Several processes bring in one space: every document once, the counts right, nothing left behind."""

import asyncio
from functools import partial

import pytest

from headwater.domain.errors import ClaimLostError, JobCancelledError, SourceRefusedError
from headwater.services.sync.claiming import (
    ALONE_AT_ONCE,
    LEAST_AT_ONCE,
    MOST_AT_ONCE,
    size_claim,
)
from headwater.services.sync.ending import abort, finish
from headwater.services.sync.gathering import gather
from headwater.services.sync.processing import bring_in, lend_hand
from headwater.services.sync.run import Hand
from tests.integration.sync.lab import Lab, open_light_lab, pages

PAGES = 200


@pytest.fixture
async def lab(tmp_path):
    async with open_light_lab(tmp_path) as opened:
        yield opened


def make_hand(name, workers=3, **changes):
    return Hand(name, lambda: workers, **changes)


async def start(lab: Lab, number=PAGES):
    pages(lab.world, number)
    ref = await lab.submit()
    return ref, await gather(lab.ports, ref)


async def count_done(lab, ref):
    return (await lab.ports.jobs.find(ref)).progress.documents.done


async def test_three_hands_settle_every_document_once(lab):
    ref, survey = await start(lab)
    await asyncio.gather(
        bring_in(lab.ports, ref, survey, make_hand("a")),
        *(lend_hand(lab.ports, ref, survey, make_hand(name)) for name in "bc"),
    )
    await finish(lab.ports, ref, survey)
    job = await lab.ports.jobs.find(ref)
    counted = job.progress.documents
    assert (counted.listed, counted.done, counted.added) == (PAGES, PAGES, PAGES)
    assert lab.embedder.texts_embedded == PAGES, "no document was embedded by two"
    assert len(await lab.indexed()) == PAGES


async def test_the_owner_waits_for_what_others_have_in_hand(lab):
    ref, survey = await start(lab, 10)
    items = await lab.ports.work.claim(ref, "other", limit=4, reading=True)
    working = asyncio.create_task(bring_in(lab.ports, ref, survey, make_hand("a")))
    while await count_done(lab, ref) < 6:  # noqa: ASYNC110  (the catalog tells nobody)
        await asyncio.sleep(0.02)
    assert not working.done()
    assert len(items) == 4
    await lab.ports.work.release(ref, "other")  # as when it was found dead
    await working
    assert await count_done(lab, ref) == 10


async def test_a_helping_hand_leaves_when_its_place_is_wanted(lab):
    ref, survey = await start(lab)
    asked = iter([False, True])
    hand = make_hand("b", is_wanted_elsewhere=partial(next, asked, True))
    await lend_hand(lab.ports, ref, survey, hand)
    assert await lab.ports.work.hands(ref) == frozenset()
    assert await count_done(lab, ref) < PAGES


async def test_a_job_that_is_cancelled_ends_when_the_last_hand_has_let_go(lab):
    ref, survey = await start(lab, 10)
    await lab.ports.work.claim(ref, "other", limit=4, reading=True)
    await lab.ports.jobs.request_cancel(ref)
    working = asyncio.create_task(bring_in(lab.ports, ref, survey, make_hand("a")))
    while len(await lab.ports.work.hands(ref)) < 2:  # noqa: ASYNC110  (the catalog tells nobody)
        await asyncio.sleep(0.02)
    assert not working.done()
    await lab.ports.work.release(ref, "other")
    with pytest.raises(JobCancelledError) as caught:
        await working
    await abort(lab.ports, ref, caught.value)


async def test_a_hand_whose_work_was_taken_over_writes_nothing_more(lab, monkeypatch):
    ref, survey = await start(lab, 10)
    apply = lab.ports.store.apply

    async def be_taken_for_dead(namespace, batch):
        await lab.ports.work.release(ref, "a")
        await lab.ports.work.claim(ref, "b", limit=10, reading=True)
        await apply(namespace, batch)

    monkeypatch.setattr(lab.ports.store, "apply", be_taken_for_dead)
    with pytest.raises(ClaimLostError):
        await lend_hand(lab.ports, ref, survey, make_hand("a"))
    assert await count_done(lab, ref) == 0
    assert await lab.ports.work.hands(ref) == {"b"}


async def test_an_owner_that_cannot_go_on_waits_for_the_others_too(lab):
    ref, survey = await start(lab, 10)
    await lab.ports.work.claim(ref, "other", limit=4, reading=True)
    job = await lab.ports.jobs.find(ref)
    await lab.ports.credentials.remove(ref.tenant, job.credential_id)
    working = asyncio.create_task(bring_in(lab.ports, ref, survey, make_hand("a")))
    while len(await lab.ports.work.hands(ref)) < 2:  # noqa: ASYNC110  (the catalog tells nobody)
        await asyncio.sleep(0.02)
    await lab.ports.work.release(ref, "other")
    with pytest.raises(SourceRefusedError):
        await working


async def test_a_job_that_meets_a_defect_ends_when_the_last_hand_has_let_go(lab, monkeypatch):
    ref, survey = await start(lab, 10)
    await lab.ports.work.claim(ref, "other", limit=4, reading=True)

    async def break_down(_namespace, _batch):
        raise ZeroDivisionError

    monkeypatch.setattr(lab.ports.store, "apply", break_down)
    working = asyncio.create_task(bring_in(lab.ports, ref, survey, make_hand("a")))
    await asyncio.wait({working}, timeout=1)
    assert not working.done(), "another is writing still"
    await lab.ports.work.release(ref, "other")
    with pytest.raises(ZeroDivisionError):
        await working


def test_one_process_alone_claims_as_much_as_fits_and_many_share_to_the_end():
    assert size_claim(0, 1) == ALONE_AT_ONCE
    assert size_claim(5000, 3) == MOST_AT_ONCE
    assert size_claim(300, 3) == 50
    assert size_claim(10, 3) == LEAST_AT_ONCE
