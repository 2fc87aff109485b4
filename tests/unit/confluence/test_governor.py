import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.confluence.governor import SiteGovernor
from headwater.adapters.confluence.patience import PROMPT, Patience, Timing
from headwater.adapters.confluence.sites import Governors
from headwater.domain.errors import SourceUnreachableError
from tests.unit.confluence.confluence_fakes import NOW
from tests.unit.confluence.virtual_time import DeadlockError, elapsed, run_virtually, virtual_timing

ENDLESS = Patience(first_wait=0.1, longest_wait=60.0, budget=float("inf"))
NEAR = {"x-ratelimit-nearlimit": "true"}


@dataclass
class Site:
    """Answers as scripted, then always well; complains of whatever breaks the rules."""

    governor: SiteGovernor
    script: list[tuple[str, float, float]] = field(default_factory=list)
    sent: list[tuple[str, float]] = field(default_factory=list)
    announced: float = 0.0
    in_flight: int = 0
    peak: int = 0

    async def answer(self, name: str) -> tuple[str, float]:
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        assert self.in_flight <= self.governor.pace.window, "more in flight than allowed"
        assert elapsed() >= self.announced - 1e-5, "asked during a pause"
        self.sent.append((name, elapsed()))
        outcome, latency, retry_after = self.script.pop(0) if self.script else ("ok", 0.1, 0.0)
        try:
            await asyncio.sleep(latency)
        finally:
            self.in_flight -= 1
        return outcome, retry_after

    async def ask(self, visitor, name: str, patience=ENDLESS) -> None:
        """Ask until it is answered well."""
        outcome = ""
        while outcome != "ok":
            async with visitor.turn(patience) as turn:
                outcome, retry_after = await self.answer(name)
                self._note(turn, outcome, retry_after, patience)

    def _note(self, turn, outcome, retry_after, patience) -> None:
        if outcome == "ok":
            turn.note_answer({})
        elif outcome == "throttling":
            self.announced = max(self.announced, elapsed() + retry_after)
            turn.note_throttling({}, retry_after, patience)
        elif outcome == "timeout":
            turn.note_timeout()
        else:
            turn.note_failure()


SCRIPTS = st.lists(
    st.tuples(
        st.sampled_from(["ok", "throttling", "throttling", "timeout", "failure"]),
        st.floats(0.0, 5.0),
        st.floats(0.0, 100.0),
    ),
    max_size=40,
)
CALLERS = st.lists(
    st.tuples(st.floats(0.0, 50.0), st.integers(1, 15), st.floats(0.0, 100.0)),
    min_size=1,
    max_size=5,
)


@given(SCRIPTS, CALLERS, st.integers(1, 10), st.floats(0, 1))
def test_every_request_is_served_never_too_many_at_once_and_never_during_a_pause(
    script, callers, ceiling, dice
):
    """Callers come, ask several things at once, and some lose interest half-way."""

    async def work():
        governor = SiteGovernor(virtual_timing(lambda: dice), ceiling=ceiling)
        site = Site(governor, list(script))
        told: list[object] = []

        async def call(number, starts, requests, leaves):
            await asyncio.sleep(starts)
            visitor = governor.join(told.append)
            tasks = [asyncio.create_task(site.ask(visitor, str(number))) for _ in range(requests)]
            if number % 2:
                await asyncio.wait(tasks, timeout=leaves)
                for task in tasks:
                    task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            visitor.leave()
            assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends)
            assert number % 2 or all(end is None for end in ends)

        await asyncio.gather(*(call(number, *one) for number, one in enumerate(callers)))
        assert governor.in_flight == site.in_flight == 0
        assert governor.is_idle or governor.paused_seconds() > 0
        return told

    run_virtually(work())


def opened_governor():
    return SiteGovernor(virtual_timing())


def test_without_trouble_the_site_is_asked_more_and_more_at_once():
    async def work():
        governor = opened_governor()
        site, visitor = Site(governor), governor.join()
        await asyncio.gather(*(site.ask(visitor, "job") for _ in range(200)))
        return site.peak, governor.pace.window

    assert run_virtually(work()) == (8, 8)


def test_a_pause_stops_everybody_and_everybody_hears_of_it():
    async def work():
        governor = opened_governor()
        site = Site(governor, [("throttling", 0.0, 60.0)])
        told: dict[str, list[object]] = {"job": [], "other": [], "late": []}
        visitors = {name: governor.join(told[name].append) for name in ("job", "other")}
        asking = asyncio.create_task(site.ask(visitors["job"], "job"))
        await asyncio.sleep(1)
        visitors["late"] = governor.join(told["late"].append)
        await asyncio.gather(
            asking, *(site.ask(visitors[name], name) for name in ("other", "late"))
        )
        until = NOW + timedelta(seconds=60.5)
        assert told == {name: [until, None] for name in told}
        return sorted(moment for _, moment in site.sent)

    assert run_virtually(work()) == [0.0, 60.5, 60.5, 60.6]


def test_the_end_of_a_pause_is_told_although_nobody_asks():
    async def work():
        governor = opened_governor()
        told = []
        governor.join(lambda until: told.append((until is None, elapsed())))
        governor.pause(30)
        governor.pause(10)
        governor.pause(40)
        await asyncio.sleep(50)
        return told

    assert run_virtually(work()) == [(False, 0.0), (False, 0.0), (True, 40.0)]


def test_a_short_call_is_served_between_the_requests_of_a_large_job():
    async def work():
        governor = opened_governor()
        site, job, call = Site(governor), governor.join(), governor.join()
        large = [asyncio.create_task(site.ask(job, "job")) for _ in range(500)]
        await asyncio.sleep(0.05)
        before = len(site.sent)
        await site.ask(call, "call", PROMPT)
        served = [name for name, _ in site.sent[before:]]
        await asyncio.gather(*large)
        return served.index("call")

    assert run_virtually(work()) <= 1


async def refused(work):
    with pytest.raises(SourceUnreachableError) as caught:
        await work
    return elapsed(), caught.value.retry_after


def test_who_cannot_sit_a_pause_out_is_told_at_once_when_to_come_back():
    async def work():
        governor = opened_governor()
        visitor, site = governor.join(), Site(governor)
        governor.pause(60)
        patient = asyncio.create_task(site.ask(visitor, "job", Patience(budget=60)))
        at_the_door = await refused(site.ask(visitor, "call", PROMPT))
        await patient
        # and who waits already when the pause begins
        held = [asyncio.create_task(governor.take_turn(visitor, ENDLESS)) for _ in range(4)]
        waiting = asyncio.create_task(refused(site.ask(visitor, "call", PROMPT)))
        await asyncio.gather(*held)
        governor.pause(11)
        assert [name for name, _ in site.sent] == ["job"]
        return at_the_door, await waiting

    assert run_virtually(work()) == ((0.0, 60.0), (60.1, 11.0))


def test_a_prompt_call_does_not_wait_for_ever_behind_slow_answers():
    async def work():
        governor = opened_governor()
        job, call = governor.join(), governor.join()
        site = Site(governor, [("ok", 100.0, 0.0)] * 4)
        slow = [asyncio.create_task(site.ask(job, "job")) for _ in range(4)]
        await asyncio.sleep(0)
        assert await refused(site.ask(call, "call", PROMPT)) == (10.0, 1.0)
        await asyncio.gather(*slow)
        await site.ask(call, "call", PROMPT)
        return governor.in_flight

    assert run_virtually(work()) == 0


def test_a_short_quota_spreads_requests_until_it_is_filled_again():
    async def work():
        governor = opened_governor()
        hungry, other = governor.join(), governor.join()
        site = Site(governor)
        async with hungry.turn(ENDLESS) as turn:
            turn.note_answer({**NEAR, "x-ratelimit-remaining": "30"})  # and a minute, unless told
        async with other.turn(ENDLESS) as turn:
            turn.note_answer({"x-ratelimit-nearlimit": "false", "x-ratelimit-remaining": "900"})
        await asyncio.gather(*(site.ask(other, "job") for _ in range(60)))
        return [moment for _, moment in site.sent]

    moments = run_virtually(work())
    spaced = [moment for moment in moments if moment < 60]
    assert spaced == pytest.approx([4.0 + 2 * number for number in range(28)])
    assert moments[-1] < 62


def test_the_source_that_saw_the_quota_short_may_see_it_filled():
    async def work():
        governor = opened_governor()
        visitor = governor.join()
        for headers in (NEAR, {"x-ratelimit-nearlimit": "false"}):
            async with visitor.turn(ENDLESS) as turn:
                turn.note_answer(headers)
        before = elapsed()
        await asyncio.gather(*(Site(governor).ask(visitor, "job") for _ in range(4)))
        return elapsed() - before

    assert run_virtually(work()) == pytest.approx(0.1)


def test_a_pause_that_begins_just_before_a_request_is_sent_still_holds_it_back():
    async def work():
        governor = opened_governor()
        visitor, site = governor.join(), Site(governor)
        for _ in range(4):
            await governor.take_turn(visitor, ENDLESS)
        waiting = asyncio.create_task(site.ask(visitor, "job"))
        await asyncio.sleep(0)
        governor.end_turn()
        governor.pause(5)
        await waiting
        return site.sent

    assert run_virtually(work()) == [("job", 5.0)]


def test_a_request_that_is_cancelled_just_before_it_is_sent_leaves_its_place_to_the_next():
    async def work():
        governor = opened_governor()
        visitor, site = governor.join(), Site(governor)
        for _ in range(4):
            await governor.take_turn(visitor, ENDLESS)
        waiting = [asyncio.create_task(site.ask(visitor, name)) for name in ("first", "second")]
        await asyncio.sleep(0)
        governor.end_turn()
        waiting[0].cancel()
        await waiting[1]
        return site.sent

    assert run_virtually(work()) == [("second", 0.0)]


def test_a_clock_that_is_set_back_makes_no_pause_longer():
    async def work():
        offset = 0.0

        def now():
            return NOW + timedelta(seconds=elapsed() + offset)

        timing = Timing(now=now, sleep=asyncio.sleep, dice=lambda: 0.5, watch=elapsed)
        governor = SiteGovernor(timing)
        told: list[datetime | None] = []
        visitor, site = governor.join(told.append), Site(governor)
        governor.pause(30)
        asking = asyncio.create_task(site.ask(visitor, "job"))
        await asyncio.sleep(10)
        offset = -3600.0
        assert governor.paused_seconds() == 20.0
        governor.pause(25)
        assert told[-1] == NOW + timedelta(seconds=35 - 3600), "a date is what the wall shows"
        await asking
        async with visitor.turn(ENDLESS) as turn:
            turn.note_answer({**NEAR, "x-ratelimit-remaining": "10"})
        asking = asyncio.create_task(site.ask(visitor, "job"))
        await asyncio.sleep(1)
        offset = -7200.0
        await asking
        return [moment for _, moment in site.sent]

    assert run_virtually(work()) == pytest.approx([35.0, 41.1])


def test_a_clock_that_is_set_back_holds_up_no_request():
    async def work():
        offset = 0.0

        def now():
            return NOW + timedelta(seconds=elapsed() + offset)

        timing = Timing(now=now, sleep=asyncio.sleep, dice=lambda: 0.5, watch=elapsed)
        governor = SiteGovernor(timing)
        visitor, site = governor.join(), Site(governor)
        await site.ask(visitor, "job")
        offset = -86400.0
        await site.ask(visitor, "job")
        return site.sent[-1][1]

    assert run_virtually(work()) < 1.0


def test_without_anybody_to_end_a_turn_the_tests_would_notice():
    async def work():
        governor = opened_governor()
        visitor = governor.join()
        for _ in range(5):
            await governor.take_turn(visitor, ENDLESS)

    with pytest.raises(DeadlockError):
        run_virtually(work())


@asynccontextmanager
async def joined(governors, site="https://a.example.com/wiki", on_wait=None):
    async with governors.join(on_wait) as visit:
        yield visit(site)


async def test_one_site_has_one_governor_and_another_has_its_own():
    governors = Governors()
    async with (
        joined(governors) as one,
        joined(governors) as two,
        joined(governors, "https://a.example.com/confluence") as other,
    ):
        assert one is not two
        async with one.turn(ENDLESS) as turn:
            turn.note_throttling({}, 60.0, ENDLESS)
        assert two.paused_seconds() > 59
        assert other.paused_seconds() == 0


async def test_one_source_is_one_visitor_of_a_site():
    async with Governors().join() as visit:
        assert visit("https://a.example.com/wiki") is visit("https://a.example.com/wiki")


def test_a_site_that_nobody_has_open_is_forgotten_once_its_pause_is_over():
    async def work():
        governors = Governors(virtual_timing())
        async with joined(governors):
            pass
        assert list(governors.sites) == []
        async with joined(governors) as visitor, visitor.turn(ENDLESS) as turn:
            turn.note_throttling({}, 60.0, ENDLESS)
        assert len(governors.sites) == 1
        told: list[object] = []
        async with joined(governors, on_wait=told.append) as visitor:
            assert told == [NOW + timedelta(seconds=60.5)]
            async with visitor.turn(ENDLESS):
                assert elapsed() == 60.5
        assert told[1:] == [None]
        assert list(governors.sites) == []

    run_virtually(work())


def test_the_last_to_leave_stops_the_clock():
    async def work():
        governors = Governors(virtual_timing())
        async with joined(governors) as visitor, visitor.turn(ENDLESS) as turn:
            turn.note_throttling({}, 60.0, ENDLESS)
        await asyncio.sleep(0)
        return len(asyncio.all_tasks()), elapsed()

    assert run_virtually(work()) == (1, 0.0)
