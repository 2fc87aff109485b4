"""Files that others made, where the reference data stand beside the repository."""

import json
import random
import re
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from headwater.domain.errors import DocumentError

DATA = Path(__file__).parents[3] / "../shared/data"
GENERATED = DATA / "documents/generated"
SCANS = DATA / "documents/ocr"
IN_TIME = 25.0
CLEAN = ("s01_clean_en_200", "s02_clean_de_200", "s03_clean_fr_200")
QUICK = ("s02_clean_de_200",)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data are not here")


def words(text):
    return Counter(re.findall(r"\w+", text.replace("\u00ad", "").casefold()))


def recall(expected, found):
    wanted = words(expected)
    return (wanted & words(found)).total() / wanted.total()


def all_files():
    folders = ("attachments", "documents")
    paths = [path for folder in folders for path in (DATA / folder).rglob("*") if path.is_file()]
    return sorted(
        path for path in paths if not {"ocr", "xhtml", "expected_outputs"} & set(path.parts)
    )


async def test_every_file_ends_in_text_in_time_or_in_a_typed_error(extract):
    outcomes = {}
    for path in all_files():
        start = time.monotonic()
        try:
            found = await extract(path.read_bytes(), path.name)
        except DocumentError as error:
            outcomes[path.name] = error.error_type.value
        else:
            outcomes[path.name] = "text" if found.supported else "unsupported"
        assert time.monotonic() - start < IN_TIME, path
    assert len(outcomes) > 80
    assert outcomes["testWORD_protected_passtika.docx"] == "ACCESS_DENIED"
    assert outcomes["testODTEncrypted.odt"] == "ACCESS_DENIED"
    assert outcomes["trunc.docx"] == "PARSE_ERROR"
    assert outcomes["random.bin"] == "unsupported"
    assert (await extract(b"alive", "a.txt")).markdown == "alive"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("damage", ["cut off", "flipped"])
async def test_damaged_files_end_in_text_in_time_or_in_a_typed_error(extract, damage):
    generator = random.Random(17)  # noqa: S311  (reproducible damage)
    for path in all_files():
        data = bytearray(path.read_bytes())
        if damage == "cut off":
            del data[generator.randrange(len(data) + 1) :]
        for _ in range(20 if damage == "flipped" and data else 0):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        start = time.monotonic()
        with suppress(DocumentError):
            await extract(bytes(data), path.name)
        assert time.monotonic() - start < IN_TIME, path
    assert (await extract(b"alive", "a.txt")).markdown == "alive"


@pytest.mark.parametrize(
    ("name", "truth", "least"),
    [
        ("handbook.docx", "handbook", 1.0),
        ("handbook.odt", "handbook", 1.0),
        ("handbook.rtf", "handbook", 0.98),
        ("handbook.doc", "handbook", 0.98),
        ("handbook.pdf", "handbook", 0.98),
        ("deck.pptx", "deck", 1.0),
        ("stock.xlsx", "stock", 1.0),
        ("stock.xls", "stock", 0.98),
        ("stock.ods", "stock", 0.98),
        ("mail.eml", "mail", 1.0),
    ],
)
async def test_the_words_of_a_document_are_in_its_text(extract, name, truth, least):
    found = await extract((GENERATED / name).read_bytes(), name)
    assert recall((GENERATED / f"{truth}.truth.txt").read_text(), found.markdown) >= least


@pytest.mark.parametrize("name", ["handbook.docx", "handbook.pdf"])
async def test_headings_and_table_rows_survive(extract, name):
    truth = json.loads((GENERATED / "handbook.truth.json").read_text())
    text = (await extract((GENERATED / name).read_bytes(), name)).markdown
    headings = [line.lstrip("# ") for line in text.split("\n") if line.startswith("#")]
    assert set(truth["headings"]) <= set(headings)
    assert all("| " + " | ".join(row) + " |" in text for row in truth["table_rows"])
    places = [text.index(phrase) for phrase in truth["order"]]
    assert places == sorted(places)


async def test_notes_stand_on_their_own_slide(extract):
    text = (await extract((GENERATED / "deck.pptx").read_bytes(), "deck.pptx")).markdown
    second = text.split("## Slide 2: ")[1].split("## Slide 3: ")[0]
    assert "SPEAKERNOTE mention the Marmot incident" in second


@pytest.mark.parametrize("name", QUICK)
async def test_a_clean_scan_is_read(extract, name):
    await check_scan(extract, SCANS / f"{name}.png", 0.95)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_all_scans_are_read(extract):
    images = sorted(path for path in SCANS.iterdir() if path.suffix in {".png", ".jpg"})
    found = [
        await check_scan(extract, path, 0.95 if path.stem in CLEAN else 0.9) for path in images
    ]
    assert sum(found) / len(found) >= 0.98


async def check_scan(extract, path, least):
    found = await extract(path.read_bytes(), path.name, use_ocr=True)
    share = recall(path.with_suffix(".gt.txt").read_text(), found.markdown)
    assert share >= least, path.name
    assert found.ocr_confidence > 0.9
    return share


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_scans_in_documents_are_read(extract):
    data = (DATA / "documents/docling/ocr_test.pdf").read_bytes()
    found = await extract(data, "ocr_test.pdf", use_ocr=True)
    assert found.ocr_pages == 1
    assert len(found.markdown.split()) > 10
    turned = (DATA / "documents/tesseract/phototest-rotated-180.png").read_bytes()
    gold = (DATA / "documents/tesseract/phototest.gold.txt").read_text()
    assert recall(gold, (await extract(turned, "a.png", use_ocr=True)).markdown) > 0.95
