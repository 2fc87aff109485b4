"""What every catalog keeps to: what is in the index, and how it got there."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headwater.domain.access import Scope
from headwater.domain.content import DocumentKind
from headwater.domain.errors import NotFoundError
from headwater.domain.ids import ContentId, SiteId, SpaceKey
from headwater.domain.jobs import ContentRestriction, JobChange, JobStatus, Progress
from headwater.domain.sync import (
    Action,
    Decision,
    DocumentResult,
    DocumentState,
    KnownDocument,
    Outcome,
    Provenance,
)
from tests.contract.catalog_samples import (
    ENGINES,
    NOW,
    OPEN_SCOPE,
    SITE,
    SPACE,
    add_running_job,
    document_id,
    done,
    make_listed,
    make_metadata,
    make_ref,
    make_result,
    make_space,
    open_engine,
)

HR_SCOPE = Scope("r:acme.example:1")
INDEXING = (Outcome.ADDED, Outcome.UPDATED, Outcome.METADATA_ONLY, Outcome.UNCHANGED)


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def ref(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    return ref


async def record(stores, ref, *results: DocumentResult):
    await stores.catalog.record(ref, results, done(len(results)))


async def known_one(stores, ref, content_id=1):
    found = await stores.catalog.known(ref.tenant, SITE, [ContentId(str(content_id))])
    return found.get(ContentId(str(content_id)))


async def current_scope(stores, ref, content_id=1):
    scopes = await stores.catalog.current_scopes(ref.tenant, [document_id(content_id)])
    return scopes.get(document_id(content_id))


async def count(stores, ref):
    return await stores.catalog.count_indexed(ref.tenant, SITE, SPACE)


@pytest.mark.parametrize("outcome", INDEXING)
async def test_a_successful_document_is_remembered_as_indexed(stores, ref, outcome):
    await record(stores, ref, make_result(1, outcome))
    assert await known_one(stores, ref) == KnownDocument(
        document_id=document_id(1),
        content_id=ContentId("1"),
        page_id=ContentId("1"),
        kind=DocumentKind.PAGE,
        space=SPACE,
        state=DocumentState.INDEXED,
        title="Page 1",
        source_url="https://wiki.acme.example/pages/1",
        version=3,
        provenance=Provenance("r1"),
        metadata_digest="m1",
        access_scope=OPEN_SCOPE,
        chunk_hashes=("h1", "h2"),
    )
    assert await current_scope(stores, ref) == OPEN_SCOPE
    assert await count(stores, ref) == 1


async def test_a_later_success_replaces_what_was_remembered(stores, ref):
    await record(stores, ref, make_result(1))
    moved = make_metadata(1, version=4, title="New", space=SpaceKey("HR"), access_scope=HR_SCOPE)
    later = make_result(1, Outcome.UPDATED, metadata=moved, chunk_hashes=("h9",))
    await record(stores, ref, later)
    found = await known_one(stores, ref)
    assert (found.version, found.title, found.chunk_hashes) == (4, "New", ("h9",))
    assert found.access_scope == HR_SCOPE
    assert await count(stores, ref) == 0
    assert await stores.catalog.count_indexed(ref.tenant, SITE, SpaceKey("HR")) == 1


async def test_a_document_that_never_made_it_is_remembered_as_failed(stores, ref):
    failed = make_result(1, Outcome.FAILED)
    await record(stores, ref, failed)
    await record(stores, ref, failed)
    found = await known_one(stores, ref)
    assert (found.state, found.attempts) == (DocumentState.FAILED, 2)
    assert await current_scope(stores, ref) is None
    assert await count(stores, ref) == 0


async def test_a_failed_update_keeps_the_indexed_document_searchable_and_marks_it_behind(
    stores, ref
):
    await record(stores, ref, make_result(1))
    before = await known_one(stores, ref)
    newer = make_metadata(1, version=4, title="New")
    await record(
        stores,
        ref,
        make_result(
            1, Outcome.FAILED, metadata=newer, metadata_digest="m2", provenance=Provenance("r2")
        ),
    )
    assert await known_one(stores, ref) == replace(before, attempts=1)
    assert await current_scope(stores, ref) == OPEN_SCOPE
    assert await count(stores, ref) == 1


async def test_tightened_access_holds_even_when_the_update_failed(stores, ref):
    await record(stores, ref, make_result(1))
    restricted = make_metadata(1, access_scope=HR_SCOPE)
    await record(stores, ref, make_result(1, Outcome.FAILED, metadata=restricted))
    assert await current_scope(stores, ref) == HR_SCOPE


async def test_a_success_clears_the_failed_attempts(stores, ref):
    await record(stores, ref, make_result(1, Outcome.FAILED))
    await record(stores, ref, make_result(1, Outcome.ADDED))
    found = await known_one(stores, ref)
    assert (found.state, found.attempts) == (DocumentState.INDEXED, 0)


async def test_a_skipped_document_is_remembered_with_its_reason(stores, ref):
    await record(stores, ref, make_result(1))
    await record(stores, ref, make_result(1, Outcome.SKIPPED))
    found = await known_one(stores, ref)
    assert (found.state, found.skip_reason) == (DocumentState.SKIPPED, "too_old")
    assert found.chunk_hashes == ()
    assert await current_scope(stores, ref) is None
    assert await count(stores, ref) == 0


async def test_a_skipped_document_that_then_fails_is_failed(stores, ref):
    await record(stores, ref, make_result(1, Outcome.SKIPPED))
    await record(stores, ref, make_result(1, Outcome.FAILED))
    found = await known_one(stores, ref)
    assert (found.state, found.attempts, found.skip_reason) == (DocumentState.FAILED, 1, None)


async def test_a_failed_result_without_a_reason_is_refused_whole(stores, ref):
    with pytest.raises(ValueError, match="error_type"):
        await record(stores, ref, make_result(1), make_result(2, Outcome.FAILED, error_type=None))
    assert await known_one(stores, ref) is None
    assert (await stores.jobs.find(ref)).progress.documents.done == 0


async def test_recording_counts_and_settles_in_the_same_transaction(stores, ref):
    await stores.work.add(ref, [make_listed(1), make_listed(2)])
    decisions = [Decision(ContentId(str(number)), Action.FETCH) for number in (1, 2)]
    await stores.work.decide(ref, decisions)
    await record(stores, ref, make_result(1))
    assert (await stores.jobs.find(ref)).progress.documents.done == 1
    pending = await stores.work.pending(ref, limit=5)
    assert [item.listed.content_id for item in pending] == ["2"]


async def test_recording_for_an_unknown_job_changes_nothing(stores, ref):
    unknown = make_ref("unknown", ref.tenant)
    with pytest.raises(NotFoundError):
        await record(stores, unknown, make_result(1))
    assert await known_one(stores, ref) is None


async def test_results_of_a_cancelled_job_are_remembered_since_the_store_has_them(stores, ref):
    await stores.jobs.change(ref, JobChange(status=JobStatus.CANCELLED))
    await record(stores, ref, make_result(1))
    assert await count(stores, ref) == 1
    assert (await stores.jobs.find(ref)).progress.documents.done == 0


async def test_documents_are_known_by_site(stores, ref):
    await record(stores, ref, make_result(1), make_result(2))
    found = await stores.catalog.known(ref.tenant, SITE, [ContentId("1"), ContentId("3")])
    assert list(found) == ["1"]
    assert await stores.catalog.known(ref.tenant, SiteId("other"), [ContentId("1")]) == {}


async def test_missing_documents_are_those_of_the_space_that_the_job_did_not_list(stores, ref):
    elsewhere = make_metadata(5, space=SpaceKey("HR"))
    await record(
        stores,
        ref,
        make_result(1),
        make_result(2),
        make_result(3, Outcome.FAILED),
        make_result(4, Outcome.SKIPPED),
        make_result(5, metadata=elsewhere),
        make_result(6),
    )
    await stores.catalog.hold(ref, [document_id(6)], JobChange())
    await stores.work.add(ref, [make_listed(1)])
    missing = await stores.catalog.missing(ref, SITE, SPACE)
    assert {str(document.content_id): document.state for document in missing} == {
        "2": DocumentState.INDEXED,
        "3": DocumentState.FAILED,
        "4": DocumentState.SKIPPED,
        "6": DocumentState.HELD,
    }


async def test_a_document_that_only_another_job_listed_is_missing(stores, ref):
    other = make_ref("job-2", ref.tenant)
    await add_running_job(stores, other)
    await record(stores, ref, make_result(1))
    await stores.work.add(other, [make_listed(1)])
    assert len(await stores.catalog.missing(ref, SITE, SPACE)) == 1
    assert await stores.catalog.missing(other, SITE, SPACE) == []


async def forget(stores, ref, *numbers, space=SPACE):
    """Forget the documents; each that was there counts as a request."""
    await stores.catalog.forget(
        ref,
        space,
        [document_id(number) for number in numbers],
        lambda gone: JobChange(progress=Progress(requests=len(gone))),
    )
    return (await stores.jobs.find(ref)).progress.requests


async def test_forgotten_documents_are_gone_and_counted_once(stores, ref):
    await record(stores, ref, make_result(1), make_result(2))
    assert await forget(stores, ref, 1) == 1
    assert await known_one(stores, ref, 1) is None
    assert await current_scope(stores, ref, 2) == OPEN_SCOPE
    assert await forget(stores, ref, 1) == 1


async def test_what_another_space_took_over_is_not_forgotten_with_the_space_it_left(stores, ref):
    await record(stores, ref, make_result(1, metadata=make_metadata(1, space=SpaceKey("HR"))))
    assert await forget(stores, ref, 1) == 0
    assert (await known_one(stores, ref, 1)).space == "HR"
    assert await forget(stores, ref, 1, space=SpaceKey("HR")) == 1


async def test_a_held_document_stays_searchable_until_it_comes_by_again(stores, ref):
    await record(stores, ref, make_result(1))
    await stores.catalog.hold(ref, [document_id(1)], done(1))
    assert (await known_one(stores, ref)).state is DocumentState.HELD
    assert await current_scope(stores, ref) == OPEN_SCOPE
    assert await count(stores, ref) == 1
    await record(stores, ref, make_result(1, Outcome.UNCHANGED))
    assert (await known_one(stores, ref)).state is DocumentState.INDEXED
    assert (await stores.jobs.find(ref)).progress.documents.done == 3


async def test_a_held_document_that_is_listed_again_but_fails_is_no_longer_held(stores, ref):
    await record(stores, ref, make_result(1))
    await stores.catalog.hold(ref, [document_id(1)], JobChange())
    await record(stores, ref, make_result(1, Outcome.FAILED))
    found = await known_one(stores, ref)
    assert (found.state, found.attempts) == (DocumentState.INDEXED, 1)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SKIPPED])
async def test_holding_makes_nothing_searchable_that_was_not(stores, ref, outcome):
    await record(stores, ref, make_result(1, outcome))
    await stores.catalog.hold(ref, [document_id(1)], JobChange())
    assert await current_scope(stores, ref) is None


async def test_thousands_of_documents_are_recorded_looked_up_and_forgotten(stores, ref):
    numbers = range(2_000)
    await record(stores, ref, *(make_result(number) for number in numbers))
    every = [document_id(number) for number in numbers]
    assert len(await stores.catalog.current_scopes(ref.tenant, every)) == 2_000
    content_ids = [ContentId(str(number)) for number in numbers]
    assert len(await stores.catalog.known(ref.tenant, SITE, content_ids)) == 2_000
    await stores.catalog.hold(ref, every, JobChange())
    assert await count(stores, ref) == 2_000
    assert await forget(stores, ref, *numbers) == 2_000
    assert await count(stores, ref) == 0


async def test_a_space_is_remembered_and_replaced(stores, ref):
    assert await stores.catalog.find_space(ref.tenant, SITE, SPACE) is None
    space = make_space(restriction=ContentRestriction(("a", "b"), blacklisted=True))
    await stores.catalog.put_space(ref.tenant, space)
    assert await stores.catalog.find_space(ref.tenant, SITE, SPACE) == space
    renamed = make_space(name="R&D", last_complete_sync=NOW + timedelta(days=1))
    await stores.catalog.put_space(ref.tenant, renamed)
    assert await stores.catalog.find_space(ref.tenant, SITE, SPACE) == renamed
    assert await stores.catalog.find_space(ref.tenant, SITE, SpaceKey("HR")) is None
    never = make_space(last_complete_sync=None)
    await stores.catalog.put_space(ref.tenant, never)
    assert await stores.catalog.find_space(ref.tenant, SITE, SPACE) == never


async def test_a_sound_catalog_passes_its_check(stores):
    await stores.catalog.check()


async def test_attachments_are_no_part_of_the_number_that_holds_are_judged_by(stores, ref):
    file = replace(
        make_metadata(2),
        kind=DocumentKind.ATTACHMENT,
        attachment_id=ContentId("2"),
        page_id=ContentId("1"),
    )
    await record(stores, ref, make_result(1), make_result(2, metadata=file))
    assert await count(stores, ref) == 1
    found = await known_one(stores, ref, 2)
    assert (found.kind, found.page_id) == (DocumentKind.ATTACHMENT, "1")


async def test_what_a_document_was_made_from_is_remembered(stores, ref):
    made = Provenance("r1", comments_digest="c1", body_digest="b1")
    await record(stores, ref, make_result(1, provenance=made))
    assert (await known_one(stores, ref)).provenance == made
