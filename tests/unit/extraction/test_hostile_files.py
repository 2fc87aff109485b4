"""Files made to do harm: each ends in a typed error or a partial text, in time, and the next is read."""

import random
import time

import pytest

from headwater.domain.errors import DocumentError, FailureType
from tests.unit.extraction.files import (
    draw_text,
    make_docx,
    make_drawio,
    make_encrypted_office,
    make_mail,
    make_pdf,
    make_png_bomb,
    make_xlsx,
    make_zip,
    save_image,
    write_lines,
)

LOL = (
    '<!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(
        f'<!ENTITY lol{n} "{"&lol" + (str(n - 1) if n > 1 else "") + ";"}{"&lol" + (str(n - 1) if n > 1 else "") + ";" * 9}">'
        for n in range(1, 10)
    )
    + "]>"
)
IN_TIME = 25.0


async def outcome(extract, data, name, **options):
    """Return the text or the type of the error; prove that it came in time and that the pool lives."""
    start = time.monotonic()
    try:
        result = (await extract(data, name, **options)).markdown
    except DocumentError as error:
        result = error.error_type
    assert time.monotonic() - start < IN_TIME
    assert (await extract(b"the next file", "next.txt")).markdown == "the next file"
    return result


async def test_no_bytes_at_all(extract):
    for name in ("a.pdf", "a.docx", "a.txt", "a.png"):
        assert await outcome(extract, b"", name) is FailureType.PARSE_ERROR


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.odt", "a.epub"])
async def test_cut_off_archives(extract, name):
    assert await outcome(extract, make_docx("words")[:-40], name) is FailureType.PARSE_ERROR


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.png", "a.xls"])
async def test_noise_under_a_good_name(extract, name):
    noise = random.Random(7).randbytes(5000)  # noqa: S311  (reproducible noise)
    assert await outcome(extract, noise, name) is FailureType.PARSE_ERROR


async def test_cut_off_and_flipped_pdfs(extract):
    whole = make_pdf(*[write_lines(f"page {number} of many") for number in range(30)])
    generator = random.Random(11)  # noqa: S311  (reproducible damage)
    for _ in range(10):
        damaged = bytearray(whole)
        for _ in range(40):
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        result = await outcome(extract, bytes(damaged), "a.pdf")
        assert isinstance(result, str)
    assert await outcome(extract, whole[:300], "a.pdf") is FailureType.PARSE_ERROR


async def test_encrypted_files(extract):
    for name in ("a.docx", "a.xlsx", "a.pptx"):
        assert await outcome(extract, make_encrypted_office(), name) is FailureType.ACCESS_DENIED
    manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    locked = make_zip(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": manifest,
            "content.xml": "noise",
        }
    )
    assert await outcome(extract, locked, "a.odt") is FailureType.ACCESS_DENIED
    flagged = bytearray(make_docx("words"))
    for marker, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = flagged.find(marker)
        while start >= 0:
            flagged[start + place] |= 1
            start = flagged.find(marker, start + 4)
    assert await outcome(extract, bytes(flagged), "a.docx") is FailureType.ACCESS_DENIED


async def test_an_encrypted_pdf(extract):
    encrypt = "/Filter/Standard/V 1/R 2/P -4/O<" + "00" * 32 + ">/U<" + "00" * 32 + ">"
    data = make_pdf(write_lines("secret")).replace(
        b"/Root 1 0 R", f"/Root 1 0 R/ID[<00><00>]/Encrypt<<{encrypt}>>".encode()
    )
    assert await outcome(extract, data, "a.pdf") is FailureType.ACCESS_DENIED


async def test_zip_bombs(extract):
    padding = " " * (64 << 20)
    for data, name in (
        (make_docx(body=f"<w:p/>{padding}"), "a.docx"),
        (make_xlsx({"Sheet": {"A1": padding}}), "a.xlsx"),
        (make_zip({**dict.fromkeys(map(str, range(10_001)), ""), "[Content_Types].xml": "", "word/x": ""}), "many.docx"),
    ):  # fmt: skip
        assert len(data) < 2 << 20
        assert await outcome(extract, data, name) is FailureType.FILE_TOO_LARGE


async def test_an_archive_bomb_inside_a_mail_is_a_loss(extract):
    bomb = make_zip({"zeros": bytes(64 << 20)})
    found = await extract(make_mail("hello", [("a.zip", "application/zip", bomb)]), "a.eml")
    assert found.losses == {"attachment in mail: FILE_TOO_LARGE": 1}


async def test_a_billion_laughs(extract):
    paragraph = "<w:p><w:r><w:t>before &lol9; after</w:t></w:r></w:p>"
    for data, name in (
        (make_docx(body=paragraph, doctype=LOL), "a.docx"),
        (f'<?xml version="1.0"?>{LOL}<svg xmlns="http://www.w3.org/2000/svg"><text>&lol9;</text></svg>'.encode(), "a.svg"),
        (f'<?xml version="1.0"?>{LOL}<a>&lol9;</a>'.encode(), "a.xml"),
    ):  # fmt: skip
        result = await outcome(extract, data, name)
        assert isinstance(result, FailureType) or len(result) < 10_000


async def test_an_external_entity_is_never_read(extract):
    doctype = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    svg = f'<?xml version="1.0"?>{doctype}<svg xmlns="http://www.w3.org/2000/svg"><text>A &x; B</text></svg>'
    paragraph = "<w:p><w:r><w:t>A &x; B</w:t></w:r></w:p>"
    drawing = f'<?xml version="1.0"?>{doctype}<mxfile><diagram name="p">&x;</diagram></mxfile>'
    for data, name in (
        (svg.encode(), "a.svg"),
        (make_docx(body=paragraph, doctype=doctype), "a.docx"),
        (drawing.encode(), "a.drawio"),
    ):
        assert "root:" not in str(await outcome(extract, data, name))


async def test_deep_nesting(extract):
    nested = "<w:tbl><w:tr><w:tc>" * 20_000 + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * 20_000
    for data, name in (
        (make_docx(body=nested), "a.docx"),
        (b"<svg>" + b"<g>" * 100_000 + b"<text>x</text>", "a.svg"),
        (b"<html>" + b"<div>" * 100_000 + b"words", "a.html"),
        (b"[" * 1_000_000, "a.json"),
        (rb"{\rtf1 " + b"{" * 100_000 + b"x", "a.rtf"),
        (b">" * 200_000 + b" quoted", "a.md"),
        (b'From: a@b.c\nSubject: x\nContent-Type: multipart/mixed; boundary="b"\n\n' + b'--b\nContent-Type: multipart/mixed; boundary="b"\n\n' * 3_000, "a.eml"),
    ):  # fmt: skip
        await outcome(extract, data, name)


async def test_a_page_that_is_too_deep_for_its_reader_keeps_its_words(extract):
    data = b"<html><script>no()</script>" + b"<div>" * 100_000 + b"deep words"
    assert "deep words" in await outcome(extract, data, "a.html")


async def test_a_pdf_whose_page_tree_bites_its_tail(extract):
    looped = make_pdf(write_lines("a page of words"), kids="4 0 R 2 0 R", count=1000)
    result = await outcome(extract, looped, "a.pdf")
    assert result is FailureType.PARSE_ERROR or "a page of words" in result


async def test_a_pdf_that_announces_a_million_pages_stops_at_its_limit(extract):
    data = make_pdf(write_lines("words"), kids="4 0 R " * 6000, count=1_000_000)
    start = time.monotonic()
    found = await extract(data, "a.pdf")
    assert found.truncated
    assert "## Page 5000\n\nwords" in found.markdown
    assert "## Page 5001" not in found.markdown
    assert time.monotonic() - start < IN_TIME


async def test_a_picture_bomb_is_refused_by_its_header(extract):
    bomb = make_png_bomb(30_000, 2_000)
    assert len(bomb) < 200_000
    assert await outcome(extract, bomb, "a.png") is FailureType.FILE_TOO_LARGE


async def test_a_cut_off_picture_fails_when_it_is_read(extract):
    whole = save_image(draw_text("words"))
    result = await outcome(extract, whole[: len(whole) // 2], "a.png", use_ocr=True)
    assert result is FailureType.OCR_FAILED


async def test_drawings_that_are_damaged_or_unpack_to_too_much(extract):
    assert await outcome(extract, b"<mxfile><diagram>%%%</diagram></mxfile>", "a.drawio") is FailureType.PARSE_ERROR  # fmt: skip
    bomb = make_drawio(["x" * 25_000_000], packed=True)
    assert len(bomb) < 200_000
    assert await outcome(extract, bomb, "a.drawio") is FailureType.FILE_TOO_LARGE


async def test_a_far_cell_costs_nothing(extract):
    result = await outcome(extract, make_xlsx({"S": {"A1": "start", "A1048576": "corner"}}), "a.xlsx")  # fmt: skip
    assert "start" in result
    assert "corner" in result
    assert len(result) < 1000


async def test_mails_with_very_many_parts(extract):
    part = "--b\nContent-Type: text/plain\nContent-Disposition: attachment\n\nhello\n"
    data = (
        "From: a@b.c\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    )
    mail = (data + part * 3_000 + "--b--\n").encode()
    result = await outcome(extract, mail, "a.eml")
    assert result.count("hello") == 200
    assert (await extract(mail, "a.eml")).losses == {"attachment in mail: too many": 2_800}


async def test_csv_of_quotes_and_of_commas(extract):
    assert isinstance(await outcome(extract, b'"' * 1_000_000, "a.csv"), str)
    assert isinstance(await outcome(extract, b"," * 300_000 + b"\na\n", "a.csv"), str)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_bombs_of_gigabytes(extract):
    zeros = make_zip({"[Content_Types].xml": "", "word/document.xml": bytes(1 << 30)})
    assert await outcome(extract, zeros, "a.docx") is FailureType.FILE_TOO_LARGE
    assert await outcome(extract, make_png_bomb(), "a.png") is FailureType.FILE_TOO_LARGE
    rows = b"".join(b"%d,name number %d,%d.5\n" % (n, n, n) for n in range(2_500_000))
    assert isinstance(await outcome(extract, rows, "a.csv"), str)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_stream_of_a_gigabyte_in_a_pdf(extract):
    import zlib  # noqa: PLC0415  (one test needs it)

    from tests.unit.extraction.files import make_stream, write_objects  # noqa: PLC0415  (same)

    packer = zlib.compressobj(9)
    block = b"BT (a) Tj ET " * 1_000_000
    body = b"".join(packer.compress(block) for _ in range(80)) + packer.flush()
    data = write_objects(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>",
            make_stream(body, b"/Filter/FlateDecode"),
        ]
    )
    assert await outcome(extract, data, "a.pdf") in {FailureType.PARSE_ERROR, FailureType.TIMEOUT}
