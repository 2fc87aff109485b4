"""Deleting on request: what goes, what stays, what comes back, and what no race brings back."""

import pytest

from headwater.domain.errors import ContentNotFoundError, RetryableError
from headwater.domain.ids import ContentId, SpaceKey, TenantId
from headwater.domain.sync import DocumentState
from headwater.services.deletion import delete_by_url, delete_listed
from headwater.services.removal import carry_out_deletions
from headwater.services.sync.ending import finish
from headwater.services.sync.gathering import gather
from headwater.services.sync.processing import bring_in
from headwater.services.sync.reconciling import reconcile
from tests.integration.sync.lab import KEY, TENANT, Lab, pages

STRANGER = TenantId("99999999-9999-4999-8999-999999999999")


def page_url(lab: Lab, content_id: str) -> str:
    return f"{lab.site.web_url}/spaces/{KEY}/pages/{content_id}/Some+title"


async def delete(lab: Lab, url: str, *, descendants: bool = False, tenant: TenantId = TENANT):
    return await delete_by_url(lab.ports, tenant, url, include_descendants=descendants)


async def remembered(lab: Lab) -> set[str]:
    """Return the content ids of the documents that the catalog holds as more than left out."""
    spaces = await lab.ports.catalog.list_spaces(TENANT, SpaceKey(KEY))
    site = spaces[0].site if spaces else None
    if site is None:
        return set()
    everything = [ContentId(str(number)) for number in lab.world.tree.contents]
    known = await lab.ports.catalog.known(TENANT, site, everything)
    return {key for key, item in known.items() if item.state is DocumentState.INDEXED}


async def test_a_page_goes_with_its_attachments_and_nothing_else(lab: Lab) -> None:
    first, second = pages(lab.world, 2)
    lab.world.attach(first, "notes.txt", b"needle in a file", media_type="text/plain")
    await lab.sync()
    before = await lab.indexed()
    assert len(before) == 3
    receipt = await delete(lab, page_url(lab, first))
    left = await lab.indexed()
    assert set(left) == {second}
    assert receipt.documents == 2
    assert receipt.vectors == sum(before.values()) - sum(left.values())
    assert await lab.find("needle") == ["Page 1"]
    with pytest.raises(ContentNotFoundError):
        await delete(lab, page_url(lab, first))


async def test_what_is_below_a_page_goes_only_when_it_is_asked_for(lab: Lab) -> None:
    (top,) = pages(lab.world, 1)
    below = lab.world.create_page(KEY, "Below", "<p>zebra</p>", parent=top).id
    deep = lab.world.create_page(KEY, "Deep", "<p>yak</p>", parent=below).id
    lab.world.attach(deep, "deep.txt", b"buried words", media_type="text/plain")
    (aside,) = (
        pages(lab.world, 1) if False else [lab.world.create_page(KEY, "Aside", "<p>x</p>").id]
    )
    await lab.sync()
    receipt = await delete(lab, page_url(lab, below), descendants=True)
    assert receipt.documents == 3
    assert set(await lab.indexed()) == {top, aside}


async def test_the_deleted_stays_away_until_it_is_edited(lab: Lab) -> None:
    first, second = pages(lab.world, 2)
    lab.world.attach(first, "notes.txt", b"needle in a file", media_type="text/plain")
    await lab.sync()
    await delete(lab, page_url(lab, first))
    lab.world.edit(second, text="<p>another thing</p>")
    job = await lab.sync()
    assert dict(job.progress.skipped) == {"deleted": 2}
    assert set(await lab.indexed()) == {second}
    with pytest.raises(ContentNotFoundError):
        await delete(lab, page_url(lab, first))
    lab.world.edit(first, text="<p>word0x is back</p>")
    job = await lab.sync()
    assert not job.progress.skipped
    assert len(await lab.indexed()) == 3
    assert job.progress.attachments.added == 1
    assert await lab.find("word0x") != []


async def test_a_full_sync_brings_the_deleted_back(lab: Lab) -> None:
    first, _ = pages(lab.world, 2)
    await lab.sync()
    await delete(lab, page_url(lab, first))
    await lab.sync(incremental=False)
    assert len(await lab.indexed()) == 2


async def test_a_plan_foresees_what_stays_away_and_changes_nothing(lab: Lab) -> None:
    first, _ = pages(lab.world, 2)
    await lab.sync()
    await delete(lab, page_url(lab, first))
    site = (await lab.ports.catalog.list_spaces(TENANT, SpaceKey(KEY)))[0].site
    before = await lab.ports.deletions.tombstones(TENANT, site)
    assert len(before) == 1
    lab.world.edit(first, text="<p>again</p>")
    from headwater.services.plans import plan_upload
    from headwater.domain.jobs import SiteCredential
    from headwater.domain.secrets import Secret

    ref = await lab.submit()
    job = await lab.ports.jobs.find(ref)
    assert job
    plan = await plan_upload(
        lab.ports, TENANT, job.request, SiteCredential(lab.site.username, Secret(lab.site.token))
    )
    assert plan.documents.added == 1
    assert await lab.ports.deletions.tombstones(TENANT, site) == before
