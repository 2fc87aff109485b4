"""Text from pixels through the real OCR worker."""

import pytest
from PIL import Image

from headwater.domain.errors import DocumentError, FailureType
from headwater.ports import AttachmentFile, ExtractionPolicy
from tests.unit.extraction.conftest import open_extractor
from tests.unit.extraction.files import (
    draw_text,
    make_mail,
    make_scanned_pdf,
    save_image,
    write_lines,
)

LINES = ("The failover took four minutes", "before the replica took over")


async def test_an_image_is_read_with_its_confidence_beside_the_text(extract):
    found = await extract(save_image(draw_text(*LINES)), "a.png", use_ocr=True)
    assert found.markdown.split("\n") == list(LINES)
    assert (found.ocr_pages, found.ocr_wanted) == (1, 0)
    assert 0.9 < found.ocr_confidence <= 1
    assert str(found.ocr_confidence) not in found.markdown


async def test_a_page_on_its_side_is_read(extract):
    turned = draw_text(*LINES).transpose(Image.Transpose.ROTATE_90)
    found = await extract(save_image(turned), "a.png", use_ocr=True)
    assert "failover took four minutes" in found.markdown


async def test_light_text_on_transparent_ground_is_read(extract):
    image = draw_text(*LINES)
    image.putalpha(image.convert("L").point(lambda shade: 255 - shade))
    found = await extract(save_image(image), "a.png", use_ocr=True)
    assert "failover" in found.markdown


async def test_only_the_scanned_pages_of_a_pdf_go_through_ocr(extract):
    data = make_scanned_pdf(
        draw_text(*LINES, size=(900, 900)), more=[write_lines("typed words here")]
    )
    found = await extract(data, "a.pdf", use_ocr=True)
    first, second = found.markdown.split("## Page 2\n\n")
    assert "failover took four minutes" in first
    assert second == "typed words here"
    assert found.ocr_pages == 1


async def test_a_large_picture_in_a_page_of_text_is_read_after_it(extract):
    content = "q 340 0 0 190 30 20 cm /I Do Q " + write_lines(
        *[f"A line of ordinary text number {number}" for number in range(6)]
    )
    data = make_scanned_pdf(draw_text(*LINES), content=content)
    found = await extract(data, "a.pdf", use_ocr=True)
    assert found.markdown.index("ordinary text number 5") < found.markdown.index("failover took")
    assert found.ocr_pages == 1


async def test_a_turned_page_of_a_pdf_is_read_with_its_picture(extract):
    turned = draw_text(*LINES, size=(900, 900)).rotate(90)
    for more in ([], [write_lines("typed words here")]):
        content = " ".join(["q 380 0 0 380 10 10 cm /I Do Q", *more])
        data = make_scanned_pdf(turned, content=content).replace(
            b"/MediaBox", b"/Rotate 90/MediaBox"
        )
        found = await extract(data, "a.pdf", use_ocr=True)
        assert "failover took four minutes" in found.markdown
        assert found.ocr_pages == 1


async def test_a_scan_in_a_mail_is_read_under_its_name(extract):
    mail = make_mail("see the scan", [("scan.png", "image/png", save_image(draw_text(*LINES)))])
    found = await extract(mail, "a.eml", use_ocr=True)
    assert "## Attachment scan.png\n\nThe failover took four minutes" in found.markdown


async def test_a_picture_without_words_is_no_failure(extract):
    found = await extract(save_image(Image.new("RGB", (300, 200), "navy")), "a.png", use_ocr=True)
    assert (found.markdown, found.ocr_pages, found.ocr_confidence) == ("", 1, None)


async def test_languages_that_cannot_be_read_are_named_and_not_guessed(extract):
    image = save_image(draw_text(*LINES))
    found = await extract(image, "a.png", use_ocr=True, languages=("ru", "ko"))
    assert (found.markdown, found.ocr_pages, found.ocr_wanted) == ("", 0, 1)
    assert found.losses == {"ocr language ru": 1, "ocr language ko": 1}
    mixed = await extract(image, "a.png", use_ocr=True, languages=("ru", "en"))
    assert mixed.ocr_pages == 1
    assert mixed.losses == {"ocr language ru": 1}


async def test_an_ocr_worker_that_is_killed_is_one_failure():
    async with open_extractor(seconds=0.0, seconds_per_scan=0.001, ocr_memory=2 << 30) as extractor:
        extractor._limits = type(extractor._limits)(seconds_per_scan=0.001, seconds=0.0)
        data = save_image(draw_text(*LINES))
        with pytest.raises(DocumentError) as caught:
            await extractor.extract(
                AttachmentFile("a.png", "", data), ExtractionPolicy(use_ocr=True)
            )
        assert caught.value.error_type is FailureType.TIMEOUT


async def test_scans_beyond_the_limit_are_counted():
    async with open_extractor(scans=1, scans_per_batch=1) as extractor:
        scanned = make_scanned_pdf(draw_text("one page"), more=["q 400 0 0 400 0 0 cm /I Do Q"])
        file = AttachmentFile("a.pdf", "", scanned)
        found = await extractor.extract(file, ExtractionPolicy(use_ocr=True))
        assert (found.ocr_pages, found.ocr_wanted) == (1, 0)
        assert found.losses == {"scan beyond limit": 1}
