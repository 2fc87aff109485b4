"""Deleting on request: what goes, what stays, what comes back, and what no race brings back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from headwater.domain.errors import ConfigError, ContentNotFoundError, RetryableError
from headwater.domain.ids import ContentId, DocumentId, Namespace, SpaceKey, TenantId
from headwater.domain.jobs import SiteCredential
from headwater.domain.secrets import Secret
from headwater.sandbox.faces import DataCenter
from headwater.services.deletion import Receipt, delete_by_url, delete_listed
from headwater.services.deletion_targets import select_by_url
from headwater.services.plans import plan_upload
from headwater.services.removal import CLAIM, carry_out_deletions
from headwater.services.sync.gathering import gather
from headwater.services.sync.processing import bring_in
from tests.integration.sync.lab import KEY, TENANT, Lab, open_lab, pages

STRANGER = TenantId("99999999-9999-4999-8999-999999999999")


def page_url(lab: Lab, content_id: str) -> str:
    return f"{lab.site.web_url}/spaces/{KEY}/pages/{content_id}/Some+title"


async def delete(
    lab: Lab, url: str, *, descendants: bool = False, tenant: TenantId = TENANT
) -> Receipt:
    return await delete_by_url(lab.ports, tenant, url, include_descendants=descendants)


async def find_site(lab: Lab):
    return (await lab.ports.catalog.list_spaces(TENANT, SpaceKey(KEY)))[0].site


async def named(lab: Lab, url: str, *, descendants: bool = False) -> set[str]:
    """Return the content ids that a link means; nothing is deleted."""
    inventory = lab.ports.inventory
    chosen = await select_by_url(inventory, TENANT, url, include_descendants=descendants)
    inside = [item for place in chosen.cleared for item in await inventory.find_in(TENANT, place)]
    return {item.content_id for item in (*chosen.documents, *inside)}


async def test_a_page_goes_with_its_attachments_and_nothing_else(lab: Lab) -> None:
    first, second = pages(lab.world, 2)
    lab.world.attach(first, "notes.txt", b"needle in a file", media_type="text/plain")
    await lab.sync()
    before = await lab.indexed()
    receipt = await delete(lab, page_url(lab, first))
    left = await lab.indexed()
    assert (len(before), set(left), receipt.documents) == (3, {second}, 2)
    assert receipt.vectors == sum(before.values()) - sum(left.values())
    assert await lab.find("needle") == ["Page 1"]
    with pytest.raises(ContentNotFoundError):
        await delete(lab, page_url(lab, first))


async def test_every_form_of_link_means_what_it_says(lab: Lab) -> None:
    lab.world.add_space("ELSE", "Else")
    (top,) = pages(lab.world, 1)
    below = lab.world.create_page(KEY, "Below & beyond?", "<p>b</p>", parent=top).id
    folder = lab.world.create_folder(KEY, "Folder").id
    inside = lab.world.create_page(KEY, "Inside", "<p>i</p>", parent=folder).id
    post = lab.world.create_blogpost(KEY, "News", "<p>n</p>").id
    lab.world.attach(top, "a file+more.txt", b"words", media_type="text/plain")
    await lab.sync()
    (file,) = [key for key in await lab.indexed() if key.startswith("att")]
    web, number = lab.site.web_url, file.removeprefix("att")
    everything = {top, below, inside, post, file}
    with_top = {top, file}
    for url, meant in {
        page_url(lab, top): with_top,
        f"{web}/pages/viewpage.action?pageId={top}": with_top,
        f"{web}/display/{KEY}/Page+0": with_top,
        f"{web}/display/{KEY}/Below+%26+beyond%3F": {below},
        f"{web}/spaces/{KEY}/blog/2026/01/05/{post}/News": {post},
        f"{web}/download/attachments/{top}/a%20file%2Bmore.txt?version=1": {file},
        f"{web}/spaces/{KEY}/pages/{top}?preview=/{top}/{number}/a": {file},
        f"{web}/rest/api/content/{top}/child/attachment/{file}/download": {file},
        f"{web}/spaces/{KEY}": everything,
        f"{web}/spaces/{KEY}/overview": everything,
        f"{web}/display/{KEY}": everything,
        f"{web}/spaces/viewspace.action?key={KEY}": everything,
        web: everything,
        f"{web}/": everything,
        f"{web}/rest/api": everything,
        f"{web}/spaces/ELSE": set(),
        f"{web}/spaces": set(),
        f"{web}/pages": set(),
        f"{web}/spaces/{KEY}/pages/nonsense": set(),
        f"{web}/pages/viewpage.action?pageId=": set(),
        f"{web}/search?text=x": set(),
        f"{web}x": set(),
        f"https://other.example/wiki/spaces/{KEY}/pages/{top}": set(),
        f"https://other.example/wiki/spaces/{KEY}": set(),
        "https://other.example/wiki": set(),
        f"http://127.0.0.1:1/wiki/spaces/{KEY}/pages/{top}": set(),
    }.items():
        assert (url, await named(lab, url)) == (url, meant)
    assert await named(lab, page_url(lab, top), descendants=True) == {top, file, below}
    assert await named(lab, f"{web}/spaces/{KEY}/folder/{folder}", descendants=True) == {inside}
    for item in await lab.ports.inventory.list_documents(TENANT, after=None, limit=9):
        assert item.document_id.rpartition(":")[2] in await named(lab, item.source_url)
    with pytest.raises(ContentNotFoundError):
        await delete(lab, page_url(lab, top), tenant=STRANGER)


async def test_data_center_links_by_title_and_day_are_understood(tmp_path) -> None:
    async with open_lab(tmp_path, face=DataCenter()) as lab:
        page = lab.world.create_page(KEY, "News", "<p>p</p>").id
        post = lab.world.create_blogpost(KEY, "News", "<p>n</p>").id
        lab.world.attach(page, "file.txt", b"words", media_type="text/plain")
        await lab.sync()
        (file,) = set(await lab.indexed()) - {page, post}
        web = lab.site.web_url
        day = lab.world.tree.contents[post].created_at.strftime("%Y/%m/%d")
        assert await named(lab, f"{web}/display/{KEY}/News") == {page, file}
        assert await named(lab, f"{web}/display/{KEY}/{day}/News") == {post}
        link = f"{web}/download/attachments/{page}/file.txt?version=1&api=v2"
        assert await named(lab, link) == {file}
        assert await named(lab, web) == {page, post, file}
        await delete(lab, f"{web}/display/{KEY}")
        assert await lab.indexed() == {}


async def test_what_is_below_a_page_goes_only_when_it_is_asked_for(lab: Lab) -> None:
    (top,) = pages(lab.world, 1)
    below = lab.world.create_page(KEY, "Below", "<p>zebra</p>", parent=top).id
    deep = lab.world.create_page(KEY, "Deep", "<p>yak</p>", parent=below).id
    await lab.sync()
    assert (await delete(lab, page_url(lab, below))).documents == 1
    assert set(await lab.indexed()) == {top, deep}
    assert (await delete(lab, page_url(lab, top), descendants=True)).documents == 1
    assert set(await lab.indexed()) == {deep}


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
    assert (job.progress.documents.added, job.progress.attachments.added) == (1, 1)
    assert len(await lab.indexed()) == 3


async def test_an_attachment_deleted_by_itself_stays_away_though_its_page_is_edited(
    lab: Lab,
) -> None:
    (page,) = pages(lab.world, 1)
    lab.world.attach(page, "notes.txt", b"needle", media_type="text/plain")
    await lab.sync()
    link = f"{lab.site.web_url}/download/attachments/{page}/notes.txt"
    assert (await delete(lab, link)).documents == 1
    lab.world.edit(page, text="<p>edited</p>")
    job = await lab.sync()
    assert dict(job.progress.skipped) == {"deleted": 1}
    assert set(await lab.indexed()) == {page}


async def test_a_full_sync_brings_back_what_was_deleted_before_it_was_asked_for(lab: Lab) -> None:
    first, second = pages(lab.world, 2)
    await lab.sync()
    await delete(lab, page_url(lab, first))
    queued = await lab.submit(incremental=False)
    await delete(lab, page_url(lab, second))
    await lab.run(queued)
    assert set(await lab.indexed()) == {first}
    await lab.sync(incremental=False)
    assert set(await lab.indexed()) == {first, second}


async def test_a_plan_foresees_what_stays_away_and_changes_nothing(lab: Lab) -> None:
    first, second = pages(lab.world, 2)
    await lab.sync()
    await delete(lab, page_url(lab, first))
    await delete(lab, page_url(lab, second))
    site = await find_site(lab)
    before = await lab.ports.deletions.tombstones(TENANT, site)
    lab.world.edit(first, text="<p>again</p>")
    job = await lab.ports.jobs.find(await lab.submit())
    assert job
    credential = SiteCredential(lab.site.username, Secret(lab.site.token))
    plan = await plan_upload(lab.ports, TENANT, job.request, credential)
    assert (plan.documents.added, plan.documents.skipped) == (1, 1)
    assert await lab.ports.deletions.tombstones(TENANT, site) == before


async def test_a_whole_space_leaves_no_vector_no_row_and_no_rule(lab: Lab) -> None:
    ids = pages(lab.world, 3)
    lab.world.attach(ids[0], "notes.txt", b"needle", media_type="text/plain")
    await lab.sync()
    site = await find_site(lab)
    receipt = await delete(lab, f"{lab.site.web_url}/spaces/{KEY}")
    assert (receipt.documents, receipt.vectors) == (4, 4)
    assert (await lab.ports.store.count(Namespace(TENANT))).records == 0
    assert not await lab.ports.catalog.known(TENANT, site, [ContentId(key) for key in ids])
    assert not await lab.ports.catalog.list_spaces(TENANT, SpaceKey(KEY))
    assert not await lab.ports.catalog.scope_rules(TENANT)
    with pytest.raises(ContentNotFoundError):
        await delete(lab, f"{lab.site.web_url}/spaces/{KEY}")
    with pytest.raises(ContentNotFoundError):
        await delete(lab, lab.site.web_url)
    job = await lab.sync()
    assert job.progress.documents.skipped == 3
    with pytest.raises(ContentNotFoundError):
        await delete(lab, lab.site.web_url)
    await lab.sync(incremental=False)
    assert len(await lab.indexed()) == 4
    assert await lab.find("needle") != []


async def test_no_sync_that_has_planned_already_brings_the_deleted_back(lab: Lab) -> None:
    first, second = pages(lab.world, 2)
    lab.world.attach(first, "notes.txt", b"needle", media_type="text/plain")
    await lab.sync()
    for page in (first, second):
        lab.world.edit(page, text="<p>edited</p>")
    ref = await lab.submit(incremental=False)
    survey = await gather(lab.ports, ref)
    await delete(lab, page_url(lab, first))
    await bring_in(lab.ports, ref, survey)
    assert set(await lab.indexed()) == {second}
    assert await lab.find("needle") == ["Page 1"]
    job = await lab.ports.jobs.find(ref)
    assert job
    assert dict(job.progress.skipped) == {"deleted": 2}
    assert job.progress.documents.done == 2
    # What it read was newer than what was deleted: that is an edit, for the next sync to see.
    await lab.sync()
    assert first in await lab.indexed()


async def test_what_is_deleted_between_store_and_catalog_goes_out_of_the_store(
    lab: Lab, monkeypatch
) -> None:
    first, second = pages(lab.world, 2)
    await lab.sync()
    for page in (first, second):
        lab.world.edit(page, text="<p>edited</p>")
    ref = await lab.submit()
    survey = await gather(lab.ports, ref)
    store = type(lab.ports.store)
    real = store.apply

    async def apply_and_lose(self, namespace, batch):
        await real(self, namespace, batch)
        if batch.upserts:
            monkeypatch.setattr(store, "apply", real)
            await delete(lab, page_url(lab, first))
            await real(self, namespace, batch)  # a batch's last commit comes after the deletion's

    monkeypatch.setattr(store, "apply", apply_and_lose)
    await bring_in(lab.ports, ref, survey)
    assert set(await lab.indexed()) == {second}
    assert not await carry_out_deletions(later(lab))


async def test_nothing_more_comes_into_a_space_that_was_deleted_under_way(lab: Lab) -> None:
    first, _ = pages(lab.world, 2)
    await lab.sync()
    fresh = pages(lab.world, 3)[2]
    ref = await lab.submit()
    survey = await gather(lab.ports, ref)
    await delete(lab, f"{lab.site.web_url}/spaces/{KEY}")
    await bring_in(lab.ports, ref, survey)
    assert await lab.indexed() == {}
    assert fresh
    lab.world.edit(first, text="<p>edited</p>")
    await lab.sync()
    assert set(await lab.indexed()) == {first}


def later(lab: Lab):
    """Return the ports as they are once every claim has lapsed."""
    return replace(lab.ports, now=lambda: lab.ports.now() + 2 * CLAIM)


async def test_a_deletion_that_was_cut_off_is_out_of_sight_and_carried_out_later(
    lab: Lab, monkeypatch
) -> None:
    first, second = pages(lab.world, 2)
    await lab.sync()

    async def away(*_args):
        raise RetryableError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(type(lab.ports.store), "apply", away)
        with pytest.raises(RetryableError):
            await delete(lab, page_url(lab, first))
        assert first in await lab.indexed()
        assert await lab.find("word0x") == ["Page 1"]
    assert await carry_out_deletions(lab.ports) == 0, "its claim has not lapsed"
    job = await lab.sync(incremental=False)
    assert job.progress.skipped == {"deleted": 1}, "it cannot come in before it has gone out"
    assert await carry_out_deletions(later(lab)) == 1
    assert set(await lab.indexed()) == {second}
    await lab.sync(incremental=False)
    assert set(await lab.indexed()) == {first, second}


async def test_a_long_deletion_removes_nothing_that_came_in_again_after_its_claim(
    lab: Lab, monkeypatch
) -> None:
    ids = pages(lab.world, 2)
    await lab.sync()
    monkeypatch.setattr("headwater.services.removal.AT_ONCE", 1)
    apply, late = type(lab.ports.store).apply, timedelta()
    ports = replace(lab.ports, now=lambda: lab.ports.now() + late)

    async def be_overtaken(store, namespace, batch):
        nonlocal late
        monkeypatch.setattr(type(lab.ports.store), "apply", apply)
        await apply(store, namespace, batch)
        late = 2 * CLAIM
        await carry_out_deletions(later(lab))
        await lab.sync(incremental=False)
        assert set(await lab.indexed()) == set(ids)

    monkeypatch.setattr(type(lab.ports.store), "apply", be_overtaken)
    space = f"{lab.site.web_url}/spaces/{KEY}/overview"
    await delete_by_url(ports, TENANT, space, include_descendants=False)
    assert set(await lab.indexed()) == set(ids)


async def test_a_tenant_whose_store_refuses_keeps_no_other_from_being_served(lab: Lab) -> None:
    cleared: list[TenantId] = []
    settled: list[TenantId] = []
    claims = iter([{STRANGER: [DocumentId("theirs")], TENANT: [DocumentId("ours")]}, {}])

    class Store:
        async def apply(self, namespace, _batch):
            cleared.append(namespace.tenant)
            if namespace.tenant == STRANGER:
                raise ConfigError("a quota is used up")

    class Deletions:
        async def claim_unremoved(self, **_):
            return next(claims)

        async def settle_removed(self, tenant, _ids):
            settled.append(tenant)

    ports = replace(lab.ports, store=cast("Any", Store()), deletions=cast("Any", Deletions()))
    with pytest.raises(ConfigError, match="quota"):
        await carry_out_deletions(ports)
    assert (cleared, settled) == ([STRANGER, TENANT], [TENANT])


async def test_one_vector_stands_for_its_whole_document(lab: Lab) -> None:
    first, second, third = pages(lab.world, 3)
    lab.world.edit(
        first, text="".join(f"<h1>Part {n}</h1><p>{'word ' * 150}</p>" for n in range(4))
    )
    lab.world.attach(first, "notes.txt", b"needle", media_type="text/plain")
    await lab.sync()
    site, counts = await find_site(lab), await lab.indexed()
    assert counts[first] > 1
    name = f"confluence:{site}:{first}"
    receipt = await delete_listed(
        lab.ports,
        TENANT,
        vector_ids=[f"{name}#1", f"{name}#0", f"{name}#99", "nonsense", f"{name}#01"],
        source_urls=[page_url(lab, second), page_url(lab, "424242")],
    )
    files = [key for key in counts if key.startswith("att")]
    assert len(receipt.successful) == sum(counts[key] for key in (first, second, *files))
    assert {f"{name}#{n}" for n in range(counts[first])} <= set(receipt.successful)
    assert [item.id for item in receipt.failed] == [
        f"{name}#99",
        "nonsense",
        f"{name}#01",
        page_url(lab, "424242"),
    ]
    assert set(await lab.indexed()) == {third}
    job = await lab.sync()
    assert job.progress.skipped["deleted"] == 3
