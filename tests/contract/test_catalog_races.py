"""Calls at the same moment end as if one had come after the other, in whichever order.

Two connections on one event loop: on Postgres their statements alternate, so that what one reads before
it writes is what the other is about to change.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from headwater.domain.access import Scope, ScopeRule
from headwater.domain.errors import ConflictError
from headwater.domain.ids import DocumentId, JobId, Namespace, SpaceKey
from headwater.domain.jobs import JobChange, JobRef, Progress
from headwater.domain.schedules import Standing
from headwater.domain.settings import (
    BlacklistEntry,
    BlacklistEntryId,
    BlacklistKind,
    SyncConfiguration,
    SyncConfigurationId,
    SyncSettings,
)
from headwater.domain.sync import Outcome
from tests.contract.catalog_samples import (
    ENGINES,
    NOW,
    OPEN_SCOPE,
    SITE,
    SPACE,
    add_running_job,
    document_id,
    make_job,
    make_metadata,
    make_ref,
    make_request,
    make_result,
    make_space,
    open_engine,
)

LATER = NOW + timedelta(seconds=15)
ONE, TWO = DocumentId("confluence:x:1"), DocumentId("confluence:x:2")


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        # Who has to connect first comes too late to race.
        await asyncio.gather(*(opened.jobs.list_open() for _ in range(8)))
        yield opened


@pytest.fixture
def namespace():
    return Namespace(make_ref().tenant)


@pytest.fixture
async def refs(stores):
    """Two jobs of two spaces of one tenant, at work."""
    first = make_ref()
    second = JobRef(first.tenant, JobId("job-2"))
    await add_running_job(stores, first)
    await add_running_job(stores, second, request=make_request(space=SpaceKey("OPS")))
    return first, second


async def test_the_most_of_two_expectations_is_remembered_and_each_knows_of_the_other(
    stores, namespace
):
    told = await asyncio.gather(
        stores.ledger.expect(namespace, {ONE: 5}), stores.ledger.expect(namespace, {ONE: 3})
    )
    assert await stores.ledger.read(namespace, [ONE]) == {ONE: 5}
    assert sorted(answer.get(ONE, 0) for answer in told) in ([0, 3], [0, 5])


async def test_confirming_the_opposite_at_once_is_one_after_the_other(stores, namespace):
    await stores.ledger.expect(namespace, {ONE: 9, TWO: 9})
    opposite = [{ONE: 1, TWO: 0}, {ONE: 0, TWO: 1}]
    await asyncio.gather(*(stores.ledger.confirm(namespace, counts) for counts in opposite * 3))
    assert await stores.ledger.read(namespace, [ONE, TWO]) in ({ONE: 1}, {TWO: 1})


async def test_every_count_of_terms_is_added(stores, namespace):
    terms = dict.fromkeys(range(40), 1)
    reverse = dict(reversed(terms.items()))
    await asyncio.gather(
        *(stores.ledger.count_terms(namespace, some, 1) for some in (terms, reverse) * 4)
    )
    assert await stores.ledger.read_terms(namespace, list(terms)) == (8, dict.fromkeys(terms, 8))


async def test_the_same_blacklist_entry_twice_at_once_is_one(stores):
    tenant = make_ref().tenant
    entries = [
        BlacklistEntry(BlacklistEntryId(name), BlacklistKind.LABEL, "secret", NOW)
        for name in ("e1", "e2", "e3")
    ]
    told = await asyncio.gather(*(stores.blacklist.add(tenant, entry) for entry in entries))
    assert await stores.blacklist.list(tenant) == [told[0]]
    assert set(told) == {told[0]}


async def test_a_configuration_put_twice_at_once_was_made_once(stores):
    tenant, name = make_ref().tenant, SyncConfigurationId("nightly")
    moments = [NOW, LATER]
    await asyncio.gather(
        *(
            stores.configurations.put(tenant, SyncConfiguration(name, SyncSettings(), at, at))
            for at in moments
        )
    )
    kept = await stores.configurations.find(tenant, name)
    assert {kept.created_at, kept.updated_at} == set(moments)


async def test_of_two_that_take_the_same_place_one_is_refused(stores):
    first = make_job(make_ref())
    standing = Standing(SyncConfigurationId("nightly"), SITE)
    await stores.jobs.add(first, None, standing=standing)
    following = [
        make_job(JobRef(first.ref.tenant, JobId(name)), credential_id=None) for name in ("a", "b")
    ]
    instead = replace(standing, instead_of=first.ref.job_id)
    told = await asyncio.gather(
        *(stores.jobs.add(job, None, standing=instead) for job in following),
        return_exceptions=True,
    )
    assert {type(answer) for answer in told} == {ConflictError, type(None)}
    stands = await stores.schedules.find_upload(first.ref.tenant, standing, SPACE)
    assert stands == following[told.index(None)].ref.job_id


async def test_the_same_job_added_twice_at_once_is_one(stores):
    job = make_job(make_ref())
    told = await asyncio.gather(
        *(stores.jobs.add(job, b"sealed") for _ in range(3)), return_exceptions=True
    )
    assert told.count(None) == 1
    assert {type(answer) for answer in told} == {ConflictError, type(None)}


async def test_every_change_of_a_job_counts(stores, refs):
    change = JobChange(progress=Progress(requests=1))
    await asyncio.gather(*(stores.jobs.change(refs[0], change) for _ in range(8)))
    job = await stores.jobs.find(refs[0])
    assert (job.progress.requests, job.revision) == (8, 9)


async def test_a_wish_to_cancel_is_not_lost_among_changes(stores, refs):
    change = JobChange(progress=Progress(requests=1))
    await asyncio.gather(
        *(stores.jobs.change(refs[0], change) for _ in range(4)),
        stores.jobs.request_cancel(refs[0]),
    )
    job = await stores.jobs.find(refs[0])
    assert (job.progress.requests, job.cancel_requested) == (4, True)


async def test_two_jobs_that_fail_at_the_same_documents_count_each_attempt(stores, refs):
    """A page that moves while both of its spaces are synced is in both lists."""
    numbers = range(6)
    orders = [numbers, reversed(numbers)]
    await asyncio.gather(
        *(
            stores.catalog.record(
                ref, [make_result(number, Outcome.FAILED) for number in order], JobChange()
            )
            for ref, order in zip(refs, orders, strict=True)
        )
    )
    failed = await stores.inventory.list_failed(refs[0].tenant, after=None, limit=9)
    assert [item.attempts for item in failed] == [2] * 6


async def test_what_is_deleted_while_it_is_recorded_is_gone_and_to_be_removed(stores, refs):
    """Whichever comes first: the record is refused, or the deletion finds what was recorded."""
    ref = refs[0]
    await stores.catalog.record(ref, [make_result(1)], JobChange())
    for number in range(5):
        name = [document_id(1)]
        await asyncio.gather(
            stores.catalog.record(ref, [make_result(1, Outcome.UPDATED)], JobChange()),
            stores.deletions.remove(
                ref.tenant, name, [], now=NOW + timedelta(seconds=number), claimed_until=LATER
            ),
        )
        assert not await stores.catalog.current_scopes(ref.tenant, name)
        (grave,) = await stores.deletions.tombstones(ref.tenant, SITE)
        assert not grave.is_removed


async def test_what_is_removed_is_claimed_by_one_of_two(stores, refs):
    ref, names = refs[0], [document_id(number) for number in range(20)]
    await stores.catalog.record(ref, [make_result(number) for number in range(20)], JobChange())
    await stores.deletions.remove(ref.tenant, names, [], now=NOW, claimed_until=NOW)
    claims = await asyncio.gather(
        *(
            stores.deletions.claim_unremoved(now=NOW, claimed_until=LATER, limit=20)
            for _ in range(3)
        )
    )
    claimed = [name for claim in claims for name in claim.get(ref.tenant, ())]
    assert sorted(claimed) == sorted(names)


async def test_settling_and_deleting_again_end(stores, refs):
    ref, names = refs[0], [document_id(number) for number in range(8)]
    await stores.catalog.record(ref, [make_result(number) for number in range(8)], JobChange())
    await stores.deletions.remove(ref.tenant, names, [], now=NOW, claimed_until=LATER)
    await asyncio.gather(
        stores.deletions.settle_removed(ref.tenant, names[::-1]),
        stores.deletions.remove(ref.tenant, names, [], now=LATER, claimed_until=LATER),
        stores.deletions.settle_removed(ref.tenant, names),
    )
    graves = await stores.deletions.tombstones(ref.tenant, SITE)
    assert [grave.is_removed for grave in graves] == [True] * 8


async def test_rules_that_a_document_comes_under_are_not_pruned_beside_it(stores, refs):
    first, second = refs
    scope = Scope("r:acme.example:1")
    await stores.catalog.put_space(first.tenant, make_space())
    await stores.catalog.put_scope_rules(first.tenant, SPACE, SITE, [ScopeRule(scope, ())])
    result = make_result(1, metadata=make_metadata(1, access_scope=scope))
    await asyncio.gather(
        stores.catalog.record(second, [result], JobChange()),
        stores.catalog.write_access(first, SITE, [ScopeRule(OPEN_SCOPE, ())], prune=True),
    )
    rules = await stores.catalog.scope_rules(first.tenant)
    scopes = await stores.catalog.current_scopes(first.tenant, [document_id(1)])
    # The record came first and its rule stayed, or it came after and has none, which is closed.
    assert scopes == {document_id(1): scope}
    assert set(rules) in ({OPEN_SCOPE, scope}, {OPEN_SCOPE})


async def test_holding_and_forgetting_at_once_leaves_nothing_half(stores, refs):
    first, second = refs
    names = [document_id(number) for number in range(6)]
    await stores.catalog.record(first, [make_result(number) for number in range(6)], JobChange())
    counted = []

    def tally(gone):
        counted.append(len(gone))
        return JobChange()

    await asyncio.gather(
        stores.catalog.hold(second, names[::-1], JobChange()),
        stores.catalog.forget(first, SPACE, names, tally),
        stores.catalog.forget(second, SPACE, names[::-1], tally),
    )
    assert sorted(counted) == [0, 6]
    assert not await stores.catalog.held(first.tenant, SPACE)
