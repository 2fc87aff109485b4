"""The decisions that need no worker: what a file is, what a page is worth, what a text looks like."""

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import rapidocr
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.extraction.composition import compose_extraction, plan_batches
from headwater.adapters.extraction.frames import Frame, FrameError, pack_frame, read_frame
from headwater.adapters.extraction.lanes import Quarantine
from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.ocr.languages import can_read, find_unreadable
from headwater.adapters.extraction.readers.page_triage import PageSigns, PageState, judge_page
from headwater.adapters.extraction.readers.pdf import restore_hyphens
from headwater.adapters.extraction.reading import (
    Reading,
    Scan,
    ScannedText,
    Section,
    cut_reading,
    nest_readings,
    read_whole,
    with_own_file,
)
from headwater.adapters.extraction.rich_text import (
    clean_markdown,
    clean_text,
    demote_headings,
    fence_code,
    measure_recall,
    place_below,
)
from headwater.adapters.extraction.sniffing import Format, sniff_format
from headwater.adapters.extraction.worker import serve
from headwater.domain.errors import DocumentError, FailureType
from tests.unit.extraction.files import make_docx, make_encrypted_office, make_zip


def reader_of(data):
    stream = io.BytesIO(data)

    def read_exactly(size):
        found = stream.read(size)
        if len(found) < size:
            raise FrameError("ended")
        return found

    return read_exactly


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20)), st.lists(st.binary(max_size=50)))
def test_a_frame_comes_out_as_it_went_in(header, blobs):
    header.pop("sizes", None)
    found = read_frame(reader_of(b"".join(pack_frame(Frame(header, blobs)))))
    assert found == Frame(header, tuple(blobs))


@given(st.binary(max_size=200))
def test_noise_is_no_frame_and_costs_nothing(noise):
    try:
        found = read_frame(reader_of(noise))
    except FrameError:
        return
    assert isinstance(found, Frame)


@pytest.mark.parametrize(
    "header",
    [b"[]", b"{}", b'{"sizes": 3}', b'{"sizes": [-1]}', b'{"sizes": [999999999999]}', b"\xff", b'{"sizes": [true]}'],
)  # fmt: skip
def test_headers_that_no_honest_worker_sends(header):
    with pytest.raises(FrameError):
        read_frame(reader_of(len(header).to_bytes(4, "big") + header))
    with pytest.raises(FrameError):
        read_frame(reader_of(b"\xff\xff\xff\xff"))


def test_the_worker_answers_until_its_input_ends(monkeypatch):
    monkeypatch.setattr("headwater.adapters.extraction.worker.allow_cpu", lambda _seconds: None)

    def work(request, _limits):
        raise {
            "refuse": DocumentError(FailureType.ACCESS_DENIED, "locked"),
            "swell": MemoryError(),
            "break": ZeroDivisionError(),
        }[request.header["how"]]

    requests = [Frame({"do": "work", "how": how}) for how in ("refuse", "swell", "break")]
    written = io.BytesIO()
    sent = b"".join(part for request in requests for part in pack_frame(request))
    serve(io.BytesIO(sent), written, Limits(), {"work": work})
    read = reader_of(written.getvalue())
    assert read_frame(read).header == {"ready": True}
    answers = [read_frame(read).header for _ in requests]
    assert [answer["error"] for answer in answers] == ["ACCESS_DENIED", "FILE_TOO_LARGE", "PARSE_ERROR"]  # fmt: skip
    assert "ZeroDivisionError" in str(answers[2]["message"])
    assert all(answer["resident"] for answer in answers)


def test_quarantine_forgets_the_oldest_of_very_many():
    quarantine = Quarantine(1)
    quarantine.blame(b"first")
    with pytest.raises(DocumentError, match="not tried again"):
        quarantine.admit(b"first")
    for number in range(10_000):
        quarantine.blame(str(number).encode())
    quarantine.admit(b"first")


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"%PDF-1.4", "a.bin", Format.PDF),
        (b"junk\n%PDF-1.4", "", Format.PDF),
        (make_docx("x"), "a.zip", Format.DOCX),
        (make_zip({"xl/workbook.bin": "x", "[Content_Types].xml": ""}), "", Format.XLSB),
        (make_zip({"[Content_Types].xml": ""}), "", Format.ZIP),
        (make_zip({"mimetype": "application/epub+zip"}), "", Format.EPUB),
        (
            make_zip({"mimetype": "application/vnd.oasis.opendocument.text-template"}),
            "",
            Format.ODT,
        ),
        (make_zip({"mimetype": "x" * 5000}), "", Format.ZIP),
        (make_encrypted_office(), "a.docx", Format.ENCRYPTED),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Book".encode("utf-16-le") + b"\0\0",
            "",
            Format.XLS,
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "a.msi", Format.UNKNOWN),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "a.doc", Format.DAMAGED),
        (b"BMW is a car maker, and this is a text", "a.txt", Format.TEXT),
        (b"BM" + bytes(60), "", Format.IMAGE),
        (b"RIFF\0\0\0\0WEBPVP8 ", "", Format.IMAGE),
        (b"RIFF\0\0\0\0WAVE", "a.wav", Format.UNKNOWN),
        (b"  {\\rtf1", "", Format.RTF),
        (b"<?xml version='1.0'?><html><p>", "a.xml", Format.HTML),
        (b"<!DOCTYPE html><p>", "a.txt", Format.HTML),
        (b"<!-- saved --><HTML><svg>", "a.txt", Format.HTML),
        (b"<!doctype html><svg></svg><mxfile>", "a.htm", Format.HTML),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><svg:svg>", "", Format.SVG),
        (b"<?xml version='1.0'?><!-- x -->\n<mxfile host='a'>", "a.xml", Format.DRAWIO),
        (b"<!---->" * 500, "a.txt", Format.TEXT),
        (b"\0\1", "a.encrypted", Format.UNKNOWN),
        (b"<p>a fragment", "a.html", Format.HTML),
        (b"<mail@example.org> wrote", "a.txt", Format.TEXT),
        (b"From: a@b.c\r\nDate: today\r\n\r\nhello", "a.txt", Format.EML),
        (b"From: the beginning\n\nTo: the end", "a.txt", Format.TEXT),
        (b"a,b", "a.csv", Format.CSV),
        (b"a,b", "", Format.TEXT),
        (b"\xff\xfea\0", "a.md", Format.MARKDOWN),
        (b"a\0b\0", "", Format.UNKNOWN),
    ],
)
def test_the_format_is_known_by_its_content(data, name, expected):
    assert sniff_format(data, name, "") is expected


def test_the_media_type_helps_where_the_name_does_not():
    assert sniff_format(b"a,b", "export", "text/csv; charset=utf-8") is Format.CSV
    assert sniff_format(b"a\0b", "export", "application/pdf") is Format.DAMAGED


@given(st.binary(max_size=300), st.sampled_from(["a.pdf", "a.docx", "a.txt", "a", "a.png"]))
def test_no_bytes_confuse_the_sniffer(data, name):
    for start in (b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<?xml "):
        assert isinstance(sniff_format(start + data, name, ""), Format)


WORDS = "The gateway routes card payments to three acquirers, every day of the year."


@pytest.mark.parametrize(
    ("text", "pictures", "paths", "unmapped", "expected"),
    [
        (WORDS, 0.0, 0, 0.0, PageState.TEXT),
        (WORDS, 0.0, 0, 0.9, PageState.TEXT),
        (WORDS * 3, 1.0, 0, 0.0, PageState.TEXT),
        (WORDS, 0.9, 0, 0.0, PageState.SCAN),
        ("", 0.0, 0, 0.0, PageState.BLANK),
        ("7", 0.0, 0, 0.0, PageState.TEXT),
        ("", 0.9, 0, 0.0, PageState.SCAN),
        ("", 0.0, 500, 0.0, PageState.SCAN),
        (" . . . . . .\x02", 0.1, 0, 0.0, PageState.SCAN),
        ("\x01\x03\x04\x05", 0.0, 0, 0.0, PageState.GARBLED),
        (WORDS.replace("a", "\ufffd").replace("e", "\x03"), 0.0, 0, 0.0, PageState.GARBLED),
        ("\ue001" * 40 + WORDS, 0.0, 0, 0.0, PageState.GARBLED),
        (WORDS + "\x03\x04\x05", 0.0, 0, 0.8, PageState.GARBLED),
        ("$%&/ ()=?" * 20, 0.0, 0, 0.0, PageState.SCAN),
    ],
)
def test_what_a_page_is_worth(text, pictures, paths, unmapped, expected):
    assert judge_page(PageSigns(text, pictures, paths, unmapped)) is expected


def test_escapes_go_but_cells_and_headings_stay():
    assert clean_markdown("1\\. a \\<b\\> \\_c\\_") == "1. a <b> _c_"
    assert clean_markdown("| a \\| b |") == "| a \\| b |"
    assert clean_markdown("\\# no heading \\#") == "\\# no heading #"
    assert clean_markdown("```\nre\\.match\n|  |\n```\nx\\.y") == "```\nre\\.match\n|  |\n```\nx.y"
    assert clean_markdown("| a |\n|  |\n| --- |") == "| a |\n| --- |"
    assert clean_markdown(f"![x](data:image/png;base64,{'A' * 100})") == "![x]()"


def test_texts_lose_what_nobody_sees():
    assert clean_text("Donau\u00addampf\r\nschiff\u00a0 \n\n\n\n\uf0b7 a\x07") == "Donaudampf\nschiff\n\n\u2022 a"  # fmt: skip


@given(st.text(alphabet="ab#`~| \n\\-", max_size=80))
def test_cleaning_twice_is_cleaning_once_for_plain_lines(text):
    once = clean_text(text)
    assert clean_text(once) == once


@given(
    st.lists(
        st.sampled_from(["alpha", "beta", "# gamma", "```", "- delta", "epsilon"]), max_size=12
    )
)
def test_no_word_is_lost_in_cleaning_and_moving_headings(lines):
    text = "\n".join(lines)
    kept = place_below(clean_markdown(text))
    assert [word for word in kept.split() if word.isalpha()] == [word for word in text.split() if word.isalpha()]  # fmt: skip


def test_headings_move_down_but_not_in_code():
    assert demote_headings("# a\n```\n# b\n```\n##### c", 2) == "### a\n```\n# b\n```\n###### c"
    assert place_below("## a\n### b") == "### a\n#### b"
    assert place_below("#### a") == "#### a"
    assert fence_code("a ``` b", "json").startswith("````json\n")


def test_words_broken_at_a_hyphen_of_their_own_get_it_back():
    raw = "ticket OPS\x02\r\n3381 is inter\x02\r\nnational"
    assert restore_hyphens("ticket OPS3381 is international", raw) == "ticket OPS-3381 is international"  # fmt: skip
    assert measure_recall("a b b c", "b c") == 0.5
    assert measure_recall("", "b") == 0.0


def test_ocr_languages():
    assert find_unreadable(["en", "RU", "vi-VN", "de-AT", "zh_Hans", "deu"]) == ["RU", "vi-VN"]
    assert find_unreadable(["english", "", "e", "xx"]) == ["english", "", "e", "xx"]
    assert can_read([])
    assert can_read(["de", "ru"])
    assert not can_read(["ru"])


LETTERS = {
    "cs": "áčďéěíňóřšťúůýž",
    "de": "äöüß",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "hu": "áéíóöőúüű",
    "is": "áðéíóúýþæö",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "mt": "ċġħż",
    "pl": "ąćęłńóśźż",
    "ro": "ăâîșț",
    "tr": "çğıöşü",
    "ja": "のはがをアイウ日本",
    "zh": "的中国这们",
    "ru": "жщю",
    "ko": "가나다",
    "vi": "ạảấầ",
}


def test_readable_languages_are_those_whose_letters_the_model_knows():
    folder = Path(rapidocr.__file__).parent / "models"
    session = onnxruntime.InferenceSession(next(folder.glob("*rec*.onnx")))
    known = set(session.get_modelmeta().custom_metadata_map["character"].split("\n"))
    found = {language for language, letters in LETTERS.items() if set(letters) <= known}
    assert found == {language for language in LETTERS if can_read([language])}


def test_readings_survive_the_way_through_a_frame():
    reading = Reading(
        (Section("Page 1", "a"), Section("", "b")),
        (Scan(0), Scan(1, 2, 1, (0.0, 1.0, 2.0, 3.0))),
        (b"image",),
        truncated=True,
        losses={"x": 1},
    )
    parts = pack_frame(Frame({"reading": reading.to_json()}, reading.images))
    found = read_frame(reader_of(b"".join(parts)))
    sent: Any = found.header["reading"]
    assert Reading.from_json(sent, tuple(found.blobs)) == reading


@pytest.mark.parametrize(
    "change",
    [
        {"sections": [{"heading": "x"}]},
        {"sections": 7},
        {"scans": [{"section": 9, "page": 0, "source": 0, "box": None}]},
        {"scans": [{"section": 0, "page": 0, "source": 3, "box": None}]},
        {"scans": [{"section": 0, "page": 0, "source": 0, "box": [1]}]},
        {"losses": {"x": "many"}},
    ],
)
def test_readings_that_no_honest_worker_sends(change):
    sent = {**Reading((Section("", "a"),)).to_json(), **change}
    with pytest.raises((KeyError, TypeError, ValueError)):
        Reading.from_json(sent, ())


def test_a_reading_is_cut_at_its_limit_and_says_so():
    reading = Reading((Section("1", "abc"), Section("2", "def")), (Scan(1),))
    assert cut_reading(reading, 6) == reading
    cut = cut_reading(reading, 4)
    assert [section.text for section in cut.sections] == ["abc", "d"]
    assert cut.truncated
    assert cut.scans == reading.scans


def test_a_file_in_an_archive_in_a_mail_carries_its_scans_but_not_the_archive():
    page = with_own_file(Reading((Section("", ""),), (Scan(0),)), b"image")
    archive = with_own_file(nest_readings([("a", read_whole("x")), ("b", page)]), b"archive")
    mail = nest_readings([("", read_whole("body")), ("zip", archive), ("c", page)])
    assert mail.images == (b"image", b"image")
    assert mail.scans == (Scan(2, source=1), Scan(3, source=2))


def test_scans_are_asked_for_in_batches_of_one_file():
    scans = [Scan(n, n) for n in range(5)] + [Scan(5, source=1)]
    batches = plan_batches(scans, 2)
    assert [(source, len(batch)) for source, batch in batches] == [(0, 2), (0, 2), (0, 1), (1, 1)]


def test_the_longer_of_a_pages_own_text_and_its_scan_is_kept_and_pictures_are_added():
    reading = Reading(
        (
            Section("Page 1", "short"),
            Section("Page 2", "a long text of its own"),
            Section("Page 3", ""),
        ),
        (Scan(0), Scan(1), Scan(1, box=(0.0, 0.0, 1.0, 1.0)), Scan(2)),
    )
    scanned = {
        Scan(0): ScannedText("longer than short", 0.9),
        Scan(1): ScannedText("less", 0.5),
        Scan(1, box=(0.0, 0.0, 1.0, 1.0)): ScannedText("in the picture", 0.7),
    }
    found = compose_extraction(reading, scanned, 1000)
    assert found.markdown == (
        "## Page 1\n\nlonger than short\n\n## Page 2\n\na long text of its own\n\nin the picture"
    )
    assert (found.ocr_pages, found.ocr_wanted) == (3, 0)
    assert found.losses == {"scan beyond limit": 1}
    assert found.page_confidences == {"Page 1": 0.9, "Page 2": 0.7}
    assert found.paged
    assert 0.5 < (found.ocr_confidence or 0) < 0.9
    cut = compose_extraction(reading, scanned, 10)
    assert cut.truncated
    assert len(cut.markdown) == 10


def test_limits_fit_through_the_command_line():
    assert Limits(**asdict(Limits())) == Limits()
