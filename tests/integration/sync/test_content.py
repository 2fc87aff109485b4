"""Comments are part of their page, attachments are documents of their own."""

from starlette.responses import JSONResponse

from headwater.domain.access import make_reader
from headwater.domain.content import DocumentKind
from headwater.domain.jobs import ContentRestriction, JobStatus
from headwater.services.search import SearchQuery, search
from tests.integration.sync.lab import KEY, TENANT, Lab, pages, paragraphs

DOWNLOAD = "/wiki/rest/api/content/{id}/child/attachment/{attachment_id}/download"


async def test_open_comments_and_replies_are_found_and_resolved_ones_are_not(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    first = lab.world.comment(page, paragraphs("footerword here"))
    lab.world.comment(page, paragraphs("replyword here"), reply_to=first.id)
    lab.world.comment(page, paragraphs("inlineword here"), inline=True)
    lab.world.comment(page, paragraphs("resolvedword here"), inline=True, resolved=True)
    await lab.sync()
    for word in ("footerword", "replyword", "inlineword"):
        assert await lab.find(word) == ["Page 0"], word
    assert "resolvedword" not in await texts(lab, "resolvedword")


async def test_a_changed_comment_updates_its_page_and_embeds_only_its_chunk(lab: Lab) -> None:
    body = "".join(f"<h2>Part {part}</h2>" + paragraphs(f"part{part} " * 60) for part in range(5))
    page = lab.world.create_page(KEY, "Long", body).id
    remark = lab.world.comment(page, paragraphs("first words " * 30))
    await lab.sync()
    lab.world.edit_comment(remark.id, paragraphs("other words " * 30))
    job = await lab.sync()
    assert (job.progress.documents.updated, job.progress.documents.unchanged) == (1, 0)
    assert job.progress.chunks.embedded == 1
    lab.world.delete_comment(remark.id)
    job = await lab.sync()
    assert job.progress.documents.updated == 1
    assert job.progress.chunks.embedded == 0
    assert (await lab.sync()).progress.documents.unchanged == 1


async def test_comments_that_cannot_be_listed_change_no_page_and_are_said(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    lab.world.comment(page, paragraphs("footerword here"))
    await lab.sync()
    lab.site.faults.append(
        lambda request, _route, answer: (
            JSONResponse({}, status_code=500) if "comment" in str(request.url) else answer
        )
    )
    job = await lab.sync()
    assert job.status is JobStatus.PARTIAL
    assert job.progress.documents.unchanged == 1
    assert "comments could not be listed" in (job.message or "")
    assert await lab.find("footerword") == ["Page 0"]


async def test_an_attachment_is_found_and_leads_to_its_page(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    file = lab.world.attach(page, "notes.txt", b"attachedword stands here", media_type="text/plain")
    job = await lab.sync()
    counts = job.progress.attachments
    assert (counts.listed, counts.done, counts.added) == (1, 1, 1)
    (match,) = [it for it in await matches(lab, "attachedword") if it.metadata.title == "notes.txt"]
    assert match.metadata.kind is DocumentKind.ATTACHMENT
    assert (match.metadata.page_id, match.metadata.attachment_id) == (page, file.id)


async def test_a_replaced_attachment_is_updated_and_leaves_its_page_unchanged(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    lab.world.attach(page, "notes.txt", b"oldword", media_type="text/plain")
    await lab.sync()
    lab.world.attach(page, "notes.txt", b"newword", media_type="text/plain")
    job = await lab.sync()
    assert job.progress.attachments.updated == 1
    assert job.progress.documents.unchanged == 1
    assert "notes.txt" in await lab.find("newword")
    job = await lab.sync()
    assert job.progress.attachments.unchanged == 1


async def test_a_removed_attachment_goes_and_so_do_those_of_a_removed_page(lab: Lab) -> None:
    kept, gone = pages(lab.world, 2)
    alone = lab.world.attach(kept, "a.txt", b"aword", media_type="text/plain")
    lab.world.attach(gone, "b.txt", b"bword", media_type="text/plain")
    await lab.sync()
    lab.world.detach(alone.id)
    lab.world.trash(gone)
    job = await lab.sync()
    assert job.progress.attachments.deleted == 2
    assert job.progress.documents.deleted == 1
    assert set(await lab.indexed()) == {kept}


async def test_an_image_in_the_place_of_a_text_is_read_once_ocr_is_on(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    lab.world.attach(page, "plan", b"planword", media_type="text/plain")
    await lab.sync()
    lab.world.attach(page, "plan", b"\x89PNG", media_type="image/png")
    assert (await lab.sync()).progress.skipped == {"ocr_off": 1}
    before = lab.site.requests.count("GET", DOWNLOAD)
    await lab.sync(use_ocr=True)
    assert lab.site.requests.count("GET", DOWNLOAD) > before


async def test_images_wait_for_ocr_and_unknown_formats_are_skipped(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    lab.world.attach(page, "scan.png", b"\x89PNG\r\n\x1a\n" + b"0" * 40, media_type="image/png")
    lab.world.attach(page, "tool.exe", b"MZ\x90\x00\xff\xfe", media_type="application/octet-stream")
    job = await lab.sync()
    assert job.progress.attachments.skipped == 2
    assert job.progress.skipped == {"ocr_off": 1, "unsupported_format": 1}
    assert job.status is JobStatus.SUCCEEDED
    before = lab.site.requests.count("GET", None)
    job = await lab.sync()
    assert job.progress.attachments.skipped == 2
    assert lab.site.requests.count("GET", None) - before < 30, "skipped files are not fetched again"


async def test_attachments_are_read_by_those_who_may_read_their_page(lab: Lab) -> None:
    lab.world.people.add_group("staff")
    lab.world.people.add_group("board")
    lab.world.permit(KEY, groups=["staff"])
    (page,) = pages(lab.world, 1)
    lab.world.restrict(page, groups=["board"])
    lab.world.attach(page, "notes.txt", b"attachedword", media_type="text/plain")
    await lab.sync(restriction=ContentRestriction(source_restriction=True))
    assert await lab.find("attachedword", groups=["staff"]) == []
    assert "notes.txt" in await lab.find("attachedword", groups=["staff", "board"])


async def test_an_attachment_that_cannot_be_fetched_fails_alone_and_is_retried(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    lab.world.attach(page, "notes.txt", b"attachedword", media_type="text/plain")
    lab.site.faults.append(
        lambda _request, route, answer: (
            JSONResponse({}, status_code=404) if route.endswith("/download") else answer
        )
    )
    job = await lab.sync()
    assert job.status is JobStatus.PARTIAL
    assert (job.progress.attachments.failed, job.progress.documents.added) == (1, 1)
    lab.site.faults.clear()
    job = await lab.sync()
    assert job.progress.attachments.added == 1


async def matches(lab: Lab, text: str):
    return await search(lab.ports, TENANT, SearchQuery(text, 20), reader=make_reader())


async def texts(lab: Lab, text: str) -> str:
    return " ".join(match.text for match in await matches(lab, text))
