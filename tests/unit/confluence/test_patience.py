from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.confluence.patience import (
    Patience,
    Retries,
    TransientError,
    parse_retry_after,
)
from headwater.domain.errors import SourceUnreachableError
from tests.unit.confluence.confluence_fakes import NOW

AWAY = SourceUnreachableError("away")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("7.9", 7.0),
        ("-5", 0.0),
        ("9223372036854775807", 31_536_000.0),
        ("9" * 5000, 31_536_000.0),
        ("Thu, 26 Mar 2026 15:00:30 GMT", 30.0),
        ("Thu, 26 Mar 2026 14:00:00 GMT", 0.0),
        ("Thu, 26 Mar 2026 15:00:30 -0000", 30.0),
        ("Fri, 26 Mar 9999 15:00:30 GMT", 31_536_000.0),
        ("Thu, 99 Mar 2026 15:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_within_bounds(text, seconds):
    assert parse_retry_after(text, NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_breaks_us(text):
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or 0 <= seconds <= 31_536_000


@given(st.integers(0, 86_400))
def test_an_http_date_means_the_time_until_then(seconds):
    text = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(text, NOW) == seconds


def test_the_wait_doubles_and_ends_with_the_attempts():
    retries = Retries(Patience(attempts=4, first_wait=1.0))
    waits = [retries.next_wait(TransientError(AWAY), 1.0) for _ in range(3)]
    assert waits == [1.0, 2.0, 4.0]
    with pytest.raises(SourceUnreachableError, match="away"):
        retries.next_wait(TransientError(AWAY), 1.0)


def test_throttling_uses_up_the_budget_and_not_the_attempts():
    retries = Retries(Patience(attempts=1, budget=900.0))
    throttled = TransientError(AWAY, throttled=True)
    for _ in range(3):
        retries.sit_out(throttled, 300.0)
    with pytest.raises(SourceUnreachableError) as caught:
        retries.sit_out(throttled, 299.5)
    assert caught.value.retry_after == 300.0


def test_a_pause_that_is_over_already_still_costs_a_little():
    retries = Retries(Patience(attempts=1, first_wait=1.0, budget=2.5))
    throttled = TransientError(AWAY, throttled=True)
    assert [retries.next_wait(throttled, 1.0) for _ in range(2)] == [1.0, 1.0]
    with pytest.raises(SourceUnreachableError):
        retries.next_wait(throttled, 1.0)


@given(st.floats(0, 1), st.integers(1, 3600), st.integers(0, 100))
def test_a_pause_is_as_long_as_asked_and_hardly_longer(dice, seconds, setbacks):
    length = Patience(longest_wait=300.0).length_of_pause(float(seconds), setbacks, dice)
    assert seconds <= length <= max(seconds + 1, 300.0)


@pytest.mark.parametrize("seconds", [3601.0, 31_536_000.0])
def test_a_pause_that_nobody_can_mean_is_cut(seconds):
    assert Patience().length_of_pause(seconds, 1, 0.5) == 300.0


@given(st.floats(0, 1), st.sampled_from([None, 0.0]))
def test_a_pause_without_an_announced_end_grows_with_every_setback_up_to_a_limit(dice, announced):
    lengths = [Patience().length_of_pause(announced, number, dice) for number in range(1, 40)]
    assert lengths == sorted(lengths)
    assert 0.25 <= lengths[0] <= 0.5
    assert lengths[-1] == 300.0
