import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.quotas import MAX_IDLE, WINDOW, OpenStreams, RateLimiter
from headwater.domain.errors import TooManyRequestsError, TooManyStreamsError
from headwater.domain.ids import TenantId

TENANT = TenantId("00000000-0000-4000-8000-000000000001")
OTHER = TenantId("00000000-0000-4000-8000-000000000002")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def is_admitted(limiter, tenant=TENANT):
    try:
        limiter.admit(tenant)
    except TooManyRequestsError:
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
    with pytest.raises(TooManyRequestsError) as refused:
        limiter.admit(TENANT)

    assert refused.value.retry_after == 40
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


async def test_a_tenant_follows_a_bounded_number_of_jobs_and_others_follow_theirs():
    streams = OpenStreams(limit=2)

    async def events():
        yield "one"
        yield "two"

    reading = [streams.count(TENANT, events()) for _ in range(2)]
    for stream in reading:
        streams.check_room(TENANT)
        assert await anext(stream) == "one"
    with pytest.raises(TooManyStreamsError):
        streams.check_room(TENANT)
    streams.check_room(OTHER)
    assert [event async for event in reading[0]] == ["two"]
    streams.check_room(TENANT)
