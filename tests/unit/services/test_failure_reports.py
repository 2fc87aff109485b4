"""A job's failures are told to whoever may see the job; whose pages they are only to their readers."""

import pytest

from headwater.domain.access import OPEN, ScopeRule, group, make_reader, restricted_scope
from headwater.domain.ids import ContentId, JobId
from headwater.domain.jobs import JobChange, JobRef
from headwater.domain.sync import Outcome
from headwater.services.failure_reports import WITHHELD_MESSAGE, WITHHELD_TITLE, FailureReports
from headwater.services.job_reports import read_job
from tests.contract.catalog_samples import (
    OPEN_SCOPE,
    SITE,
    SPACE,
    add_running_job,
    make_metadata,
    make_result,
)
from tests.unit.services.service_fakes import TENANT

REF = JobRef(TENANT, JobId("one"))
BOARD_SCOPE = restricted_scope(SITE, ContentId("1"))
BOARD = make_reader(groups=["board"])
ANYBODY = make_reader()


@pytest.fixture
async def failed(ports):
    """Two failures, neither ever in: page 0 for everyone, page 1 for the board."""
    await add_running_job(ports, REF)
    rules = [
        ScopeRule(OPEN_SCOPE, (OPEN,)),
        ScopeRule(BOARD_SCOPE, (frozenset({group("board")}),), OPEN_SCOPE),
    ]
    await ports.catalog.put_scope_rules(TENANT, SPACE, SITE, rules)
    results = [
        make_result(0, Outcome.FAILED, metadata=make_metadata(number, access_scope=scope))
        for number, scope in enumerate([OPEN_SCOPE, BOARD_SCOPE])
    ]
    await ports.catalog.record(REF, results, JobChange())
    return ports


async def read_titles(ports, sight):
    page = await FailureReports(ports, sight).read_page(REF)
    assert page.total == 2
    return [failure.title for failure in page.failures]


@pytest.mark.parametrize("sight", [None, BOARD], ids=["who may change everything", "its reader"])
async def test_who_may_read_a_page_learns_why_it_failed(failed, sight):
    assert await read_titles(failed, sight) == ["Page 0", "Page 1"]


async def test_of_a_page_one_may_not_read_only_the_failure_is_told(failed):
    page = await FailureReports(failed, ANYBODY).read_page(REF)
    seen, withheld = page.failures
    assert seen.title == "Page 0"
    assert (withheld.title, withheld.source_url) == (WITHHELD_TITLE, "")
    assert withheld.error_message == WITHHELD_MESSAGE
    assert withheld.error_type == seen.error_type


async def test_the_first_failures_of_jobs_are_withheld_likewise(failed):
    job = await read_job(failed.jobs, REF)
    first = await FailureReports(failed, ANYBODY).read_first(TENANT, [job])
    assert [failure.title for failure in first[REF]] == ["Page 0", WITHHELD_TITLE]


async def test_failures_come_in_pages(ports):
    await add_running_job(ports, REF)
    results = [make_result(number, Outcome.FAILED) for number in range(5)]
    await ports.catalog.record(REF, results, JobChange())
    reports, seen, cursor = FailureReports(ports, None), [], None
    while True:
        page = await reports.read_page(REF, cursor=cursor, limit=2)
        seen += [failure.title for failure in page.failures]
        assert page.total == 5
        cursor = page.next
        if cursor is None:
            break
    assert sorted(seen) == [f"Page {number}" for number in range(5)]
