"""A sync of a Data Center does what one of Cloud does."""

import pytest

from headwater.domain.jobs import ContentRestriction, JobStatus
from headwater.domain.settings import SyncSettings
from headwater.sandbox.faces import DataCenter
from tests.integration.sync.lab import KEY, open_lab, pages, paragraphs

STRICT = ContentRestriction(source_restriction=True)
FACES = [DataCenter(), DataCenter("", has_scan=False)]


@pytest.fixture(params=FACES, ids=["with a context", "old, at the root"])
async def lab(request, tmp_path):
    async with open_lab(tmp_path, face=request.param) as opened:
        yield opened


async def test_a_first_sync_brings_everything_in_and_a_second_nothing(lab):
    page = pages(lab.world, 60)[0]
    lab.world.create_blogpost(KEY, "News", paragraphs("the canteen reopens"))
    lab.world.comment(page, "<p>a remark on canaries</p>")
    first = await lab.sync()
    assert first.status is JobStatus.SUCCEEDED, first.message
    assert first.progress.documents.listed == first.progress.documents.added == 61
    assert (await lab.find("canaries"))[0] == "Page 0"
    assert "News" in await lab.find("canteen reopens")
    embedded = lab.embedder.texts_embedded
    second = await lab.sync()
    assert second.progress.documents.unchanged == 61
    assert lab.embedder.texts_embedded == embedded


async def test_edits_labels_and_moves_are_noticed(lab):
    top, other, child = pages(lab.world, 3)
    await lab.sync()
    lab.world.edit(other, paragraphs("zafego stands here"))
    lab.world.label(top, "howto")
    lab.world.move(child, parent=top)
    job = await lab.sync()
    assert (job.progress.documents.updated, job.progress.documents.metadata_only) == (1, 2)
    assert (await lab.find("zafego"))[0] == "Page 1"
    assert await lab.find("word0x", labels=frozenset({"howto"})) == ["Page 0"]


async def test_trashed_purged_and_moved_out_pages_leave_and_restored_ones_return(lab):
    kept, trashed, purged, moved = pages(lab.world, 4)
    lab.world.add_space("OUT", "Elsewhere")
    await lab.sync()
    lab.world.trash(trashed)
    lab.world.purge(purged)
    lab.world.move(moved, key="OUT")
    job = await lab.sync()
    assert job.progress.documents.deleted == 3
    assert set(await lab.indexed()) == {kept}
    lab.world.restore(trashed)
    await lab.sync()
    assert set(await lab.indexed()) == {kept, trashed}


async def test_restrictions_of_all_ancestors_and_the_space_add_up(lab):
    for name in ("staff", "board"):
        lab.world.people.add_group(name)
    lab.world.permit(KEY, groups=["staff"])
    top = lab.world.create_page(KEY, "Top", paragraphs("topword")).id
    lab.world.create_page(KEY, "Leaf", paragraphs("leafword"), parent=top)
    await lab.sync(restriction=STRICT)
    assert await lab.find("leafword", groups=["staff"])
    lab.world.restrict(top, groups=["board"])
    job = await lab.sync(restriction=STRICT)
    assert job.progress.chunks.embedded == 0
    assert not await lab.find("leafword", groups=["staff"])
    assert not await lab.find("leafword", groups=["board"])
    assert "Leaf" in await lab.find("leafword", groups=["staff", "board"])


async def test_a_setting_that_data_center_leaves_without_effect_is_said(lab):
    pages(lab.world, 1)
    job = await lab.sync(settings=SyncSettings(include_archived=True))
    assert "include_archived changes nothing" in (job.message or "")
    assert "include_archived" not in ((await lab.sync()).message or "")


async def test_without_space_permissions_everything_is_closed_and_it_is_said(tmp_path):
    async with open_lab(tmp_path, face=DataCenter(has_permissions=False)) as lab:
        pages(lab.world, 1)
        job = await lab.sync(restriction=STRICT)
        assert "permission" in (job.message or "")
        assert not await lab.find("word0x", groups=["confluence-users"])


async def test_a_space_of_a_thousand_pages_costs_few_requests(tmp_path):
    async with open_lab(tmp_path, face=DataCenter()) as lab:
        pages(lab.world, 1000)
        counts = []
        for _ in range(2):
            lab.site.requests.clear()
            job = await lab.sync()
            assert job.status is JobStatus.SUCCEEDED
            counts.append(lab.site.requests.count())
    first, second = counts
    assert first <= 50
    assert second <= 30
