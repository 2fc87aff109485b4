"""Pictures inside Office documents and books: counted without OCR, read with it, bounded either way."""

import io

import pytest
from PIL import Image
from pptx import Presentation
from pptx.util import Inches

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.readers.pictures import find_pictures
from headwater.ports import AttachmentFile, ExtractionPolicy
from tests.unit.extraction.conftest import open_extractor
from tests.unit.extraction.files import (
    OFFICE,
    draw_text,
    make_docx,
    make_png_bomb,
    make_xlsx,
    make_zip,
    save_image,
)

ODF = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
CONTAINER = '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
BOOK = '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book</dc:title><dc:identifier id="i">1</dc:identifier></metadata><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>'


def picture(*lines):
    return save_image(draw_text(*lines, size=(700, 200)))


def make_odt(text, extra):
    content = f'<office:document-content {ODF} office:version="1.2"><office:body><office:text><text:p>{text}</text:p></office:text></office:body></office:document-content>'
    kind = "application/vnd.oasis.opendocument.text"
    return make_zip({"mimetype": kind, "content.xml": content, **extra})


def make_epub(text, extra):
    page = f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{text}</p></body></html>'
    members = {"META-INF/container.xml": CONTAINER, "OPS/book.opf": BOOK, "OPS/a.xhtml": page}
    return make_zip({"mimetype": "application/epub+zip", **members, **extra})


DOCUMENTS = {
    "a.docx": lambda data: make_docx("typed words", extra={"word/media/image1.png": data}),
    "a.xlsx": lambda data: make_xlsx({"S": {"A1": "typed words"}}, {"xl/media/image1.png": data}),
    "a.odt": lambda data: make_odt("typed words", {"Pictures/1000.png": data}),
    "a.epub": lambda data: make_epub("typed words", {"OPS/images/fig.png": data}),
}


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_pictures_without_ocr_are_counted(extract, name):
    found = await extract(DOCUMENTS[name](picture("hidden words")), name)
    assert "typed words" in found.markdown
    assert "Pictures" not in found.markdown
    assert (found.ocr_wanted, found.ocr_pages, found.losses) == (1, 0, {})


async def test_pictures_with_ocr_stand_behind_the_document(extract):
    for name, make in DOCUMENTS.items():
        data = make(picture("The failover took", "four minutes"))
        found = await extract(data, name, use_ocr=True)
        text = "## Pictures\n\nThe failover took\nfour minutes"
        assert found.markdown.endswith(text), name
        assert found.markdown.index("typed words") < found.markdown.index(text)
        assert found.ocr_pages == 1
        assert set(found.page_confidences) == {"Pictures"}


def make_deck(shown):
    """Return a deck of slides with one picture each."""
    deck = Presentation()
    for number, data in enumerate(shown, 1):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = f"Title {number} of a slide that says more than its picture does"
        slide.shapes.add_picture(io.BytesIO(data), Inches(1), Inches(2))
    stream = io.BytesIO()
    deck.save(stream)
    return stream.getvalue()


async def test_a_picture_on_a_slide_is_read_below_the_slide_once(extract):
    first, second = picture("wombat"), picture("quokka")
    found = await extract(make_deck([first, second, first]), "a.pptx", use_ocr=True)
    slides = found.markdown.split("## Slide ")
    assert ["wombat" in slide for slide in slides] == [False, True, False, False]
    assert ["quokka" in slide for slide in slides] == [False, False, True, False]
    assert all("says more than its picture" in slide for slide in slides[1:])
    assert found.ocr_pages == 2


def test_icons_previews_and_drawings_are_not_read():
    small, lines = save_image(Image.new("RGB", (40, 40))), save_image(Image.new("RGB", (900, 4)))
    data = make_zip(
        {
            "word/media/icon.png": small,
            "word/media/line.png": lines,
            "docProps/thumbnail.png": picture("preview"),
            "Thumbnails/thumbnail.png": picture("preview"),
            "word/media/drawing.emf": b"\1\0\0\0",
            "word/media/broken.png": b"\x89PNG\r\n\x1a\nno",
            "word/media/real.png": picture("words"),
        }
    )
    found = find_pictures(data, Limits())
    assert set(found.found) == {"word/media/real.png"}
    assert found.losses == {"picture not read": 2}


@pytest.mark.parametrize(
    ("limits", "expected"), [(Limits(pictures=2), 2), (Limits(picture_bytes=9_000), 1)]
)
def test_pictures_beyond_number_and_size_are_lost_and_not_unpacked(limits, expected):
    noise = save_image(Image.effect_noise((80, 80), 90))
    assert 4_500 < len(noise) < 9_000
    data = make_zip({f"word/media/{number}.png": noise for number in range(5)})
    found = find_pictures(data, limits)
    assert len(found.found) == expected
    assert found.losses == {"scan beyond limit": 5 - expected}


async def test_a_picture_with_too_many_pixels_is_never_decoded(extract):
    bomb = make_png_bomb(20_000, 3_000)
    data = make_docx("typed words", extra={"word/media/a.png": bomb})
    found = await extract(data, "a.docx", use_ocr=True)
    assert (found.markdown, found.ocr_pages) == ("typed words", 0)
    assert found.losses == {"picture not read": 1}


async def test_a_picture_that_breaks_off_is_a_loss_and_the_others_are_read(extract):
    whole = picture("The failover took")
    cut = picture("never seen")[: len(whole) // 2]
    extra = {"word/media/a.png": cut, "word/media/b.png": whole}
    found = await extract(make_docx("typed words", extra=extra), "a.docx", use_ocr=True)
    assert found.markdown == "typed words\n\n## Pictures\n\nThe failover took"
    assert found.losses == {"damaged scan": 1}


async def test_images_of_one_file_are_bounded_in_all():
    shown = [picture(f"words {number}") for number in range(3)]
    async with open_extractor(image_bytes=len(shown[0]) + len(shown[1])) as extractor:
        extra = {f"word/media/{number}.png": data for number, data in enumerate(shown)}
        file = AttachmentFile("a.docx", "", make_docx("typed words", extra=extra))
        found = await extractor.extract(file, ExtractionPolicy(use_ocr=False))
        assert (found.ocr_wanted, found.losses) == (2, {"scan beyond limit": 1})


def test_relationships_to_pictures_elsewhere_are_not_followed():
    relations = f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="{OFFICE}/image" Target="http://127.0.0.1:9/x.png" TargetMode="External"/></Relationships>'
    data = make_docx("typed", extra={"word/_rels/document.xml.rels": relations})
    assert find_pictures(data, Limits()).found == {}
