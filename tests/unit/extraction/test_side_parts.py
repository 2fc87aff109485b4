"""What stands beside a document's own text: read, or counted as lost."""

import io
import zipfile

from headwater.adapters.extraction.readers import package_text
from headwater.adapters.extraction.readers.package_text import SideText, read_side_parts

CHART = "<c xmlns:a='urn:a'><a:p><a:t>{}</a:t></a:p></c>"


def make_package(*charts):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for number, text in enumerate(charts, 1):
            archive.writestr(f"word/charts/chart{number}.xml", CHART.format(text))
    return held.getvalue()


def test_what_the_document_does_not_say_itself_is_read_once():
    data = make_package("sales rose", "sales rose", "known words")
    assert read_side_parts(data, "the known words") == SideText("sales rose", lost=0)


def test_a_part_that_is_too_large_is_counted(monkeypatch):
    monkeypatch.setattr(package_text, "LARGEST_PART", 100)
    data = make_package("short", "long " * 50)
    assert read_side_parts(data, "") == SideText("short", lost=1)


def test_a_part_that_is_damaged_is_counted_and_leaves_the_others():
    data = make_package("first words", "second words")
    assert read_side_parts(data.replace(b"second", b"sXcond"), "") == SideText(
        "first words", lost=1
    )


def test_what_is_no_package_has_no_parts():
    assert read_side_parts(b"plain", "") == SideText("", lost=0)
