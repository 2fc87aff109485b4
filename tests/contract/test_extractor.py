"""What every extractor keeps to."""

import asyncio
import re

import pytest

from headwater.adapters.extraction.memory import MemoryExtractor
from headwater.adapters.extraction.pool import ProcessExtractor
from headwater.domain.errors import DocumentError, FailureType
from headwater.ports import AttachmentFile, ExtractionPolicy, Extractor

PLAIN = ExtractionPolicy(use_ocr=False)


@pytest.fixture(scope="module", params=[MemoryExtractor, ProcessExtractor])
def extractor(request):
    made = request.param()
    yield made
    asyncio.run(made.close())


def text_file(data, name="notes.txt", media_type="text/plain"):
    return AttachmentFile(name, media_type, data)


async def test_text_comes_back_as_it_is(extractor: Extractor):
    found = await extractor.extract(text_file("Größe, 東京 and 🚀".encode()), PLAIN)
    assert found.markdown == "Größe, 東京 and 🚀"
    assert found.supported
    assert not found.truncated
    assert (found.ocr_pages, found.ocr_wanted, found.ocr_confidence) == (0, 0, None)


async def test_a_byte_order_mark_is_no_text(extractor: Extractor):
    assert (await extractor.extract(text_file(b"\xef\xbb\xbfwords"), PLAIN)).markdown == "words"


async def test_the_same_file_gives_the_same_text(extractor: Extractor):
    file = text_file(b"twice the same")
    assert await extractor.extract(file, PLAIN) == await extractor.extract(file, PLAIN)


async def test_files_read_at_once_do_not_mix(extractor: Extractor):
    files = [text_file(f"file {number}".encode()) for number in range(20)]
    found = await asyncio.gather(*(extractor.extract(file, PLAIN) for file in files))
    assert [one.markdown for one in found] == [f"file {number}" for number in range(20)]


async def test_an_empty_file_is_a_failure(extractor: Extractor):
    with pytest.raises(DocumentError) as caught:
        await extractor.extract(text_file(b""), PLAIN)
    assert caught.value.error_type is FailureType.PARSE_ERROR


async def test_bytes_that_are_no_text_are_an_encoding_error(extractor: Extractor):
    with pytest.raises(DocumentError) as caught:
        await extractor.extract(text_file(bytes(range(1, 256)) * 20), PLAIN)
    assert caught.value.error_type is FailureType.ENCODING_ERROR


async def test_an_unknown_format_is_skipped_and_no_failure(extractor: Extractor):
    film = AttachmentFile("film.mp4", "video/mp4", b"\0\0\0\x18ftypmp42" + bytes(50))
    found = await extractor.extract(film, PLAIN)
    assert (found.markdown, found.supported) == ("", False)


async def test_an_image_without_ocr_is_counted(extractor: Extractor):
    pixel = b"BM" + (58).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    header = (40).to_bytes(4, "little") + (16).to_bytes(4, "little") * 2 + b"\1\0\x18\0" + bytes(24)
    image = AttachmentFile("a.bmp", "image/bmp", pixel + header + bytes(16 * 48))
    found = await extractor.extract(image, PLAIN)
    assert (found.markdown, found.supported, found.ocr_wanted) == ("", True, 1)


async def test_the_recipe_is_stable_and_without_spaces(extractor: Extractor):
    assert extractor.recipe == extractor.recipe
    assert extractor.recipe
    assert " " not in extractor.recipe


def test_the_languages_of_ocr_are_lower_case_codes(extractor: Extractor):
    assert {"de", "en", "fr"} <= extractor.languages
    assert all(re.fullmatch("[a-z]{2,3}", language) for language in extractor.languages)
