"""How values read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.console import wording


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59.4, "59 s"),
        (60, "1 min 0 s"),
        (3_599, "59 min 59 s"),
        (3_600, "1 h 0 min"),
        (86_399, "23 h 59 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_reads_in_its_two_largest_units(seconds, text):
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1 KiB"),
        (5 << 20, "5 MiB"),
        (3 << 40, "3,072 GiB"),
    ],
)
def test_bytes_read_in_the_largest_unit_that_fits(number, text):
    assert wording.size(number) == text


def test_numbers_agree_with_their_nouns():
    assert wording.plural(1, "page") == "1 page"
    assert wording.plural(2_000, "page") == "2,000 pages"
    assert wording.plural(0, "entry", "entries") == "0 entries"


def test_rates_have_as_many_digits_as_say_something():
    assert [wording.rate(number) for number in (0.25, 9.9, 10.4, 1234.5)] == [
        "0.2",
        "9.9",
        "10",
        "1,234",
    ]


def test_times_are_in_utc_whatever_zone_they_come_in():
    moment = datetime(2026, 1, 1, 0, 30, 5, tzinfo=timezone(timedelta(hours=2)))
    assert wording.moment(moment) == "2025-12-31 22:30 UTC"
    assert wording.clock(moment) == "22:30:05 UTC"
    assert datetime.fromisoformat(wording.machine_moment(moment)) == moment.astimezone(UTC)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " https://x",
        "data:text/html,x",
        "//x",
        "x",
        "",
    ],
)
def test_what_is_no_web_address_is_not_offered_as_a_link(url):
    assert wording.weblink(url) == ""


@given(st.text())
def test_any_text_is_a_web_link_or_none(text):
    assert wording.weblink(text) in {text, ""}
    assert wording.weblink(f"https://{text}") == f"https://{text}"
