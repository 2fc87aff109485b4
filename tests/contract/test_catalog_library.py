"""What every catalog keeps to: reading back what is in."""

from datetime import timedelta

import pytest
import pytest_asyncio

from headwater.domain.access import Scope
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, SiteId, SpaceKey
from headwater.domain.jobs import JobChange
from headwater.domain.removal import DELETED
from headwater.domain.sync import DocumentState, Outcome
from headwater.ports import ChildCount, Holding, Lag, LossCount
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

CLOSED_SCOPE = Scope("r:acme.example:1")
FILE = DocumentKind.ATTACHMENT


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(params=ENGINES, scope="module", loop_scope="module")
async def stores(request, tmp_path_factory):
    """One catalog for all tests: each is a tenant of its own."""
    async with open_engine(request.param, tmp_path_factory.mktemp("catalog")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def ref(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    return ref


async def record(stores, ref, *results):
    await stores.catalog.record(ref, results, JobChange())


def page(content_id, parent=None, outcome=Outcome.ADDED, *, changes=None, **fields):
    above = None if parent is None else ContentId(str(parent))
    metadata = make_metadata(content_id, parent_id=above, **fields)
    return make_result(content_id, outcome, metadata=metadata, **(changes or {}))


async def list_ids(stores, ref, *, parent=None, after=None, limit=50):
    above = None if parent is None else ContentId(str(parent))
    leaves = await stores.library.list_level(
        ref.tenant, SITE, SPACE, parent=above, after=after, limit=limit
    )
    return [leaf.entry.known.content_id for leaf in leaves], leaves


async def test_a_document_is_read_with_everything_there_is_to_say(stores, ref):
    losses = {"chart": 2}
    await record(stores, ref, page(2, 1, changes={"losses": losses}), page(3))
    (entry,) = await stores.library.read(ref.tenant, [document_id(2), document_id(9)])
    assert (entry.known.document_id, entry.site, entry.space) == (document_id(2), SITE, SPACE)
    assert (entry.parent_id, entry.labels, entry.author_id) == ("1", {"howto"}, "account-1")
    assert (entry.file_type, entry.file_size, entry.losses) == ("page", None, losses)
    assert entry.indexed_at == NOW


async def test_another_tenant_reads_nothing(stores, ref):
    await record(stores, ref, page(1), page(2, 1, changes={"losses": {"chart": 1}}))
    await stores.catalog.put_space(ref.tenant, make_space())
    stranger = make_ref().tenant
    library = stores.library
    assert list(await library.read(stranger, [document_id(1)])) == []
    level = await library.list_level(stranger, SITE, SPACE, parent=None, after=None, limit=9)
    assert list(level) == []
    assert list(await library.count_children(stranger, SITE, [ContentId("1")])) == []
    assert list(await library.list_searchable(stranger, space=None, after=None, limit=9)) == []
    assert list(await library.list_spaces(stranger)) == []
    assert list(await library.count_holdings(stranger)) == []
    assert list(await library.list_lags(stranger, since=NOW - timedelta(days=1))) == []
    assert list(await library.count_losses(stranger)) == []


async def test_what_was_deleted_on_request_is_not_read(stores, ref):
    gone = {"skip_reason": DELETED}
    await record(stores, ref, page(1, outcome=Outcome.SKIPPED, changes=gone), page(2, 1))
    assert list(await stores.library.read(ref.tenant, [document_id(1)])) == []
    assert (await list_ids(stores, ref))[0] == ["2"]  # what it stood under is not here


async def test_the_top_is_what_hangs_on_nothing_that_is_here(stores, ref):
    elsewhere = page(8, space=SpaceKey("HR"))
    await record(stores, ref, page(1), page(2, 1), page(3, 77), page(4, 8), elsewhere)
    assert (await list_ids(stores, ref))[0] == ["1", "3", "4"]
    assert (await list_ids(stores, ref, parent=1))[0] == ["2"]


async def test_the_same_id_on_another_site_is_no_parent(stores, ref):
    other = SiteId("other.example")
    theirs = make_metadata(1, site=other, document_id="confluence:other.example:1")
    await record(stores, ref, make_result(1, metadata=theirs), page(2, 1))
    assert (await list_ids(stores, ref))[0] == ["2"]


async def test_a_level_lists_pages_then_posts_then_files_by_title(stores, ref):
    await record(
        stores,
        ref,
        page(1, 9, title="zebra"),
        page(2, 9, title="Apple"),
        page(3, 9, title="apple", kind=FILE, page_id=ContentId("9")),
        page(4, 9, title="aardvark", kind=DocumentKind.BLOGPOST),
        page(5, 9, title="apple"),
    )
    assert (await list_ids(stores, ref))[0] == ["2", "5", "1", "4", "3"]


async def test_a_level_goes_on_behind_any_of_its_documents(stores, ref):
    titles = ["b", "B", "a", "É", "e", "b", "ß", "\U0001f9ad", "'", ""]
    await record(stores, ref, *(page(n, title=title) for n, title in enumerate(titles, 1)))
    ids, leaves = await list_ids(stores, ref)
    assert len(ids) == len(titles)
    for place, leaf in enumerate(leaves):
        rest, _ = await list_ids(stores, ref, after=leaf.position, limit=3)
        assert rest == ids[place + 1 : place + 4]


async def test_children_are_counted_by_page_and_scope(stores, ref):
    await record(
        stores, ref, page(1), page(2, 1), page(3, 1), page(4, 1, access_scope=CLOSED_SCOPE), page(5)
    )
    counted = await stores.library.count_children(ref.tenant, SITE, [ContentId("1"), "5"])
    assert set(counted) == {
        ChildCount(ContentId("1"), OPEN_SCOPE, 2),
        ChildCount(ContentId("1"), CLOSED_SCOPE, 1),
    }


async def test_searchable_documents_are_listed_by_id(stores, ref):
    await record(
        stores,
        ref,
        page(1),
        page(2, space=SpaceKey("HR")),
        page(3, outcome=Outcome.FAILED),
        page(4, outcome=Outcome.SKIPPED),
        page(5),
    )
    await stores.catalog.hold(ref, [document_id(5)], JobChange())

    async def read(space, after):
        found = await stores.library.list_searchable(ref.tenant, space=space, after=after, limit=2)
        return [entry.known.content_id for entry in found]

    assert await read(None, None) == ["1", "2"]
    assert await read(None, document_id(2)) == ["5"]
    assert await read(SPACE, None) == ["1", "5"]


async def test_spaces_are_listed_by_key(stores, ref):
    spaces = [make_space(space=SpaceKey(key)) for key in ("ZOO", "ENG")]
    for space in spaces:
        await stores.catalog.put_space(ref.tenant, space)
    assert list(await stores.library.list_spaces(ref.tenant)) == spaces[::-1]


async def test_holdings_are_counted_by_place_scope_sort_and_state(stores, ref):
    await record(
        stores,
        ref,
        page(1),
        page(2),
        page(3, access_scope=CLOSED_SCOPE),
        page(4, outcome=Outcome.FAILED),
        page(5, kind=FILE),
    )
    await record(stores, ref, page(2, outcome=Outcome.FAILED))

    def holding(scope, kind, state, *counts):
        return Holding(SITE, SPACE, scope, kind, state, *counts)

    indexed, one = DocumentState.INDEXED, DocumentKind.PAGE
    assert set(await stores.library.count_holdings(ref.tenant)) == {
        holding(OPEN_SCOPE, one, indexed, 2, 4, 1),
        holding(CLOSED_SCOPE, one, indexed, 1, 2, 0),
        holding(OPEN_SCOPE, one, DocumentState.FAILED, 1, 0, 1),
        holding(OPEN_SCOPE, FILE, indexed, 1, 2, 0),
    }


# ── lag ────────────────────────────────────────────────────────────────────────────────────────


async def read_lags(stores, ref, *, since=NOW):
    return await stores.library.list_lags(ref.tenant, since=since)


def edited(content_id, *, ago, version, outcome=Outcome.UPDATED):
    moment = NOW - timedelta(seconds=ago)
    return page(content_id, outcome=outcome, version=version, last_modified=moment)


async def test_an_edit_is_measured_until_it_could_be_found(stores, ref):
    await record(stores, ref, edited(1, ago=9_000, version=1, outcome=Outcome.ADDED))
    assert list(await read_lags(stores, ref)) == []
    await record(stores, ref, edited(1, ago=90, version=2))
    assert list(await read_lags(stores, ref)) == [Lag(SITE, SPACE, OPEN_SCOPE, 90.0)]
    assert list(await read_lags(stores, ref, since=NOW + timedelta(seconds=1))) == []


async def test_a_page_read_again_in_the_same_version_was_not_edited(stores, ref):
    await record(stores, ref, edited(1, ago=9_000, version=1, outcome=Outcome.ADDED))
    await record(stores, ref, edited(1, ago=9_000, version=1))
    assert list(await read_lags(stores, ref)) == []


async def test_a_page_written_since_the_last_sync_is_measured_and_an_older_one_is_not(stores, ref):
    before = make_space(last_complete_sync=NOW - timedelta(seconds=600))
    await stores.catalog.put_space(ref.tenant, before)
    old = edited(1, ago=9_000, version=1, outcome=Outcome.ADDED)
    new = edited(2, ago=60, version=1, outcome=Outcome.ADDED)
    await record(stores, ref, old, new)
    assert [lag.seconds for lag in await read_lags(stores, ref)] == [60.0]


@pytest.mark.parametrize("outcome", [Outcome.METADATA_ONLY, Outcome.UNCHANGED, Outcome.FAILED])
async def test_a_lag_stays_while_nothing_is_edited(stores, ref, outcome):
    await record(stores, ref, edited(1, ago=9_000, version=1, outcome=Outcome.ADDED))
    await record(stores, ref, edited(1, ago=90, version=2))
    await record(stores, ref, edited(1, ago=90, version=2, outcome=outcome))
    assert [lag.seconds for lag in await read_lags(stores, ref)] == [90.0]


# ── losses ─────────────────────────────────────────────────────────────────────────────────────


async def test_losses_are_counted_where_there_are_any(stores, ref):
    lossy = {"chart": 2, "poll": 1}
    await record(
        stores,
        ref,
        page(1, changes={"losses": lossy}),
        page(2, changes={"losses": lossy}),
        page(3, changes={"losses": {}}),
        page(4),
    )
    (count,) = await stores.library.count_losses(ref.tenant)
    assert count == LossCount(SITE, SPACE, OPEN_SCOPE, lossy, 2)


async def test_losses_stay_until_the_text_is_read_again(stores, ref):
    async def read():
        (entry,) = await stores.library.read(ref.tenant, [document_id(1)])
        return entry.losses

    await record(stores, ref, page(1))
    assert await read() is None
    await record(stores, ref, page(1, changes={"losses": {"chart": 1}}))
    await record(stores, ref, page(1, outcome=Outcome.METADATA_ONLY))
    await record(stores, ref, page(1, outcome=Outcome.FAILED))
    assert await read() == {"chart": 1}
    await record(stores, ref, page(1, outcome=Outcome.UNCHANGED, changes={"losses": {}}))
    assert await read() == {}
