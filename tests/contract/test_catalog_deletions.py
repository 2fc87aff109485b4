"""Deletions on request, in the catalog: one transaction, claims, and what they keep out."""

from datetime import timedelta

import pytest

from headwater.domain.access import ScopeRule
from headwater.domain.content import DocumentKind
from headwater.domain.ids import TenantId
from headwater.domain.jobs import JobChange
from headwater.domain.removal import Cleared, may_return
from headwater.domain.sync import Outcome
from tests.contract.catalog_samples import (
    ENGINES,
    NOW,
    OPEN_SCOPE,
    SITE,
    SPACE,
    add_running_job,
    document_id,
    make_metadata,
    make_ref,
    make_result,
    make_space,
    open_engine,
)

SOON, MUCH_LATER = NOW + timedelta(seconds=15), NOW + timedelta(hours=1)


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def ref(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    await stores.catalog.put_space(ref.tenant, make_space())
    await stores.catalog.put_scope_rules(ref.tenant, SPACE, SITE, [ScopeRule(OPEN_SCOPE, ())])
    page, file = make_metadata(1), make_metadata("att9", page_id="1", kind=DocumentKind.ATTACHMENT)
    results = [make_result(1, metadata=page), make_result("att9", metadata=file), make_result(2)]
    assert await stores.catalog.record(ref, results, JobChange()) == []
    return ref


async def remove(stores, ref, ids=(), cleared=(), now=NOW):
    return await stores.deletions.remove(
        ref.tenant, list(map(document_id, ids)), cleared, now=now, claimed_until=now + (SOON - NOW)
    )


async def list_ids(stores, ref):
    found = await stores.inventory.list_documents(ref.tenant, after=None, limit=9)
    return [item.document_id for item in found]


async def test_what_is_removed_is_counted_and_gone_at_once(stores, ref):
    removed = await remove(stores, ref, [1, "att9"])
    assert (removed.documents, removed.vectors) == (2, 4)
    assert set(removed.document_ids) == {document_id(1), document_id("att9")}
    assert await list_ids(stores, ref) == [document_id(2)]
    assert not await stores.catalog.current_scopes(ref.tenant, [document_id(1)])


async def test_a_claim_keeps_others_off_until_it_lapses(stores, ref):
    await remove(stores, ref, [1])
    claim = stores.deletions.claim_unremoved
    assert not await claim(now=NOW, claimed_until=SOON, limit=9)
    stranger = TenantId("99999999-9999-4999-8999-999999999999")
    assert not await claim(now=SOON, claimed_until=MUCH_LATER, limit=9, tenant=stranger)
    taken = await claim(now=SOON, claimed_until=MUCH_LATER, limit=9, tenant=ref.tenant)
    assert taken == {ref.tenant: [document_id(1)]}
    assert not await claim(now=SOON, claimed_until=MUCH_LATER, limit=9)
    await stores.deletions.settle_removed(ref.tenant, [document_id(1)])
    assert not await claim(now=MUCH_LATER, claimed_until=MUCH_LATER, limit=9)


async def test_a_claim_by_a_clock_that_was_set_back_since_holds_nobody_up(stores, ref):
    await remove(stores, ref, [1], now=NOW + timedelta(days=366))
    taken = await stores.deletions.claim_unremoved(now=NOW, claimed_until=SOON, limit=9)
    assert taken == {ref.tenant: [document_id(1)]}
    assert not await stores.deletions.claim_unremoved(now=NOW, claimed_until=SOON, limit=9)


async def test_a_job_on_its_way_is_refused_what_a_clock_set_back_has_deleted_before_it(stores, ref):
    await remove(stores, ref, cleared=[Cleared(SITE, SPACE)], now=NOW - timedelta(days=1))
    assert await stores.catalog.record(ref, [make_result(7)], JobChange()) == [document_id(7)]


async def test_what_is_asked_for_after_a_deletion_comes_in_although_the_clock_was_set_back(
    stores, ref
):
    ahead = NOW + timedelta(days=366)
    await remove(stores, ref, [2], [Cleared(SITE, SPACE)], now=ahead)
    younger = make_ref("job-2", ref.tenant)
    await add_running_job(stores, younger)
    asked_at = (await stores.jobs.find(younger)).created_at
    assert asked_at > ahead
    assert await stores.catalog.record(younger, [make_result(7)], JobChange()) == []


async def test_what_followed_its_page_leaves_no_tombstone_once_its_vectors_are_gone(stores, ref):
    await remove(stores, ref, [1, "att9"])
    await stores.deletions.settle_removed(ref.tenant, [document_id(1), document_id("att9")])
    (left,) = await stores.deletions.tombstones(ref.tenant, SITE)
    assert (left.content_id, left.version, left.is_removed) == ("1", 3, True)


@pytest.mark.parametrize("outcome", [Outcome.ADDED, Outcome.UNCHANGED, Outcome.FAILED])
async def test_a_job_on_its_way_is_refused_what_was_deleted_and_its_attachments(
    stores, ref, outcome
):
    await remove(stores, ref, [1])
    await stores.deletions.settle_removed(ref.tenant, [document_id(1)])
    file = make_metadata("att9", page_id="1", kind=DocumentKind.ATTACHMENT)
    results = [make_result(1, outcome), make_result(2, outcome)]
    results.append(make_result("att9", outcome, metadata=file))
    refused = await stores.catalog.record(ref, results, JobChange(message="counted"))
    assert set(refused) == {document_id(1), document_id("att9")}
    assert (await stores.jobs.find(ref)).message is None, "nothing of the batch was done"
    taken = await stores.deletions.claim_unremoved(now=NOW, claimed_until=SOON, limit=9)
    assert set(taken[ref.tenant]) == set(refused), "their vectors may have been written"
    skips = [make_result(1, Outcome.SKIPPED), make_result("att9", Outcome.SKIPPED, metadata=file)]
    assert await stores.catalog.record(ref, skips, JobChange()) == []


async def test_a_cleared_space_takes_in_nothing_more_of_older_jobs(stores, ref):
    removed = await remove(stores, ref, cleared=[Cleared(SITE, SPACE)])
    assert removed.documents == 3
    assert await stores.catalog.find_space(ref.tenant, SITE, SPACE) is None
    assert await stores.catalog.scope_rules(ref.tenant) == {}
    assert await stores.catalog.record(ref, [make_result(7)], JobChange()) == [document_id(7)]
    younger = make_ref("job-2", ref.tenant)
    await add_running_job(stores, younger, created_at=SOON)
    assert await stores.catalog.record(younger, [make_result(8)], JobChange()) == []


async def test_a_tombstone_of_a_later_deletion_is_not_lifted(stores, ref):
    await remove(stores, ref, [1])
    await stores.deletions.settle_removed(ref.tenant, [document_id(1)])
    (seen,) = await stores.deletions.tombstones(ref.tenant, SITE)
    await stores.deletions.lift(ref.tenant, SITE, [seen])
    assert await stores.deletions.tombstones(ref.tenant, SITE) == []
    younger = make_ref("job-2", ref.tenant)
    await add_running_job(stores, younger, created_at=SOON)
    await stores.catalog.record(younger, [make_result(1)], JobChange())
    await remove(stores, ref, [1], now=MUCH_LATER)
    await stores.deletions.settle_removed(ref.tenant, [document_id(1)])
    await stores.deletions.lift(ref.tenant, SITE, [seen])
    (later,) = await stores.deletions.tombstones(ref.tenant, SITE)
    assert later.deleted_at == MUCH_LATER
    assert not may_return(later, 9, asked_at=NOW, is_full=True)
    assert may_return(later, 4, asked_at=MUCH_LATER + timedelta(seconds=1), is_full=False)
    assert not may_return(later, 3, asked_at=MUCH_LATER + timedelta(seconds=1), is_full=False)


async def test_an_inventory_is_read_page_by_page(stores, ref):
    await stores.catalog.record(ref, [make_result(5, Outcome.FAILED)], JobChange())
    (first,) = await stores.inventory.list_documents(ref.tenant, after=None, limit=1)
    rest = await stores.inventory.list_documents(ref.tenant, after=first.document_id, limit=9)
    assert [first.document_id, *(item.document_id for item in rest)] == sorted(
        map(document_id, (1, 2, "att9"))
    )
    assert first.chunks == 2
    (failed,) = await stores.inventory.list_failed(ref.tenant, after=None, limit=9)
    assert (failed.document_id, failed.attempts) == (document_id(5), 1)


async def test_links_are_found_by_their_beginning_whatever_stands_in_them(stores, ref):
    odd = make_metadata(6, source_url="https://wiki.acme.example/100%_x/pages/6")
    await stores.catalog.record(ref, [make_result(6, metadata=odd)], JobChange())
    find = stores.inventory.find_places
    assert await find(ref.tenant, ["https://WIKI.acme.example/"]) == [(SITE, SPACE)]
    assert await find(ref.tenant, ["https://wiki.acme.example/100%_x/"]) == [(SITE, SPACE)]
    assert await find(ref.tenant, ["https://wiki.acme.example/100__x/"]) == []
    assert await find(ref.tenant, ["https://wiki.acme.exampl%/"]) == []
