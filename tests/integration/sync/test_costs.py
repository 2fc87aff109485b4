"""What a sync costs Confluence, counted: a term for every batch of pages, none for every page."""

from math import ceil

import pytest
from sqlalchemy import event

from headwater.domain.jobs import ContentRestriction, JobStatus
from headwater.sandbox.people import ADMIN_ACCOUNT
from tests.integration.sync.lab import Lab, pages, paragraphs

PAGES = 600
HANGING = 300
"""Attachments, and as many comments."""

BESIDE = ceil(PAGES / 200) + 2 * ceil(HANGING / 250)
"""Requests for labels and restrictions, for attachments and for comments."""

FIRST = PAGES // 100 + BESIDE + 20
UNCHANGED = ceil(PAGES / 250) + BESIDE + 20
AN_EDIT = 5
"""What a sync may cost more for one edited page."""


@pytest.fixture
def filled(lab: Lab) -> list[str]:
    ids = pages(lab.world, PAGES)
    for place, page in enumerate(ids):
        lab.world.label(page, f"label{place % 7}")
        if place % 2:
            lab.world.attach(page, f"{place}.csv", f"name,{place}".encode(), media_type="text/csv")
            lab.world.comment(page, paragraphs(f"remark {place}"))
        if place % 50 == 0:
            lab.world.restrict(page, users=[ADMIN_ACCOUNT])
    return ids


async def sync(lab: Lab, **changes) -> int:
    """Sync and return how many requests it took, downloads of files aside."""
    lab.site.requests.clear()
    job = await lab.sync(**changes)
    assert job.status is JobStatus.SUCCEEDED, job.message
    return sum("/download" not in visit.path for visit in lab.site.requests.all)


@pytest.mark.parametrize("restricted", [False, True], ids=["for all", "as in the source"])
async def test_requests_grow_by_the_batch_and_an_unchanged_space_embeds_nothing(
    lab: Lab, filled: list[str], *, restricted: bool
) -> None:
    access = {"restriction": ContentRestriction(source_restriction=restricted)}
    assert await sync(lab, **access) <= FIRST
    embedded = lab.embedder.texts_embedded
    assert embedded == PAGES + HANGING
    unchanged = await sync(lab, **access)
    assert unchanged <= UNCHANGED
    assert lab.embedder.texts_embedded == embedded
    lab.world.edit(filled[PAGES // 2], paragraphs("word300x stands elsewhere now"))
    assert await sync(lab, **access) <= unchanged + AN_EDIT
    assert lab.embedder.texts_embedded == embedded + 1


async def test_an_unchanged_sync_takes_no_statement_per_page(lab: Lab) -> None:
    number = 200
    for page in pages(lab.world, number):
        lab.world.restrict(page, users=[ADMIN_ACCOUNT])
    access = {"restriction": ContentRestriction(source_restriction=True)}
    await lab.sync(**access)
    statements: list[str] = []
    event.listen(
        lab.stores.engine.sync_engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement),
    )
    job = await lab.sync(**access)
    assert job.progress.documents.unchanged == number
    # How often somebody looks at the job depends on the time that it takes.
    on_documents = [it for it in statements if "documents" in it or "work_items" in it]
    assert len(on_documents) < number / 2
