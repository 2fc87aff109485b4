"""Attachments from Confluence to a search result, through the real readers."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from headwater.adapters.extraction.pool import ProcessExtractor
from headwater.domain.access import make_reader
from headwater.domain.content import StoredMatch
from headwater.domain.ids import ContentId, Namespace, make_document_id
from headwater.domain.jobs import JobStatus
from headwater.ports import StoreBatch
from headwater.services.search import SearchQuery, search
from tests.integration.sync.lab import TENANT, Lab, pages
from tests.unit.extraction.files import (
    WORD,
    draw_text,
    make_docx,
    make_drawio,
    make_mail,
    make_pdf,
    make_presentation,
    make_scanned_pdf,
    make_xlsx,
    save_image,
    write_lines,
)

HEADING = '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>{}</w:t></w:r></w:p>'
STYLES = f'<w:styles xmlns:w="{WORD}"><w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/></w:style></w:styles>'
PARAGRAPH = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"


class CountingExtractor:
    """The real extractor, and how often it was asked for each name."""

    def __init__(self, real: ProcessExtractor) -> None:
        self._real = real
        self.asked: Counter[str] = Counter()
        self.recipe, self.languages = real.recipe, real.languages

    async def extract(self, file, policy):
        self.asked[file.name] += 1
        return await self._real.extract(file, policy)


@pytest.fixture(scope="module")
def real_extractor():
    opened = ProcessExtractor()
    yield opened
    asyncio.run(opened.close())


@pytest.fixture
def extractor(lab: Lab, real_extractor):
    counting = CountingExtractor(real_extractor)
    lab.ports = replace(lab.ports, extractor=counting)
    return counting


async def find(lab: Lab, text: str) -> StoredMatch:
    """Return the best match in an attachment."""
    found = await search(lab.ports, TENANT, SearchQuery(text, 20), reader=make_reader())
    return next(match for match in found if match.metadata.attachment_id)


async def test_pages_slides_sheets_and_headings_are_heading_paths(lab: Lab, extractor) -> None:
    (page,) = pages(lab.world, 1)
    body = HEADING.format("Rollback plan") + PARAGRAPH.format("The docxword is here")
    deck = [("Latency", "fell", "notesword"), ("Spending", "slideword", "")]
    files = {
        "a.pdf": make_pdf(write_lines("first page"), write_lines("the pdfword stands here")),
        "b.pptx": make_presentation(deck),
        "c.xlsx": make_xlsx({"Stock": {"A1": "bolt"}, "Prices": {"A1": "sheetword"}}),
        "d.docx": make_docx(body=body, extra={"word/styles.xml": STYLES}),
        "e.drawio": make_drawio(["drawword"], packed=True, name="Network"),
        "f.eml": make_mail("hello", [("list.xlsx", "", make_xlsx({"Parts": {"A1": "mailword"}}))]),
    }
    for name, data in files.items():
        lab.world.attach(page, name, data)
    job = await lab.sync()
    assert job.status is JobStatus.SUCCEEDED
    expected = {
        "pdfword": ("Page 2",),
        "slideword": ("Slide 2: Spending",),
        "notesword": ("Slide 1: Latency",),
        "sheetword": ("Sheet Prices",),
        "docxword": ("Rollback plan",),
        "drawword": ("Page Network",),
        "mailword": ("Attachment list.xlsx, Sheet Parts",),
    }
    assert {word: (await find(lab, word)).heading_path for word in expected} == expected
    assert extractor.asked == dict.fromkeys(files, 1)


async def test_a_result_links_to_its_file_and_names_its_page(lab: Lab, extractor) -> None:
    (page,) = pages(lab.world, 1)
    file = lab.world.attach(page, "a.pdf", make_pdf(write_lines("the pdfword stands here")))
    await lab.sync()
    metadata = (await find(lab, "pdfword")).metadata
    assert (metadata.page_id, metadata.attachment_id) == (page, file.id)
    assert metadata.source_url.startswith(f"{lab.site.web_url}/")
    assert page in metadata.source_url
    assert file.id.removeprefix("att") in metadata.source_url
    assert extractor.asked["a.pdf"] == 1


async def test_a_new_version_with_equal_bytes_is_not_extracted(lab: Lab, extractor) -> None:
    (page,) = pages(lab.world, 1)
    data = make_pdf(write_lines("the pdfword stands here"))
    lab.world.attach(page, "a.pdf", data)
    await lab.sync()
    lab.world.attach(page, "a.pdf", data)
    job = await lab.sync()
    assert extractor.asked["a.pdf"] == 1
    assert job.progress.attachments.metadata_only == 1
    assert job.progress.chunks.embedded == 0
    assert (await find(lab, "pdfword")).metadata.version == 2
    full = await lab.sync(incremental=False)
    assert extractor.asked["a.pdf"] == 1
    assert full.progress.attachments.unchanged == 1
    assert (await lab.sync()).progress.attachments.unchanged == 1
    lab.world.attach(page, "a.pdf", make_pdf(write_lines("the newword stands here")))
    assert (await lab.sync()).progress.attachments.updated == 1
    assert extractor.asked["a.pdf"] == 2


async def test_equal_bytes_that_left_nothing_are_not_extracted_either(lab: Lab, extractor) -> None:
    (page,) = pages(lab.world, 1)
    for data in (make_scanned_pdf(draw_text("scan")), b"\0\0\0\x18ftypmp42" + bytes(50)):
        name = f"file{len(data)}"
        lab.world.attach(page, name, data)
        await lab.sync()
        lab.world.attach(page, name, data)
        await lab.sync()
        assert (await lab.sync()).progress.attachments.skipped >= 1
        assert extractor.asked[name] == 1


async def test_equal_bytes_whose_chunks_are_gone_from_the_store_are_read(
    lab: Lab, extractor
) -> None:
    (page,) = pages(lab.world, 1)
    file = lab.world.attach(page, "a.txt", b"the textword stands here", media_type="text/plain")
    await lab.sync()
    (document,) = [name for name in await lab.indexed() if name == file.id]
    site = (await find(lab, "textword")).metadata.site
    gone = StoreBatch(deletions=(make_document_id(site, ContentId(document)),))
    await lab.ports.store.apply(Namespace(TENANT), gone)
    await lab.sync(incremental=False)
    assert (await find(lab, "textword")).metadata.attachment_id == file.id
    assert extractor.asked["a.txt"] == 2


async def test_scans_wait_for_ocr_and_show_how_sure_it_was(lab: Lab, extractor) -> None:
    (page,) = pages(lab.world, 1)
    image = draw_text("The wombatword took", "four whole minutes", size=(900, 900))
    mixed = make_scanned_pdf(image, more=[write_lines("the typedword has a text layer")])
    lab.world.attach(page, "scan.pdf", mixed)
    lab.world.attach(page, "photo.png", save_image(draw_text("quokkaword")), media_type="image/png")
    job = await lab.sync()
    assert (job.progress.attachments.added, job.progress.attachments.skipped) == (1, 1)
    assert (job.progress.skipped, job.progress.losses) == ({"ocr_off": 1}, {"page-without-ocr": 1})
    assert (await find(lab, "typedword")).ocr_confidence is None
    job = await lab.sync(use_ocr=True)
    assert (job.progress.attachments.added, job.progress.attachments.updated) == (1, 1)
    assert (job.progress.ocr_pages, job.progress.losses) == (2, {})
    for word, path in (("wombatword", ("Page 1",)), ("quokkaword", ())):
        match = await find(lab, word)
        assert match.heading_path == path
        assert 0.8 < (match.ocr_confidence or 0) <= 1
        assert str(match.ocr_confidence) not in match.text
    assert (await find(lab, "typedword")).ocr_confidence is None
    for use_ocr in (True, False):
        job = await lab.sync(use_ocr=use_ocr)
        assert job.progress.attachments.unchanged == 2
    assert extractor.asked == {"scan.pdf": 2, "photo.png": 1}
