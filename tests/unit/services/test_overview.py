"""Spaces in numbers: what the reader may see, and nothing of the rest."""

from datetime import timedelta

import pytest

from headwater.domain.access import OPEN, ScopeRule, group, make_reader, restricted_scope
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, JobId, SpaceKey
from headwater.domain.jobs import JobChange, JobRef
from headwater.domain.sync import Outcome
from headwater.services.overview import (
    LagSummary,
    list_visible_spaces,
    summarize_lags,
    summarize_spaces,
)
from tests.contract.catalog_samples import (
    OPEN_SCOPE,
    SITE,
    SPACE,
    add_running_job,
    document_id,
    make_metadata,
    make_result,
    make_space,
)
from tests.unit.services.service_fakes import NOW, OTHER, TENANT

REF = JobRef(TENANT, JobId("one"))
BOARD_SCOPE = restricted_scope(SITE, ContentId("2"))
BOARD = make_reader(groups=["board"])
ANYBODY = make_reader()
ATTIC = SpaceKey("ATTIC")


def page(number, outcome=Outcome.ADDED, *, result=None, **fields):
    metadata = make_metadata(number, last_modified=NOW - timedelta(days=9), **fields)
    return make_result(number, outcome, metadata=metadata, **(result or {}))


@pytest.fixture
async def spaces(ports):
    """ENG with something of everything; BOARD of which only the board may see; ATTIC, which is empty."""
    await add_running_job(ports, REF)
    rules = [
        ScopeRule(OPEN_SCOPE, (OPEN,)),
        ScopeRule(BOARD_SCOPE, (frozenset({group("board")}),), OPEN_SCOPE),
    ]
    await ports.catalog.put_scope_rules(TENANT, SPACE, SITE, rules)
    for key in (SPACE, SpaceKey("BOARD"), ATTIC):
        await ports.catalog.put_space(TENANT, make_space(space=key, last_complete_sync=NOW))
    await record(
        ports,
        page(1, result={"losses": {"chart": 2}}),
        page(2, access_scope=BOARD_SCOPE, result={"losses": {"chart": 3, "poll": 1}}),
        page(3, kind=DocumentKind.ATTACHMENT, page_id=ContentId("1")),
        page(4),
        page(5),
        page(6, Outcome.FAILED),
        page(7, Outcome.SKIPPED),
        page(8, space=SpaceKey("BOARD"), access_scope=BOARD_SCOPE),
    )
    await record(ports, page(4, Outcome.FAILED))
    await ports.catalog.hold(REF, [document_id(5)], JobChange())
    return ports


async def record(ports, *results):
    await ports.catalog.record(REF, results, JobChange())


async def summarize(ports, reader):
    found = await summarize_spaces(ports, TENANT, reader=reader)
    return {item.space: item for item in found}


async def test_a_space_is_counted_by_what_became_of_its_documents(spaces):
    eng = (await summarize(spaces, None))[SPACE]
    assert (eng.name, eng.last_complete_sync) == ("Engineering", NOW)
    assert (eng.documents, eng.attachments, eng.chunks) == (4, 1, 10)
    assert (eng.current, eng.stale, eng.held, eng.failed, eng.skipped) == (3, 1, 1, 1, 1)
    assert (eng.losses, eng.lossy_documents) == ({"chart": 5, "poll": 1}, 2)


async def test_nobody_in_particular_sees_every_space_and_a_reader_those_with_something_for_him(
    spaces,
):
    assert list(await summarize(spaces, None)) == ["ATTIC", "BOARD", "ENG"]
    assert list(await summarize(spaces, BOARD)) == ["BOARD", "ENG"]
    assert list(await summarize(spaces, ANYBODY)) == ["ENG"]
    assert list(await summarize_spaces(spaces, OTHER, reader=None)) == []


@pytest.mark.parametrize("reader", [None, BOARD, ANYBODY], ids=["nobody", "board", "anybody"])
async def test_spaces_without_numbers_are_the_same_spaces(spaces, reader):
    listed = await list_visible_spaces(spaces, TENANT, reader=reader)
    assert [space.space for space in listed] == list(await summarize(spaces, reader))


async def test_a_reader_s_numbers_are_of_what_he_may_see(spaces):
    eng = (await summarize(spaces, ANYBODY))[SPACE]
    assert (eng.documents, eng.chunks, eng.losses) == (3, 8, {"chart": 2})
    assert (await summarize(spaces, BOARD))[SPACE].documents == 4


async def test_an_edit_s_lag_is_of_its_space_and_for_its_readers(spaces):
    assert (await summarize(spaces, None))[SPACE].lag is None
    edits = [
        make_result(
            number,
            Outcome.UPDATED,
            metadata=make_metadata(
                number, version=4, last_modified=NOW - timedelta(seconds=ago), access_scope=scope
            ),
        )
        for number, ago, scope in [(1, 60, OPEN_SCOPE), (2, 600, BOARD_SCOPE)]
    ]
    await record(spaces, *edits)
    assert (await summarize(spaces, None))[SPACE].lag == LagSummary(2, 60.0, 600.0)
    assert (await summarize(spaces, ANYBODY))[SPACE].lag == LagSummary(1, 60.0, 60.0)
    assert (await summarize(spaces, None))["BOARD"].lag is None


@pytest.mark.parametrize(
    ("seconds", "median", "p95"),
    [([5.0], 5.0, 5.0), ([3.0, 1.0], 1.0, 3.0), ([float(n) for n in range(1, 101)], 50.0, 95.0)],
)
def test_percentiles_are_values_that_were_measured(seconds, median, p95):
    assert summarize_lags(seconds) == LagSummary(len(seconds), median, p95)
    assert summarize_lags([]) is None
