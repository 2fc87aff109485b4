"""What settings and the blacklist leave out, and that it comes in again once they no longer do."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.responses import JSONResponse

from headwater.domain.content import DocumentKind
from headwater.domain.errors import DocumentError, FailureType
from headwater.domain.ids import ContentId
from headwater.domain.jobs import ContentRestriction, Job, JobStatus, ProcessorMode
from headwater.domain.settings import BlacklistKind, SyncConfigurationId, SyncSettings
from headwater.sandbox.faces import DataCenter
from headwater.sandbox.faults import fail, only
from headwater.services.job_followups import retry_failed
from headwater.services.settings import add_entry, put_configuration, remove_entry
from headwater.services.whereabouts import explain_presence
from tests.integration.sync.lab import KEY, TENANT, Lab, open_light_lab, pages, paragraphs
from tests.integration.sync.oracle import check_counts

MINDING = ContentRestriction(blacklisted=True)
PAGE, POST, FILE = DocumentKind.PAGE, DocumentKind.BLOGPOST, DocumentKind.ATTACHMENT


@pytest.fixture
async def lab(tmp_path):
    async with open_light_lab(tmp_path) as opened:
        yield opened


def family(lab: Lab) -> dict[str, str]:
    """Add a tree with a folder in it, a post, and an attachment and a comment on a leaf."""
    world = lab.world
    top = world.create_page(KEY, "Top", paragraphs("everyword topword")).id
    folder = world.create_folder(KEY, "Folder", parent=top).id
    leaf = world.create_page(KEY, "Leaf", paragraphs("everyword leafword"), parent=folder).id
    other = world.create_page(KEY, "Other", paragraphs("everyword otherword")).id
    post = world.create_blogpost(KEY, "Post", paragraphs("everyword postword")).id
    file = world.attach(leaf, "notes.txt", b"everyword fileword", media_type="text/plain").id
    world.comment(leaf, paragraphs("remarkword"))
    return {
        "Top": top,
        "Folder": folder,
        "Leaf": leaf,
        "Other": other,
        "Post": post,
        "notes.txt": file,
    }


async def block(lab: Lab, kind: str, value: str):
    return await add_entry(lab.ports, TENANT, BlacklistKind(kind), value)


async def titles(lab: Lab) -> set[str]:
    return set(await lab.find("everyword"))


def skipped(job: Job) -> dict[str, int]:
    check_counts(job)
    assert job.status is JobStatus.SUCCEEDED, job.message
    return dict(job.progress.skipped)


ALL = {"Top", "Leaf", "Other", "Post", "notes.txt"}


ENTRIES = [
    ("page", "Leaf", {"Leaf", "notes.txt"}),
    ("tree", "Top", {"Top", "Leaf", "notes.txt"}),
    ("tree", "Folder", {"Leaf", "notes.txt"}),
    ("label", "secret", {"Other"}),
    ("url_prefix", "/spaces/LAB/blog", {"Post"}),
]


async def test_an_entry_takes_out_what_was_in_and_its_removal_lets_it_in_again(lab: Lab) -> None:
    ids = family(lab)
    lab.world.label(ids["Other"], "Secret")
    assert skipped(await lab.sync(restriction=MINDING)) == {}
    for kind, value, out in ENTRIES:
        text = ids.get(value, value)
        entry = await block(lab, kind, lab.site.web_url + text if kind == "url_prefix" else text)
        job = await lab.sync(restriction=MINDING)
        assert skipped(job) == {"blacklisted": len(out)}, kind
        assert await titles(lab) == ALL - out, kind
        await remove_entry(lab.ports, TENANT, entry.id)
    assert skipped(await lab.sync(restriction=MINDING)) == {}
    assert await titles(lab) == ALL


async def test_what_an_entry_takes_out_is_counted_and_planned(lab: Lab) -> None:
    ids = family(lab)
    await lab.sync(restriction=MINDING)
    before = await lab.indexed()
    await block(lab, "page", ids["Leaf"])

    plan = await lab.plan(restriction=MINDING)
    job = await lab.sync(restriction=MINDING)
    again = await lab.sync(restriction=MINDING)

    assert (plan.documents.skipped, plan.attachments.skipped) == (1, 1)
    assert (job.progress.documents.skipped, job.progress.attachments.skipped) == (1, 1)
    assert (job.progress.documents.deleted, job.progress.documents.held) == (0, 0)
    assert job.progress.chunks.deleted == before[ids["Leaf"]] + before[ids["notes.txt"]]
    assert skipped(again) == {"blacklisted": 2}
    assert again.progress.chunks.deleted == 0


async def test_an_upload_that_does_not_mind_the_blacklist_brings_everything_in(lab: Lab) -> None:
    ids = family(lab)
    await block(lab, "tree", ids["Top"])
    await lab.sync(restriction=MINDING)
    assert await titles(lab) == {"Other", "Post"}

    assert skipped(await lab.sync()) == {}
    assert await titles(lab) == ALL


async def test_a_page_that_moves_into_a_blacklisted_tree_goes(lab: Lab) -> None:
    ids = family(lab)
    await block(lab, "tree", ids["Top"])
    await lab.sync(restriction=MINDING)
    lab.world.move(ids["Other"], parent=ids["Folder"])

    assert skipped(await lab.sync(restriction=MINDING)) == {"blacklisted": 4}
    assert await titles(lab) == {"Post"}


async def test_comments_of_a_blacklisted_page_are_not_found(lab: Lab) -> None:
    ids = family(lab)
    await block(lab, "page", ids["Leaf"])
    await lab.sync(restriction=MINDING)
    assert "Leaf" not in await lab.find("remarkword")


async def test_rules_act_although_the_listing_is_incomplete(lab: Lab) -> None:
    ids = family(lab)
    await lab.sync(restriction=MINDING)
    await block(lab, "page", ids["Leaf"])
    await block(lab, "page", ids["Post"])
    lab.site.faults.append(only(fail(), "/wiki/api/v2/spaces/{id}/blogposts"))

    job = await lab.sync(restriction=MINDING)

    assert job.status is JobStatus.PARTIAL
    assert "incomplete" in (job.message or "")
    assert dict(job.progress.skipped) == {"blacklisted": 2}
    assert job.progress.documents.deleted == 1  # not listed, but named by the blacklist
    assert await titles(lab) == {"Top", "Other"}


async def test_an_attachment_that_the_index_does_not_list_goes_with_its_page(lab: Lab) -> None:
    ids = family(lab)
    await lab.sync(restriction=MINDING)
    lab.world.label(ids["Leaf"], "secret")
    await block(lab, "label", "secret")
    lab.site.faults.append(
        lambda request, _route, answer: (
            fail()(request, _route, answer) if "attachment" in str(request.url) else answer
        )
    )

    job = await lab.sync(restriction=MINDING)

    assert job.progress.attachments.deleted == 1
    assert await titles(lab) == {"Top", "Other", "Post"}


async def test_what_rules_leave_out_is_never_held(lab: Lab) -> None:
    top = lab.world.create_page(KEY, "Top", paragraphs("topword")).id
    pages(lab.world, 30, parent=top)
    await lab.sync(restriction=MINDING)
    await block(lab, "tree", top)

    job = await lab.sync(restriction=MINDING)

    assert job.progress.documents.held == 0
    assert skipped(job) == {"blacklisted": 31}
    assert await lab.indexed() == {}


async def test_why_names_the_blacklist_and_the_setting(lab: Lab) -> None:
    ids = family(lab)
    await block(lab, "page", ids["Other"])
    await lab.sync(restriction=MINDING, settings=SyncSettings(content_types=frozenset({PAGE})))

    async def why(name: str):
        link = f"{lab.site.web_url}/spaces/LAB/pages/{ids[name]}"
        return await explain_presence(lab.ports.catalog, TENANT, link)

    assert "blacklist" in (await why("Other")).message
    assert "content_types" in (await why("Post")).message
    assert (await why("Top")).presence.value == "here"


SETTINGS: list[tuple[dict[str, Any], set[str], str]] = [
    ({"content_types": frozenset({PAGE, FILE})}, {"Post"}, "content_types"),
    ({"content_types": frozenset({PAGE})}, {"Post", "notes.txt"}, "content_types"),
    ({"content_types": frozenset({FILE})}, ALL - {"notes.txt"}, "content_types"),
    ({"include_labels": frozenset({"good"})}, ALL - {"Top"}, "include_labels"),
    ({"exclude_labels": frozenset({"good"})}, {"Top"}, "exclude_labels"),
    ({"root_pages": "Top"}, {"Other", "Post"}, "root_pages"),
    ({"attachment_types": frozenset({"pdf"})}, {"notes.txt"}, "attachment_types"),
    ({"max_attachment_bytes": 5}, {"notes.txt"}, "max_attachment_bytes"),
]


async def test_a_setting_takes_out_what_was_in_and_lets_it_in_again(lab: Lab) -> None:
    ids = family(lab)
    lab.world.label(ids["Top"], "good")
    await lab.sync()
    for given, out, reason in SETTINGS:
        chosen = dict(given)
        if "root_pages" in chosen:
            chosen = {"root_pages": frozenset({ContentId(ids["Top"])})}
        job = await lab.sync(settings=SyncSettings(**chosen))
        assert skipped(job) == {reason: len(out)}, given
        assert await titles(lab) == ALL - out, given
    assert skipped(await lab.sync()) == {}
    assert await titles(lab) == ALL


async def test_a_manual_upload_follows_its_configuration_also_when_it_is_retried(
    lab: Lab, monkeypatch
) -> None:
    ids = family(lab)
    name = SyncConfigurationId("posts")
    await put_configuration(lab.ports, TENANT, name, SyncSettings(content_types=frozenset({POST})))
    manual = {"processor_mode": ProcessorMode.MANUAL, "sync_configuration_id": name}

    async def away(*_args):
        raise DocumentError(FailureType.STORE_ERROR, "the disk is full; free some")

    with monkeypatch.context() as patch:
        patch.setattr(type(lab.ports.store), "apply", away)
        failed = await lab.sync(**manual)
    assert failed.progress.documents.failed == 1
    await put_configuration(lab.ports, TENANT, name, SyncSettings())

    await retry_failed(lab.ports, failed.ref, None)
    retried = await lab.run(lab.queue.waiting.pop())

    assert retried.request.settings == failed.request.settings
    assert set(await lab.indexed()) == {ids["Post"]}


async def test_another_chunk_size_cuts_again_and_embeds_only_new_text(lab: Lab) -> None:
    long = "".join(f"<h2>Part {part}</h2>" + paragraphs(f"part{part} " * 90) for part in range(3))
    lab.world.create_page(KEY, "Long", long)
    lab.world.create_page(KEY, "Short", paragraphs("few words"))
    first = await lab.sync()
    small = SyncSettings(chunk_tokens=64, chunk_overlap=8)

    job = await lab.sync(settings=small)

    assert (job.progress.documents.updated, job.progress.documents.unchanged) == (1, 1)
    assert job.progress.chunks.embedded > first.progress.chunks.embedded
    assert job.progress.chunks.reused == 1
    assert (await lab.sync(settings=small)).progress.documents.unchanged == 2
    again = await lab.sync()
    assert again.progress.documents.updated == 1
    assert len(await lab.indexed()) == 2


async def test_archived_pages_come_in_only_where_the_settings_say_so(lab: Lab) -> None:
    ids = family(lab)
    lab.world.label(ids["Leaf"], "good")
    await lab.sync()
    lab.world.archive(ids["Leaf"])

    gone = await lab.sync()
    assert (gone.progress.documents.deleted, gone.progress.attachments.deleted) == (1, 1)
    assert await titles(lab) == ALL - {"Leaf", "notes.txt"}

    archived = SyncSettings(include_archived=True, include_labels=frozenset({"good"}))
    await lab.sync(settings=archived)
    assert await titles(lab) == {"Leaf", "notes.txt"}
    assert (await lab.find("remarkword"))[0] == "Leaf"
    again = await lab.sync(settings=replace(archived, include_labels=frozenset()))
    assert again.progress.documents.unchanged == 1
    assert await titles(lab) == ALL

    assert (await lab.sync()).progress.documents.deleted == 1
    assert await titles(lab) == ALL - {"Leaf", "notes.txt"}


async def test_archived_pages_are_found_without_the_search_too(lab: Lab) -> None:
    ids = family(lab)
    lab.world.archive(ids["Leaf"])
    lab.site.faults.append(only(fail(400), "/wiki/rest/api/content/search"))
    await lab.sync(settings=SyncSettings(include_archived=True))
    assert await titles(lab) == ALL
    assert (await lab.find("remarkword"))[0] == "Leaf"
    assert (await lab.sync()).progress.documents.deleted == 1
    assert await titles(lab) == ALL - {"Leaf", "notes.txt"}


async def test_an_attachment_is_left_out_by_its_true_size(lab: Lab) -> None:
    family(lab)

    def belittle(request, _route, answer):
        if "attachment" not in str(request.url):
            return answer
        body = json.loads(bytes(answer.body))
        for item in body["results"]:
            item["extensions"]["fileSize"] = 1
        return JSONResponse(body)

    lab.site.faults.append(only(belittle, "/wiki/rest/api/content/search"))
    job = await lab.sync(settings=SyncSettings(max_attachment_bytes=5))
    assert skipped(job) == {"max_attachment_bytes": 1}
    assert (await lab.sync()).progress.attachments.added == 1


async def test_rules_hold_for_data_center_too(tmp_path) -> None:
    async with open_light_lab(tmp_path, face=DataCenter()) as lab:
        world = lab.world
        top = world.create_page(KEY, "Top", paragraphs("everyword")).id
        leaf = world.create_page(KEY, "Leaf", paragraphs("everyword"), parent=top).id
        world.attach(leaf, "notes.txt", b"everyword", media_type="text/plain")
        world.create_page(KEY, "Other", paragraphs("everyword"))
        world.create_page(KEY, "Third", paragraphs("everyword"))
        entry = await block(lab, "tree", top)
        await block(lab, "url_prefix", f"{lab.site.web_url}/display/LAB/Third")
        assert skipped(await lab.sync(restriction=MINDING)) == {"blacklisted": 4}
        assert await titles(lab) == {"Other"}
        await remove_entry(lab.ports, TENANT, entry.id)
        assert skipped(await lab.sync(restriction=MINDING)) == {"blacklisted": 1}
        assert await titles(lab) == {"Top", "Leaf", "notes.txt", "Other"}


async def test_a_live_doc_is_a_page(lab: Lab) -> None:
    live = lab.world.create_page(KEY, "Live", paragraphs("everyword")).id
    lab.world.make_live(live)
    await lab.sync()
    assert await titles(lab) == {"Live"}
    lab.world.edit(live, paragraphs("everyword freshword"))
    assert (await lab.sync()).progress.documents.updated == 1
    assert await lab.find("freshword") == ["Live"]


async def test_concurrency_caps_the_calls_side_by_side(lab: Lab) -> None:
    for number in range(12):
        page = lab.world.create_page(KEY, f"Page {number}", paragraphs("everyword"))
        lab.world.attach(page.id, "a.txt", b"everyword", media_type="text/plain")
    now, most = 0, 0

    async def watch(_request, _route, answer):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1
        return answer

    # Labels are asked for page by page where the search is closed: the widest that a sync gets.
    lab.site.faults.append(only(fail(400), "/wiki/rest/api/content/search"))
    lab.site.faults.append(watch)
    await lab.sync(settings=SyncSettings(concurrency=1), incremental=False)
    assert most == 1
    most = 0
    await lab.sync(incremental=False)
    assert most > 1
