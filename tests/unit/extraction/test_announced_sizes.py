"""Files that announce far more than they hold: what they cost is bounded by limits, not by luck."""

import io
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from headwater.adapters.extraction.confinement import measure_resident
from headwater.adapters.extraction.limits import MIB, Limits
from headwater.domain.errors import DocumentError, FailureType
from headwater.ports import AttachmentFile, ExtractionPolicy
from tests.unit.extraction.conftest import open_extractor
from tests.unit.extraction.files import (
    SHEET,
    draw_text,
    make_mail,
    make_pdf,
    make_png_bomb,
    make_stream,
    make_xlsx,
    make_zip,
    save_image,
)

SERVICE_GROWTH = 64 * MIB
"""What the service itself may hold more after a file than before."""

MARGIN = 5.0
"""Seconds to end a worker and to start the next, on a busy machine."""

ODF = "urn:oasis:names:tc:opendocument:xmlns"
NAMESPACES = " ".join(f'xmlns:{name}="{ODF}:{name}:1.0"' for name in ("office", "text", "table"))
CELL = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'
FAILED = {FailureType.PARSE_ERROR, FailureType.TIMEOUT, FailureType.FILE_TOO_LARGE}


def make_odf(kind, body):
    content = f'<office:document-content {NAMESPACES} office:version="1.2"><office:body>{body}</office:body></office:document-content>'
    return make_zip(
        {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content}
    )


def make_ods(row):
    return make_odf(
        "spreadsheet",
        f'<office:spreadsheet><table:table table:name="S">{row}</table:table></office:spreadsheet>',
    )


def make_sheet(rows, before=""):
    """Return a workbook whose one sheet is written by hand."""
    sheet = f'<worksheet xmlns="{SHEET}">{before}<sheetData>{rows}</sheetData></worksheet>'
    with zipfile.ZipFile(io.BytesIO(make_xlsx({"S": {"A1": "x"}}))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return make_zip({**members, "xl/worksheets/sheet1.xml": sheet})


def add_png_chunk(data, kind, content):
    chunk = struct.pack(">I", len(content)) + kind + content
    return data[:33] + chunk + struct.pack(">I", zlib.crc32(kind + content)) + data[33:]


def make_form_loop():
    """Return a page whose form draws itself twice."""
    entries = b"/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</I 6 0 R>>>>"
    return make_pdf("/I Do", objects=[make_stream(b"/I Do /I Do", entries)])


def make_form_tree(depth):
    """Return a page whose form draws the next one twice, and so on: two to the power of ``depth``."""
    kind = "/Type/XObject/Subtype/Form/BBox[0 0 400 400]/Resources<</XObject<</I {} 0 R>>>>"
    forms = [
        make_stream(b"/I Do /I Do", kind.format(7 + number).encode()) for number in range(depth)
    ]
    return make_pdf("/I Do", objects=[*forms, make_stream("BT (x) Tj ET", b"/Subtype/Form")])


def make_pdf_image(side):
    """Return a page that shows an image of ``side`` squared pixels, deflated to almost nothing."""
    entries = f"/Subtype/Image/Width {side}/Height {side}/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode"
    rows = zlib.compress(bytes(side * side // 2), 9)
    return make_pdf("q 400 0 0 400 0 0 cm /I Do Q", objects=[make_stream(rows, entries.encode())])


def make_lying_zip():
    """Return a document whose directory says 10 bytes where 64 MB unpack."""
    data = bytearray(make_odf("text", " " * (64 * MIB)))
    size = struct.pack("<I", data[:200].find(b"mimetype") + 10)
    directory = data.rfind(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = size
    return bytes(data)


async def read(extractor, data, name, *, use_ocr=False):
    """Return the text or the type of the error; hold the service to its memory and the file to its time."""
    before, start = measure_resident(), time.monotonic()
    try:
        policy = ExtractionPolicy(use_ocr)
        result = (await extractor.extract(AttachmentFile(name, "", data), policy)).markdown
    except DocumentError as error:
        result = error.error_type
    assert measure_resident() - before < SERVICE_GROWTH
    assert time.monotonic() - start < 1.5 * Limits().seconds + MARGIN
    return result


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (make_sheet(f'<row r="1">{CELL.format("A1", "start")}</row>', '<dimension ref="A1:XFD1048576"/><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'), "start"),
        (make_sheet(f'<row r="1">{CELL.format("A1", "start")}</row><row r="1048576">{CELL.format("XFD1048576", "corner")}</row>'), "corner"),
        (make_sheet("".join(f'<row r="{row}">{CELL.format(f"XFD{row}", "edge")}</row>' for row in range(1, 3000))), "edge"),
        (make_sheet(f'<row r="4294967295">{CELL.format("ZZZZZZ4294967295", "beyond")}</row>'), "beyond"),
    ],
    ids=["a billion declared cells", "two corners", "a far column", "beyond the last cell"],
)  # fmt: skip
async def test_a_sheet_costs_what_its_filled_cells_cost(shared_extractor, data, expected):
    result = await read(shared_extractor, data, "a.xlsx")
    assert expected in result
    assert len(result) < 50_000


@pytest.mark.parametrize(
    "row",
    [
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384" office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>',
        '<table:table-row><table:table-cell table:number-columns-repeated="2000000000" office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>',
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>',
    ],
    ids=["seventeen billion filled cells", "two billion columns", "seventeen billion empty ones"],
)
async def test_cells_that_are_said_to_repeat_end_in_a_failure_or_little_text(shared_extractor, row):
    result = await read(shared_extractor, make_ods(row), "a.ods")
    assert result in FAILED or len(result) < 10_000


@pytest.mark.parametrize(
    "body",
    [
        '<text:p>a<text:s text:c="2000000000"/>b</text:p>',
        "<text:section>" * 50_000 + "<text:p>deep</text:p>" + "</text:section>" * 50_000,
        "<table:table><table:table-row><table:table-cell>" * 20_000 + "<text:p>deep</text:p>" + "</table:table-cell></table:table-row></table:table>" * 20_000,
        '<table:table><table:table-row table:number-rows-repeated="1000000"><table:table-cell table:number-columns-repeated="1000"><text:p>x</text:p></table:table-cell></table:table-row></table:table>',
    ],
    ids=["two billion spaces", "deep sections", "deep tables", "a billion repeated cells"],
)  # fmt: skip
async def test_an_odt_of_depth_or_repeats_ends_in_a_failure_or_little_text(shared_extractor, body):
    data = make_odf("text", f"<office:text>{body}</office:text>")
    result = await read(shared_extractor, data, "a.odt")
    assert result in FAILED or len(result) < 10_000


@pytest.mark.parametrize(
    "data",
    [make_form_loop(), pytest.param(make_form_tree(40), marks=pytest.mark.long)],
    ids=["itself", "two to the power of forty"],
)
async def test_a_pdf_form_that_draws_itself_or_multiplies_ends_at_the_deadline(data):
    async with open_extractor(seconds=1.0) as extractor:
        start = time.monotonic()
        assert await read(extractor, data, "a.pdf") in FAILED
        assert time.monotonic() - start < 1.5 * 1.0 + MARGIN
        assert await read(extractor, b"the next file", "a.txt") == "the next file"


async def test_a_pdf_page_of_any_size_is_drawn_within_limits(shared_extractor):
    assert await read(shared_extractor, make_pdf("", media="0 0 1e9 1e9"), "a.pdf") == ""


@pytest.mark.parametrize("side", [4_000, pytest.param(30_000, marks=pytest.mark.long)])
async def test_an_image_of_any_size_in_a_pdf_is_drawn_within_limits(shared_extractor, side):
    result = await read(shared_extractor, make_pdf_image(side), "a.pdf", use_ocr=True)
    assert result == "" or result in {*FAILED, FailureType.OCR_FAILED}


async def test_image_bombs_are_refused_wherever_they_hide(shared_extractor):
    bomb = make_png_bomb(30_000, 3_000)
    assert await read(shared_extractor, bomb, "a.png", use_ocr=True) is FailureType.FILE_TOO_LARGE
    mail = make_mail("hello", [("a.png", "image/png", bomb)])
    file = AttachmentFile("a.eml", "", mail)
    found = await shared_extractor.extract(file, ExtractionPolicy(use_ocr=True))
    assert "hello" in found.markdown
    assert found.losses == {"attachment in mail: FILE_TOO_LARGE": 1}


async def test_a_text_chunk_that_unpacks_to_much_is_not_unpacked(shared_extractor):
    packed = b"key\0\0" + zlib.compress(bytes(200 * MIB), 9)
    image = add_png_chunk(save_image(draw_text("words")), b"zTXt", packed)
    result = await read(shared_extractor, image, "a.png", use_ocr=True)
    assert result in {FailureType.PARSE_ERROR, "words"}


async def test_an_archive_whose_directory_lies_unpacks_no_more_than_it_says(shared_extractor):
    result = await read(shared_extractor, make_lying_zip(), "a.odt")
    assert result in FAILED or len(result) < 1_000


async def test_archives_in_archives_in_mails_end_at_the_deadline():
    inner = make_zip({str(number): bytes(4 * MIB) for number in range(20)})
    middle = make_zip({f"{number}.zip": inner for number in range(40)})
    outer = make_zip({f"{number}.zip": middle for number in range(20)})
    mail = make_mail("hello", [(f"{n}.zip", "application/zip", outer) for n in range(3)])
    async with open_extractor(seconds=1.0) as extractor:
        assert await read(extractor, mail, "a.eml") is FailureType.TIMEOUT
        assert await read(extractor, b"the next file", "a.txt") == "the next file"


async def test_very_many_images_in_a_mail_do_not_pass_through_the_service():
    noise = save_image(Image.effect_noise((300, 300), 60))
    archive = make_zip({f"{number}.png": noise for number in range(12)})
    mail = make_mail("hello", [("a.zip", "application/zip", archive)])
    async with open_extractor(image_bytes=4 * len(noise)) as extractor:
        file = AttachmentFile("a.eml", "", mail)
        found = await extractor.extract(file, ExtractionPolicy(use_ocr=False))
        assert (found.ocr_wanted, found.losses) == (4, {"scan beyond limit": 8})


async def test_frames_beyond_the_limit_are_said_to_be_cut_off(shared_extractor):
    stream = io.BytesIO()
    frames = [Image.new("1", (20, 20)) for _ in range(1_010)]
    frames[0].save(stream, "TIFF", save_all=True, append_images=frames[1:])
    file = AttachmentFile("a.tiff", "", stream.getvalue())
    found = await shared_extractor.extract(file, ExtractionPolicy(use_ocr=False))
    assert found.truncated
    assert found.ocr_wanted == 1_000


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="limits are read from /proc")
async def test_every_worker_runs_under_its_limits():
    limits = Limits()
    async with open_extractor() as extractor:
        await read(extractor, save_image(draw_text("words")), "a.png", use_ocr=True)
        found = [read_limits(pid) for pid in extractor.worker_pids]
    assert [it["Max address space"] for it in found] == [limits.text_memory, limits.ocr_memory]
    assert {it["Max core file size"] for it in found} == {0}
    assert {it["Max file size"] for it in found} == {MIB}
    assert all(0 < it["Max cpu time"] < 1.5 * limits.seconds + 60 for it in found)


def read_limits(pid):
    """Return the soft limits of a process by their names; unlimited ones are left out."""
    lines = Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()[1:]
    pairs = [(line[:26].strip(), line[26:].split()[0]) for line in lines]
    return {name: int(value) for name, value in pairs if value.isdecimal()}
