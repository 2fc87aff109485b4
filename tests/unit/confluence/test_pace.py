from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.confluence.pace import Pace, Spacing, read_spacing
from tests.unit.confluence.confluence_fakes import NOW

RESET = (NOW + timedelta(minutes=10)).isoformat()


def answer_well(pace, times, *, was_full=True):
    for _ in range(times):
        pace.note_answer(pace.era, was_full=was_full)


def test_it_starts_with_four_and_grows_by_one_after_a_good_while():
    pace = Pace()
    assert pace.window == 4
    answer_well(pace, 19)
    assert pace.window == 4
    answer_well(pace, 1)
    assert pace.window == 5
    answer_well(pace, 1000)
    assert pace.window == 8


def test_answers_while_there_was_room_prove_nothing():
    pace = Pace()
    answer_well(pace, 1000, was_full=False)
    assert pace.window == 4


def test_throttling_halves_down_to_one():
    pace = Pace()
    windows = []
    for _ in range(4):
        pace.note_throttling(pace.era)
        windows.append(pace.window)
    assert windows == [2, 1, 1, 1]
    assert pace.setbacks == 4
    answer_well(pace, 1)
    assert pace.setbacks == 0


def test_what_was_in_flight_when_the_site_said_no_is_one_setback():
    pace = Pace()
    for _ in range(4):
        pace.note_throttling(0)
    assert (pace.window, pace.setbacks) == (2, 1)


def test_a_late_good_answer_does_not_end_a_setback():
    pace = Pace()
    pace.note_throttling(0)
    pace.note_answer(0, was_full=True)
    assert pace.setbacks == 1


def test_one_timeout_is_the_requests_own_fault_and_two_in_a_row_are_not():
    pace = Pace()
    pace.note_timeout(0)
    answer_well(pace, 1)
    pace.note_timeout(0)
    assert pace.window == 4
    pace.note_timeout(0)
    assert pace.window == 2
    pace.note_timeout(0)
    assert pace.window == 2, "it was in flight before the setback"


def test_a_failure_starts_the_good_while_anew():
    pace = Pace()
    answer_well(pace, 19)
    pace.note_failure()
    answer_well(pace, 19)
    assert pace.window == 4


EVENTS = st.lists(
    st.tuples(st.sampled_from(["answer", "throttling", "timeout", "failure"]), st.integers(0, 3))
)


@given(st.integers(1, 10), EVENTS)
def test_it_rises_by_one_falls_by_half_and_stays_within_bounds(ceiling, events):
    pace = Pace(ceiling)
    for event, age in events:
        before, era = pace.window, pace.era
        sent_in = max(era - age, 0)
        if event == "answer":
            pace.note_answer(sent_in, was_full=True)
        elif event == "failure":
            pace.note_failure()
        else:
            getattr(pace, f"note_{event}")(sent_in)
        assert 1 <= pace.window <= ceiling
        if pace.era > era:
            assert (pace.window, pace.era) == (max(before // 2, 1), era + 1)
            assert sent_in == era
        else:
            assert pace.window in {before, before + 1}
            assert pace.window == before or event == "answer"


@pytest.mark.parametrize(
    ("headers", "seconds", "minutes"),
    [
        ({"nearlimit": "true", "remaining": "100", "reset": RESET}, 6.0, 10),
        ({"nearlimit": "true", "remaining": "100", "reset": "2026-03-26T15:10Z"}, 6.0, 10),
        ({"nearlimit": "true", "remaining": "100", "reset": "2026-03-26T15:10"}, 6.0, 10),
        ({"limit": "1000", "remaining": "199", "reset": RESET}, 600 / 199, 10),
        ({"nearlimit": "true", "remaining": "0", "reset": RESET}, 10.0, 10),
        ({"nearlimit": "true", "remaining": "1", "reset": "9999-12-31T23:59:59Z"}, 10.0, 60),
        ({"nearlimit": "true", "remaining": "50", "reset": "1999-12-31T23:59:59Z"}, 0.0, 0),
        ({"nearlimit": "true"}, 1.0, 1),
        ({"nearlimit": "true", "reset": "soon"}, 1.0, 1),
        # Data Center: 5 more every 10 seconds, 57 of 60 used
        (
            {"limit": "60", "remaining": "3", "interval-seconds": "10", "fillrate": "5"},
            2.0,
            114 / 60,
        ),
    ],
)
def test_a_short_quota_is_stretched_until_it_is_filled_again(headers, seconds, minutes):
    spacing = read_spacing({f"x-ratelimit-{name}": text for name, text in headers.items()}, NOW)
    assert spacing is not None
    assert spacing.interval == pytest.approx(seconds)
    assert spacing.until == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "headers",
    [
        {"limit": "1000", "remaining": "200"},
        {"limit": "1000", "remaining": "1", "nearlimit": "false"},
        {"limit": "0", "remaining": "0", "interval-seconds": "0", "fillrate": "0"},
        {"remaining": "12"},
    ],
)
def test_a_quota_that_is_not_short_lifts_the_spacing(headers):
    spacing = read_spacing({f"x-ratelimit-{name}": text for name, text in headers.items()}, NOW)
    assert spacing == Spacing(0.0, NOW)


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-remaining": "many"}, {"retry-after": "1"}])
def test_silent_headers_change_nothing(headers):
    assert read_spacing(headers, NOW) is None


NAMES = ["limit", "remaining", "reset", "nearlimit", "interval-seconds", "fillrate"]
TEXTS = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.sampled_from(["true", "false", "9" * 5000]),
    st.datetimes().map(str),
)


@given(st.dictionaries(st.sampled_from([f"x-ratelimit-{name}" for name in NAMES]), TEXTS))
def test_no_header_slows_us_down_beyond_bounds(headers):
    spacing = read_spacing(headers, NOW)
    assert spacing is None or (
        0 <= spacing.interval <= 10 and NOW <= spacing.until <= NOW + timedelta(hours=1)
    )
