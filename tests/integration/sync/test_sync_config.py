"""What ``sync_config`` and a changed audience ask of a sync, and nothing more."""

from datetime import UTC, datetime, timedelta

import pytest

from headwater.domain.jobs import ContentRestriction, JobStatus
from headwater.sandbox.faults import fail, only
from tests.integration.sync.lab import KEY, Lab, open_light_lab, pages, paragraphs

LATER = datetime.now(UTC) + timedelta(days=9999)
"""Newer than anything in the sandbox: taken at its word, it would let nothing in."""


@pytest.fixture
async def lab(tmp_path):
    async with open_light_lab(tmp_path) as opened:
        yield opened


async def test_pages_that_come_back_come_in_although_they_are_older_than_last_sync(
    lab: Lab,
) -> None:
    lab.world.add_space("ELSE", "Elsewhere")
    moved = lab.world.create_page("ELSE", "Moved", paragraphs("everyword")).id
    trashed, here = pages(lab.world, 2)
    lab.world.trash(trashed)
    assert (await lab.sync()).progress.documents.added == 1
    lab.world.restore(trashed)
    lab.world.move(moved, key=KEY)

    job = await lab.sync(last_sync=LATER)

    assert job.progress.documents.added == 2
    assert job.progress.skipped == {}
    assert set(await lab.indexed()) == {here, trashed, moved}


async def test_a_first_sync_that_saw_not_everything_is_no_first_sync_yet(lab: Lab) -> None:
    pages(lab.world, 2)
    lab.site.faults.append(only(fail(), "/wiki/api/v2/spaces/{id}/blogposts"))
    job = await lab.sync(last_sync=LATER)
    assert job.status is JobStatus.PARTIAL
    lab.site.faults.clear()
    lab.world.create_blogpost(KEY, "Post", paragraphs("everyword"))

    job = await lab.sync(last_sync=LATER)

    assert job.progress.skipped == {"before_last_sync": 3}
    assert await lab.indexed() == {}


async def test_what_last_sync_left_out_stays_out_when_only_its_labels_change(lab: Lab) -> None:
    old, _ = pages(lab.world, 2)
    await lab.sync(last_sync=LATER)
    lab.world.label(old, "fresh")
    assert (await lab.sync()).progress.skipped == {"before_last_sync": 2}


async def test_a_full_sync_ignores_last_sync_and_what_it_brought_in_stays(lab: Lab) -> None:
    pages(lab.world, 2)
    await lab.sync(last_sync=LATER)
    full = await lab.sync(incremental=False, last_sync=LATER)
    assert (full.progress.documents.added, full.progress.skipped) == (2, {})
    assert (await lab.sync(last_sync=LATER)).progress.documents.unchanged == 2


async def test_a_first_full_sync_ignores_last_sync_too(lab: Lab) -> None:
    pages(lab.world, 2)
    assert (await lab.sync(incremental=False, last_sync=LATER)).progress.documents.added == 2


async def test_another_audience_embeds_nothing_and_writes_no_record(lab: Lab, monkeypatch) -> None:
    (page, _) = pages(lab.world, 2)
    lab.world.attach(page, "notes.txt", b"words", media_type="text/plain")
    await lab.sync()
    embedded = lab.embedder.texts_embedded
    batches = []
    apply = type(lab.ports.store).apply

    async def record(store, namespace, batch):
        batches.append(batch)
        await apply(store, namespace, batch)

    monkeypatch.setattr(type(lab.ports.store), "apply", record)
    for audience in (("staff",), ("staff", "board"), ("all",), ()):
        job = await lab.sync(restriction=ContentRestriction(audience=audience))
        assert (job.progress.documents.unchanged, job.progress.attachments.unchanged) == (2, 1)
    assert lab.embedder.texts_embedded == embedded
    assert batches == []
