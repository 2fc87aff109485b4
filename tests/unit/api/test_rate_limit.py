import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api.errors import RefusalError
from headwater.api.rate_limit import MAX_IDLE, WINDOW, RateLimiter
from headwater.domain.ids import TenantId

TENANT = TenantId("00000000-0000-4000-8000-000000000001")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def is_admitted(limiter, tenant=TENANT):
    try:
        limiter.admit(tenant)
    except RefusalError:
        return False
    return True


@given(limit=st.integers(1, 4), steps=st.lists(st.floats(0, 40), max_size=40))
def test_no_minute_ever_holds_more_than_the_limit(limit, steps):
    clock = Clock()
    limiter = RateLimiter(limit, clock=clock)
    admitted: list[float] = []
    for step in steps:
        clock.now += step
        recent = [moment for moment in admitted if moment > clock.now - WINDOW]
        expected = len(recent) < limit
        assert is_admitted(limiter) is expected
        admitted += [clock.now] if expected else []


def test_waiting_as_told_is_enough():
    clock = Clock()
    limiter = RateLimiter(1, clock=clock)
    limiter.admit(TENANT)
    clock.now = 20.5
    with pytest.raises(RefusalError) as refused:
        limiter.admit(TENANT)

    assert refused.value.status == 429
    assert refused.value.headers == {"Retry-After": "40"}
    clock.now += 40
    assert is_admitted(limiter)


def test_idle_tenants_are_forgotten_and_active_ones_are_not():
    clock = Clock()
    limiter = RateLimiter(1, clock=clock)
    for number in range(MAX_IDLE + 1):
        limiter.admit(TenantId(f"00000000-0000-4000-8000-{number:012d}"))
    clock.now = WINDOW + 1
    limiter.admit(TENANT)
    clock.now += 1

    assert not is_admitted(limiter)
    assert len(limiter._admitted) == 1
