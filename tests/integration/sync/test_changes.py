"""What a sync does about each kind of change, counted."""

from datetime import UTC, datetime, timedelta

from headwater.domain.ids import SpaceKey
from headwater.domain.jobs import ContentRestriction, JobStatus
from tests.integration.sync.lab import KEY, Lab, pages, paragraphs

LONG = [
    f"<h2>Part {part}</h2>"
    + paragraphs(" ".join(f"part{part}word{number}" for number in range(60)))
    for part in range(8)
]


async def test_a_first_sync_brings_every_page_and_post_in(lab: Lab) -> None:
    pages(lab.world, 3)
    lab.world.create_blogpost(KEY, "News", paragraphs("the canteen reopens"))
    job = await lab.sync()
    assert job.status is JobStatus.SUCCEEDED
    assert job.progress.documents.listed == job.progress.documents.added == 4
    assert job.progress.documents.done == 4
    assert await lab.find("canteen reopens") != []
    assert (await lab.find("word1x"))[0] == "Page 1"


async def test_a_second_sync_of_an_unchanged_space_embeds_nothing_and_says_so(lab: Lab) -> None:
    pages(lab.world, 5)
    await lab.sync()
    embedded = lab.embedder.texts_embedded
    job = await lab.sync()
    assert lab.embedder.texts_embedded == embedded
    assert job.progress.documents.unchanged == 5
    assert job.message == "5 unchanged; nothing embedded"


async def test_an_edited_paragraph_embeds_its_own_chunk_only(lab: Lab) -> None:
    page = lab.world.create_page(KEY, "Long", "".join(LONG))
    first = await lab.sync()
    assert first.progress.chunks.embedded >= 8
    lab.world.edit(page.id, "".join(LONG).replace("part3word7", "changedword"))
    job = await lab.sync()
    assert job.progress.documents.updated == 1
    assert job.progress.chunks.embedded == 1
    assert job.progress.chunks.deleted == 1
    assert await lab.find("changedword")


async def test_reordered_sections_embed_nothing(lab: Lab) -> None:
    page = lab.world.create_page(KEY, "Long", "".join(LONG))
    await lab.sync()
    lab.world.edit(page.id, "".join(reversed(LONG)))
    job = await lab.sync()
    assert job.progress.documents.updated == 1
    assert job.progress.chunks.embedded == 0
    assert job.progress.chunks.deleted == 0


async def test_a_shrunk_page_leaves_no_chunk_behind(lab: Lab) -> None:
    page = lab.world.create_page(KEY, "Long", "".join(LONG))
    await lab.sync()
    lab.world.edit(page.id, LONG[0])
    await lab.sync()
    assert await lab.indexed() == {page.id: 1}
    assert "Long" not in await lab.find("part7word7", space=SpaceKey("OTHER"))


async def test_labels_moves_and_renamed_ancestors_embed_nothing(lab: Lab) -> None:
    top, other = pages(lab.world, 2)
    child = lab.world.create_page(KEY, "Child", paragraphs("below"), parent=top).id
    await lab.sync()
    embedded = lab.embedder.texts_embedded
    lab.world.label(child, "howto")
    job = await lab.sync()
    assert job.progress.documents.metadata_only == 1
    lab.world.move(child, parent=other)
    job = await lab.sync()
    assert job.progress.documents.metadata_only == 1
    assert lab.embedder.texts_embedded == embedded
    assert await lab.find("below", labels=frozenset({"howto"})) == ["Child"]
    lab.world.rename(other, "Renamed")
    job = await lab.sync()
    assert job.progress.documents.updated == 1
    assert job.progress.documents.unchanged == 2


async def test_a_trashed_page_disappears_and_comes_back_when_restored(lab: Lab) -> None:
    ids = pages(lab.world, 3)
    await lab.sync()
    lab.world.trash(ids[1])
    job = await lab.sync()
    assert job.progress.documents.deleted == 1
    assert job.progress.documents.listed == 2
    assert set(await lab.indexed()) == {ids[0], ids[2]}
    lab.world.restore(ids[1])
    job = await lab.sync()
    assert job.progress.documents.added == 1
    assert set(await lab.indexed()) == set(ids)


async def test_archived_purged_and_moved_out_pages_leave_the_index(lab: Lab) -> None:
    lab.world.add_space("OTHER", "Other")
    ids = pages(lab.world, 4)
    await lab.sync()
    lab.world.archive(ids[0])
    lab.world.purge(ids[1])
    lab.world.move(ids[2], key="OTHER")
    job = await lab.sync()
    assert job.progress.documents.deleted == 3
    assert set(await lab.indexed()) == {ids[3]}


async def test_a_full_sync_reads_all_again_and_keeps_vectors(lab: Lab) -> None:
    pages(lab.world, 4)
    await lab.sync()
    embedded = lab.embedder.texts_embedded
    job = await lab.sync(incremental=False)
    assert job.progress.documents.unchanged == 4
    assert job.progress.chunks.reused == 4
    assert lab.embedder.texts_embedded == embedded


async def test_last_sync_limits_the_first_sync_only(lab: Lab) -> None:
    old, new = pages(lab.world, 2)
    since = lab.world.find_content(new).version.created_at
    job = await lab.sync(last_sync=since)
    assert (job.progress.documents.added, job.progress.documents.skipped) == (1, 1)
    assert job.progress.skipped == {"before_last_sync": 1}
    third = lab.world.create_page(KEY, "Third", paragraphs("later")).id
    job = await lab.sync(last_sync=datetime.now(UTC) + timedelta(days=9999))
    assert job.progress.documents.added == 1
    assert set(await lab.indexed()) == {new, third}
    lab.world.edit(old, paragraphs("touched"))
    assert (await lab.sync()).progress.documents.added == 1


async def test_a_page_that_cannot_be_converted_fails_alone(lab: Lab) -> None:
    ids = pages(lab.world, 3)
    lab.world.edit(ids[1], "<p>" + "x" * (33 << 20) + "</p>")
    job = await lab.sync()
    assert job.status is JobStatus.PARTIAL
    assert (job.progress.documents.added, job.progress.documents.failed) == (2, 1)
    page = await lab.ports.jobs.failures(job.ref, cursor=None, limit=5)
    assert [failure.title for failure in page.failures] == ["Page 1"]
    lab.world.edit(ids[1], paragraphs("short again"))
    job = await lab.sync()
    assert job.progress.documents.added == 1
    assert job.status is JobStatus.SUCCEEDED


async def test_a_new_audience_embeds_nothing_and_acts_at_once(lab: Lab) -> None:
    pages(lab.world, 2)
    await lab.sync()
    embedded = lab.embedder.texts_embedded
    job = await lab.sync(restriction=ContentRestriction(audience=("support",)))
    assert lab.embedder.texts_embedded == embedded
    assert job.progress.documents.unchanged == 2
    assert await lab.find("word1x") == []
    assert (await lab.find("word1x", groups=["support"]))[0] == "Page 1"


async def test_losses_are_summed_over_the_job(lab: Lab) -> None:
    macro = '<ac:structured-macro ac:name="acme-chart"><ac:rich-text-body><p>kept</p></ac:rich-text-body></ac:structured-macro>'
    for number in range(2):
        lab.world.create_page(KEY, f"Chart {number}", macro)
    job = await lab.sync()
    assert job.progress.losses == {"acme-chart": 2}
    assert await lab.find("kept")
