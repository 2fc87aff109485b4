"""Every format that is read, through the real worker: the words are there, and the headings."""

import gzip
import io
import zipfile

import pytest
from PIL import Image

from headwater.domain.errors import DocumentError, FailureType
from tests.unit.extraction.files import (
    draw_text,
    make_docx,
    make_drawio,
    make_mail,
    make_pdf,
    make_presentation,
    make_scanned_pdf,
    make_xlsx,
    make_zip,
    save_image,
    write_lines,
)

SIDE = "http://schemas.openxmlformats.org/drawingml/2006/main"


async def test_a_pdf_is_a_heading_for_each_page(extract):
    found = await extract(make_pdf(write_lines("First page"), write_lines("Second page")), "a.pdf")
    assert found.markdown == "## Page 1\n\nFirst page\n\n## Page 2\n\nSecond page"
    assert not found.truncated


async def test_a_blank_pdf_page_is_left_out_without_shifting_the_numbers(extract):
    found = await extract(make_pdf(write_lines("One"), "", write_lines("Three")), "a.pdf")
    assert "## Page 2" not in found.markdown
    assert "## Page 3\n\nThree" in found.markdown
    assert found.ocr_wanted == 0


async def test_a_word_document_keeps_headings_out_of_a_page_scheme(extract):
    found = await extract(make_docx("Größere Änderungen", "second \u00adparagraph"), "a.docx")
    assert found.markdown == "Größere Änderungen\n\nsecond paragraph"


async def test_a_workbook_is_a_heading_for_each_sheet_without_blank_rows(extract):
    data = make_xlsx({"Stock": {"A1": "bolt", "A900": "far away"}, "Prices": {"A1": "cheap"}})
    found = await extract(data, "a.xlsx")
    assert "## Sheet Stock\n\n| bolt |" in found.markdown
    assert "far away" in found.markdown
    assert "## Sheet Prices\n\n| cheap |" in found.markdown
    assert found.markdown.count("\n") < 20


async def test_comments_and_text_boxes_of_a_workbook_are_read(extract):
    comments = (
        f'<comments xmlns="{SIDE}"><comment><text><t>ask </t><t>Zoë</t></text></comment></comments>'
    )
    drawing = (
        f'<a:x xmlns:a="{SIDE}"><a:p><a:t>boxed words</a:t></a:p><a:p><a:t>bolt</a:t></a:p></a:x>'
    )
    extra = {"xl/comments1.xml": comments, "xl/drawings/drawing1.xml": drawing}
    found = await extract(make_xlsx({"Stock": {"A1": "bolt"}}, extra), "a.xlsx")
    assert found.markdown.endswith("## Comments and drawings\n\nask Zoë\nboxed words")


async def test_charts_of_a_document_are_read_and_damaged_ones_left(extract):
    chart = f'<c:x xmlns:c="u"><c:pt><c:v>Outages in May</c:v></c:pt><a:p xmlns:a="{SIDE}"/></c:x>'
    extra = {"word/charts/chart1.xml": chart, "word/charts/chart2.xml": "no xml"}
    found = await extract(make_docx("Report", extra=extra), "a.docx")
    assert found.markdown == "Report\n\n## Charts\n\nOutages in May"


async def test_slides_have_number_title_and_their_own_notes(extract):
    deck = make_presentation(
        [
            ("Latency wins", "p99 fell", "mention the incident"),
            ("Spend", "EU 412", ""),
        ]
    )
    found = await extract(deck, "a.pptx")
    first, second = found.markdown.split("\n\n## Slide 2: Spend\n\n")
    assert first.startswith("## Slide 1: Latency wins\n\n")
    assert "p99 fell" in first
    assert first.endswith("Notes: mention the incident")
    assert "EU 412" in second


async def test_slides_of_an_open_document_have_their_number(extract):
    slides = "".join(
        f"<draw:page><draw:frame><draw:text-box><text:p>Point {word}</text:p></draw:text-box></draw:frame></draw:page>"
        for word in ("one", "two")
    )
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "draw")
    )
    content = f'<office:document-content {names} office:version="1.2"><office:body><office:presentation>{slides}</office:presentation></office:body></office:document-content>'
    kind = "application/vnd.oasis.opendocument.presentation"
    found = await extract(make_zip({"mimetype": kind, "content.xml": content}), "a.odp")
    assert found.markdown == "## Slide 1\n\nPoint one\n\n## Slide 2\n\nPoint two"
    assert found.paged


@pytest.mark.parametrize("packed", [False, True])
async def test_a_drawing_gives_its_labels(extract, packed):
    labels = ["API gateway", "&lt;b&gt;Ledger&lt;/b&gt;&lt;br&gt;DB", "a &amp;amp; b"]
    found = await extract(make_drawio(labels, packed=packed), "a.drawio")
    assert found.markdown == "## Page Overview\n\nAPI gateway\nLedger DB\na & b"


async def test_a_bare_drawing_model_is_read(extract):
    data = b'<mxGraphModel><root><mxCell value="Start"/></root></mxGraphModel>'
    assert (await extract(data, "a.xml")).markdown == "Start"


async def test_an_svg_gives_titles_and_texts(extract):
    data = b'<svg xmlns="http://www.w3.org/2000/svg"><title>Flow</title><!-- no --><text>Order <tspan>received</tspan></text></svg>'
    assert (await extract(data, "a.svg")).markdown == "Flow\nOrder received"


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.txt", "plain\u00a0words".encode(), "plain words"),
        ("a.txt", "東京 und Größe".encode("utf-16"), "東京 und Größe"),
        ("a.txt", "Grüße an alle".encode("utf-16-le"), "Grüße an alle"),
        ("a.txt", "これは日本語のテキストです。東京都千代田区。".encode("shift-jis"), "東京都千代田区"),
        ("a.txt", "Größe der Straße: 5 € für Jürgen".encode("cp1252"), "Größe der Straße: 5 € für"),
        ("a.md", b"---\ntitle: Runbook\n---\n# Deploy\n\nnow", "title: Runbook\n\n# Deploy\n\nnow"),
        ("a.csv", b"name;sum\nWei\xdf;1,5\n;\n", "| name | sum |\n| --- | --- |\n| Weiß | 1,5 |"),
        ("a.tsv", b"a\tb\n1\tx|y\n", "| 1 | x\\|y |"),
        ("a.json", b'{"key": "value"}', '```json\n{"key": "value"}\n```'),
        ("a.xml", b"<?xml version='1.0'?><a>words</a>", "```xml\n<?xml version='1.0'?><a>words</a>\n```"),
        ("a.html", b"<html><body><h1>Deploy</h1><p>Wait 30&nbsp;s.</p></body></html>", "# Deploy\n\nWait 30 s."),
        ("a.html", '<html><meta charset="cp1252"><p>Größe</p>'.encode("cp1252"), "Größe"),
        ("a.rtf", rb"{\rtf1\ansi Non\~breaking \b bold\b0\par}", "Non breaking"),
    ],
)  # fmt: skip
async def test_text_formats(extract, name, data, expected):
    assert expected in (await extract(data, name)).markdown


async def test_a_mail_has_headers_text_and_attachments_under_their_names(extract):
    data = make_mail(
        "Knoten gw-3 meldet E-7731.",
        [
            ("report.docx", "application/octet-stream", make_docx("attached words")),
            ("archive.zip", "application/zip", make_zip({"notes/in.txt": "zipped words"})),
            ("tool.exe", "application/octet-stream", b"MZ\0\1"),
            ("empty.pdf", "application/pdf", b""),
        ],
        subject="Störung",
    )
    found = await extract(data, "a.eml")
    assert found.markdown.startswith("Subject: Störung\nFrom: zoe@example.org")
    assert "Knoten gw-3 meldet E-7731." in found.markdown
    assert "## Attachment report.docx\n\nattached words" in found.markdown
    assert "## Attachment archive.zip, notes/in.txt\n\nzipped words" in found.markdown
    assert found.losses == {
        "attachment in mail: unsupported": 1,
        "attachment in mail: PARSE_ERROR": 1,
    }


async def test_an_html_mail_and_a_forwarded_one(extract):
    forwarded = make_mail("<h1>Inner</h1><p>forwarded words</p>", subtype="html", subject="Old")
    data = make_mail("see below", [("old.eml", "application/octet-stream", forwarded)])
    found = await extract(data, "a.eml")
    assert "## Attachment old.eml\n\nSubject: Old" in found.markdown
    assert "### Inner\n\nforwarded words" in found.markdown


async def test_mails_in_mails_end_somewhere(extract):
    data = make_mail("innermost")
    for _ in range(6):
        data = make_mail("outer", [("in.eml", "application/octet-stream", data)])
    found = await extract(data, "a.eml")
    assert found.markdown.count("outer") == 4
    assert found.losses == {"attachment in mail: unsupported": 1}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
async def test_images_without_ocr_are_counted(extract, kind):
    found = await extract(save_image(draw_text("words"), kind), "wrong-name.pdf")
    assert found.supported
    assert (found.markdown, found.ocr_wanted, found.ocr_pages) == ("", 1, 0)


async def test_scanned_pdf_pages_without_ocr_are_counted(extract):
    data = make_scanned_pdf(draw_text("scan"), more=[write_lines("a page with its own words")])
    found = await extract(data, "a.pdf")
    assert found.markdown == "## Page 2\n\na page with its own words"
    assert found.ocr_wanted == 1


async def test_icons_are_not_worth_reading(extract):
    assert (await extract(save_image(Image.new("RGB", (8, 8))), "i.png")).ocr_wanted == 0


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("film.mp4", b"\0\0\0\x18ftypmp42" + bytes(100)),
        ("tool.exe", b"MZ\x90\0" + bytes(100)),
        ("archive.zip", make_zip({"a.txt": "words"})),
        ("broken.zip", make_zip({"a.txt": "words"})[:40]),
        ("logs.gz", gzip.compress(b"words")),
        ("noise", bytes(range(256))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # bytes may hold the time of day
)
async def test_formats_that_are_not_read_say_so(extract, name, data):
    found = await extract(data, name)
    assert not found.supported
    assert found.markdown == ""


async def test_the_content_decides_whatever_the_name_says(extract):
    pdf = make_pdf(write_lines("really a PDF"))
    assert "really a PDF" in (await extract(pdf, "picture.png", "image/png")).markdown
    assert (await extract(b"just words", "report.pdf")).markdown == "just words"
    docx = make_docx("really Word")
    assert (await extract(docx, "sheet.xlsx")).markdown == "really Word"


async def test_output_beyond_the_limit_is_cut_and_said_to_be(extract):
    found = await extract(b"word " * 4_200_000, "a.txt")
    assert found.truncated
    assert len(found.markdown) <= 20_000_000


async def test_an_undecodable_text_is_an_encoding_error(extract):
    with pytest.raises(DocumentError) as caught:
        await extract(bytes(range(1, 256)) * 64, "a.txt", "text/plain")
    assert caught.value.error_type is FailureType.ENCODING_ERROR


async def test_a_moving_image_is_one_scan_and_a_tiff_one_for_each_page(extract):
    stream = io.BytesIO()
    frames = [Image.new("L", (200, 100), shade) for shade in (0, 90, 255)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    assert (await extract(stream.getvalue(), "a.gif")).ocr_wanted == 1
    stream = io.BytesIO()
    frames[0].save(stream, "TIFF", save_all=True, append_images=frames[1:])
    assert (await extract(stream.getvalue(), "a.tiff")).ocr_wanted == 3


async def test_notes_that_cannot_be_read_are_a_loss_and_the_slides_are_not(extract):
    deck = make_presentation([("Title", "words", "a note")])
    with zipfile.ZipFile(io.BytesIO(deck)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    notes = next(name for name in members if name.startswith("ppt/notesSlides/notesSlide"))
    found = await extract(make_zip({**members, notes: b"<no xml"}), "a.pptx")
    assert "## Slide 1: Title\n\nwords" in found.markdown
    assert found.losses["speaker notes"] == 1


async def test_shared_strings_of_far_apart_cells_are_found(extract):
    data = make_xlsx({"Far": {"A1": "first", "B300000": "last"}, "Near": {"A1": "close"}})
    found = await extract(data, "a.xlsx")
    assert "## Sheet Near\n\n| close |" in found.markdown
    assert "## Sheet Far\n\n| first |\n| --- |\n| last |" in found.markdown
    assert found.losses == {}
