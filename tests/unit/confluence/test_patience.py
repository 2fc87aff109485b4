from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.confluence.confluence_fakes import NOW, FakeClock

from headwater.adapters.confluence.patience import (
    Gate,
    Patience,
    Retries,
    TransientError,
    parse_retry_after,
)
from headwater.domain.errors import SourceUnreachableError

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
    retries = Retries(Patience(attempts=1, longest_wait=300.0, budget=900.0))
    throttled = TransientError(AWAY, throttled=True, retry_after=9_000.0)
    assert [retries.next_wait(throttled, 0.5) for _ in range(3)] == [300.0] * 3
    with pytest.raises(SourceUnreachableError):
        retries.next_wait(throttled, 0.5)


@given(st.floats(0, 1), st.integers(1, 200))
def test_a_wait_is_never_shorter_than_asked_nor_longer_than_allowed(dice, seconds):
    throttled = TransientError(AWAY, throttled=True, retry_after=float(seconds))
    wait = Retries(Patience(longest_wait=300.0)).next_wait(throttled, dice)
    assert seconds <= wait <= 300.0


async def test_the_gate_tells_until_when_it_is_closed_and_that_it_opened():
    clock = FakeClock()
    told: list[datetime | None] = []
    gate = Gate(clock.timing, told.append)
    await gate.wait()
    gate.close(60)
    gate.close(10)
    await gate.wait()
    await gate.wait()
    assert told == [datetime(2026, 3, 26, 15, 1, tzinfo=UTC), None]
    assert clock.sleeps == [60]
