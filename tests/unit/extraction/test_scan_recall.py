"""Words that OCR reads from clean scans at 200 dpi, which is what an office scanner gives."""

import pytest

from benchmarks.rig.scans import TEXTS, Scan, draw_page, draw_table, measure_words

AIM = 0.95


@pytest.mark.parametrize("language", TEXTS)
async def test_a_clean_page_with_accents_is_read(extract, language):
    lines = TEXTS[language]
    await check(extract, Scan("clean", language, draw_page(lines), " ".join(lines)))


async def test_the_cells_of_a_table_are_read_row_by_row(extract):
    found = await check(extract, Scan("table", "table", draw_table(), "Dublin 8 310477 0.11"))
    assert "Singapore | 16 | 771205 | 0.07" in found.markdown


@pytest.mark.parametrize(
    "quarters",
    [pytest.param(1, marks=pytest.mark.long), 2, pytest.param(3, marks=pytest.mark.long)],
)
async def test_a_page_that_lies_any_way_round_is_read(extract, quarters):
    lines = TEXTS["German"]
    turned = draw_page(lines).rotate(90 * quarters, expand=True)
    await check(extract, Scan("turned", "turned", turned, " ".join(lines)))


@pytest.mark.long
async def test_half_the_resolution_is_enough(extract):
    lines = TEXTS["French"]
    await check(extract, Scan("low", "low", draw_page(lines, dpi=100), " ".join(lines)))


async def check(extract, scan):
    name, data = scan.save()
    found = await extract(data, name, use_ocr=True)
    assert measure_words(scan.words, found.markdown) >= AIM, found.markdown
    assert found.ocr_confidence > 0.9
    return found
