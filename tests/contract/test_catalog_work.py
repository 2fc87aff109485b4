"""What every work list keeps to."""

import pytest

from headwater.domain.access import Scope
from headwater.domain.content import (
    UNREADABLE,
    Annotation,
    Comment,
    DocumentKind,
    ListedAttachment,
    Restriction,
)
from headwater.domain.errors import NotFoundError
from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobChange
from headwater.domain.sync import Action, Decision, WorkItem
from tests.contract.catalog_samples import (
    ENGINES,
    NOW,
    OPEN_SCOPE,
    add_running_job,
    make_listed,
    make_ref,
    make_result,
    open_engine,
)

GROUP = Restriction(groups=frozenset({"hr"}))


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def ref(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    return ref


async def read_all(stores, ref):
    return await stores.work.read(ref, after=None, limit=1000)


def ids(items):
    return [str(getattr(item, "listed", item).content_id) for item in items]


async def test_a_listed_document_is_read_as_it_was_listed(stores, ref):
    full = make_listed(1, kind=DocumentKind.BLOGPOST)
    bare = make_listed(2, parent_id=None, author_id=None, web_path=None)
    await stores.work.add(ref, [full, bare])
    assert await read_all(stores, ref) == [WorkItem(full), WorkItem(bare)]


async def test_numeric_ids_are_read_in_the_order_of_their_numbers(stores, ref):
    order = ["2", "9", "10", "99", "100", "att5", "4294967296"]
    await stores.work.add(ref, [make_listed(content_id) for content_id in reversed(order)])
    assert ids(await read_all(stores, ref)) == order


async def test_reading_page_by_page_shows_each_document_once(stores, ref):
    await stores.work.add(ref, [make_listed(number) for number in range(5, 16)])
    seen, after = [], None
    while page := await stores.work.read(ref, after=after, limit=4):
        seen += ids(page)
        after = page[-1].listed.content_id
    assert seen == [str(number) for number in range(5, 16)]


async def test_listing_again_replaces_and_forgets_what_was_learned(stores, ref):
    await stores.work.add(ref, [make_listed(1)])
    await stores.work.annotate(ref, [Annotation(ContentId("1"), frozenset({"a"}), GROUP)])
    await stores.work.assign_scopes(ref, {ContentId("1"): OPEN_SCOPE})
    await stores.work.decide(ref, [Decision(ContentId("1"), Action.FETCH)])
    newer = make_listed(1, version=4)
    await stores.work.add(ref, [newer])
    assert await read_all(stores, ref) == [WorkItem(newer)]
    assert await stores.work.unannotated(ref, limit=5) == [newer]
    assert await stores.work.pending(ref, limit=5) == []


async def test_of_a_document_listed_twice_at_once_the_later_counts(stores, ref):
    await stores.work.add(ref, [make_listed(1, version=1), make_listed(1, version=2)])
    assert [item.listed.version for item in await read_all(stores, ref)] == [2]


async def test_nothing_to_do_is_no_error(stores, ref):
    await stores.work.add(ref, [])
    await stores.work.annotate(ref, [])
    await stores.work.assign_scopes(ref, {})
    await stores.work.decide(ref, [])
    assert (await stores.work.count(ref)).documents == 0


async def test_documents_cannot_be_listed_for_an_unknown_job(stores):
    with pytest.raises(NotFoundError, match="job-1"):
        await stores.work.add(make_ref(), [make_listed(1)])


async def test_annotated_documents_leave_the_unannotated_ones(stores, ref):
    await stores.work.add(ref, [make_listed(number) for number in (10, 9, 8)])
    note = Annotation(ContentId("9"), frozenset({"b", "a"}), GROUP)
    await stores.work.annotate(ref, [note, Annotation(ContentId("77"), frozenset(), GROUP)])
    assert ids(await stores.work.unannotated(ref, limit=5)) == ["8", "10"]
    assert ids(await stores.work.unannotated(ref, limit=1)) == ["8"]
    item = (await read_all(stores, ref))[1]
    assert (item.labels, item.restriction) == (note.labels, GROUP)
    assert (await stores.work.count(ref)).documents == 3


async def test_an_annotation_that_says_nothing_is_one(stores, ref):
    await stores.work.add(ref, [make_listed(1)])
    await stores.work.annotate(ref, [Annotation(ContentId("1"), frozenset(), Restriction())])
    assert await stores.work.unannotated(ref, limit=5) == []


async def test_restricted_documents_include_unreadable_ones(stores, ref):
    full = Restriction(frozenset({"u1", "u2"}), frozenset({"a@b.c"}), frozenset({"g"}))
    restrictions = {"1": Restriction(), "2": full, "3": UNREADABLE}
    await stores.work.add(ref, [make_listed(content_id) for content_id in (*restrictions, "4")])
    notes = [Annotation(ContentId(i), frozenset(), value) for i, value in restrictions.items()]
    await stores.work.annotate(ref, notes)
    assert await stores.work.restricted(ref) == {"2": full, "3": UNREADABLE}


async def test_parents_name_every_document(stores, ref):
    await stores.work.add(ref, [make_listed(1, parent_id=None), make_listed(2)])
    assert await stores.work.parents(ref) == {"1": None, "2": "1"}


async def test_scopes_are_set_on_listed_documents(stores, ref):
    await stores.work.add(ref, [make_listed(1), make_listed(2)])
    scope = Scope("r:acme.example:2")
    await stores.work.assign_scopes(ref, {ContentId("2"): scope, ContentId("3"): scope})
    assert [item.scope for item in await read_all(stores, ref)] == [None, scope]


async def test_pending_documents_are_decided_and_not_settled(stores, ref):
    await stores.work.add(ref, [make_listed(number) for number in (1, 2, 3, 10)])
    decisions = [Decision(ContentId(i), Action.FETCH) for i in ("10", "3")]
    decisions.append(Decision(ContentId("2"), Action.SKIP, "too_old"))
    await stores.work.decide(ref, decisions)
    await stores.catalog.record(ref, [make_result(3)], JobChange())
    pending = await stores.work.pending(ref, limit=5)
    assert [(str(i.listed.content_id), i.action, i.reason) for i in pending] == [
        ("2", Action.SKIP, "too_old"),
        ("10", Action.FETCH, None),
    ]
    assert ids(await stores.work.pending(ref, limit=1)) == ["2"]


async def test_deciding_again_does_not_bring_back_what_is_settled(stores, ref):
    await stores.work.add(ref, [make_listed(1)])
    decision = Decision(ContentId("1"), Action.FETCH)
    await stores.work.decide(ref, [decision])
    await stores.catalog.record(ref, [make_result(1)], JobChange())
    await stores.work.decide(ref, [decision])
    assert await stores.work.pending(ref, limit=5) == []


async def test_lists_of_two_jobs_are_apart_and_clearing_one_leaves_the_other(stores, ref):
    other = make_ref("job-2", ref.tenant)
    await add_running_job(stores, other)
    for each in (ref, other):
        await stores.work.add(each, [make_listed(1), make_listed(2)])
    await stores.work.decide(ref, [Decision(ContentId("1"), Action.KEEP)])
    assert await stores.work.pending(other, limit=5) == []
    await stores.work.clear(ref)
    assert (await stores.work.count(ref)).documents == 0
    assert (await stores.work.count(other)).documents == 2


async def test_more_documents_than_a_statement_has_variables_are_fine(stores, ref):
    listed = [make_listed(number) for number in range(33_000)]
    await stores.work.add(ref, listed)
    content_ids = [document.content_id for document in listed]
    await stores.work.assign_scopes(ref, dict.fromkeys(content_ids, OPEN_SCOPE))
    await stores.work.decide(ref, [Decision(content_id, Action.KEEP) for content_id in content_ids])
    assert (await stores.work.count(ref)).documents == 33_000
    assert ids(await stores.work.pending(ref, limit=2)) == ["0", "1"]
    known = await stores.catalog.known(ref.tenant, "acme.example", content_ids)
    assert known == {}


def make_attachment(number: int, page: int) -> ListedAttachment:
    return ListedAttachment(
        ContentId(f"att{number}"),
        ContentId(str(page)),
        f"f{number}.pdf",
        "application/pdf",
        3 << 32,
        2,
        NOW,
    )


def make_comment(number: int, page: int, *, parent: int | None = None, version: int = 1) -> Comment:
    return Comment(
        ContentId(str(number)),
        ContentId(str(page)),
        None if parent is None else ContentId(str(parent)),
        "a1",
        NOW,
        version,
        f"<p>{number}</p>",
    )


async def test_attachments_are_work_of_their_own_below_their_page(stores, ref):
    await stores.work.add(ref, [make_listed(1, parent_id=None)])
    await stores.work.add_attachments(ref, [make_attachment(7, 1)])
    counts = await stores.work.count(ref)
    assert (counts.documents, counts.attachments) == (1, 1)
    assert await stores.work.parents(ref) == {"1": None, "att7": "1"}
    assert [item.content_id for item in await stores.work.unannotated(ref, limit=9)] == ["1"]
    items = await stores.work.read(ref, after=None, limit=9)
    assert [item.attachment for item in items] == [None, make_attachment(7, 1)]


async def test_comments_are_kept_by_page_until_the_list_is_cleared(stores, ref):
    comments = [make_comment(11, 1), make_comment(12, 1, parent=11), make_comment(13, 2)]
    await stores.work.add_comments(ref, comments)
    await stores.work.add_comments(ref, [make_comment(13, 2, version=2)])
    pages = [ContentId("1"), ContentId("2"), ContentId("3")]
    assert await stores.work.comments(ref, pages) == {
        "1": comments[:2],
        "2": [make_comment(13, 2, version=2)],
    }
    await stores.work.clear(ref)
    assert await stores.work.comments(ref, pages) == {}
