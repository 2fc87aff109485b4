"""Processes that ask the same Confluence keep to what it bears from all of them together."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from headwater.adapters.confluence.governor import Visitor
from headwater.adapters.confluence.pace import CEILING
from headwater.adapters.confluence.patience import PATIENT, PROMPT
from headwater.adapters.confluence.shares import TRUST_SECONDS
from headwater.adapters.confluence.sites import SILENT_SECONDS, Governors
from headwater.domain.errors import RetryableError, SourceUnreachableError
from headwater.domain.pacing import SitePace, settle
from headwater.jobs.company import SHARE_SECONDS
from tests.unit.confluence.virtual_time import elapsed, run_virtually, virtual_timing

SITE = "https://acme.example/wiki"


@dataclass
class Book:
    """What each process says of each site, in memory; it may be away."""

    said: dict[str, dict[str, SitePace]] = field(default_factory=dict)
    exchanges: int = 0
    is_away: bool = False

    async def exchange(self, seat, mine, silent):
        if self.is_away:
            raise RetryableError("the database is away")
        self.exchanges += 1
        for site, other in silent:
            self.said[site].pop(other)
        for site, said in self.said.items():
            if site not in mine:
                said.pop(seat, None)
        settled = {}
        for site, pace in mine.items():
            said = self.said.setdefault(site, {})
            settled[site] = settle(said, seat, pace)
            said[seat] = settled[site].said
        return settled


class Processes:
    """Some processes that have one site open, each with governors of its own."""

    def __init__(self, *names: str) -> None:
        self.book = Book()
        self.governors = {name: Governors(virtual_timing(), book=self.book) for name in names}
        self.visitors: dict[str, Visitor] = {}
        self.under_way = 0
        self.peak = 0

    async def exchange(self, *names):
        for name in names or self.governors:
            await self.governors[name].exchange(name)

    async def open(self, stack: AsyncExitStack):
        for name, governors in self.governors.items():
            visit = await stack.enter_async_context(governors.join())
            self.visitors[name] = visit(SITE)

    def governor(self, name):
        return self.governors[name]._sites[SITE]

    def limits(self):
        return [self.governor(name).limit for name in self.governors]

    async def ask(self, name, seconds=0.1, patience=PATIENT):
        async with self.visitors[name].turn(patience) as turn:
            self.under_way += 1
            self.peak = max(self.peak, self.under_way)
            try:
                await asyncio.sleep(seconds)
            finally:
                self.under_way -= 1
            turn.note_answer({})

    async def ask_on(self, name, *, times=10**6):
        for _ in range(times):
            await self.ask(name)

    @asynccontextmanager
    async def busy(self, *names, at_once=CEILING, speaking=True):
        """Let processes ask all the time, so many requests at once; and speak when they should."""
        tasks = [asyncio.create_task(self.ask_on(name)) for name in names for _ in range(at_once)]
        if speaking:
            tasks += [asyncio.create_task(self._speak(name)) for name in self.governors]
        await asyncio.sleep(0)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _speak(self, name):
        governors = self.governors[name]
        while True:
            governors.due.clear()
            with suppress(RetryableError):
                await governors.exchange(name)
            with suppress(TimeoutError):
                async with asyncio.timeout(SHARE_SECONDS):
                    await governors.due.wait()

    async def throttle(self, name, seconds):
        async with self.visitors[name].turn(PATIENT) as turn:
            turn.note_throttling({}, seconds, PATIENT)

    def paused(self, name):
        return self.visitors[name].paused_seconds()


def play(*names):
    """Run a scene of such processes."""

    def decorate(scene):
        async def run():
            processes = Processes(*names)
            async with AsyncExitStack() as stack:
                await processes.open(stack)
                await scene(processes)

        def test():
            run_virtually(run())

        test.__name__ = scene.__name__
        test.__doc__ = scene.__doc__
        return test

    return decorate


@play("a", "b", "c")
async def test_the_shares_of_three_processes_are_the_window_of_one(processes):
    async with processes.busy("a", "b", "c"):
        await asyncio.sleep(60)
        assert sorted(processes.limits()) == [2, 3, 3]
        assert processes.peak == CEILING, "it grows to the ceiling, and not beyond"


@play(*(f"p{number:02}" for number in range(3 * CEILING)))
async def test_beyond_the_window_processes_take_turns(processes):
    served = Counter[str]()

    async def ask(name):
        while True:
            await processes.ask(name, seconds=0.4)
            served[name] += 1

    names = [*processes.governors]
    async with processes.busy():
        tasks = [asyncio.create_task(ask(name)) for name in names for _ in range(2)]
        await asyncio.sleep(90)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert processes.peak <= CEILING

    assert min(served[name] for name in names) >= max(served.values()) / 2
    assert sum(served.values()) >= 0.7 * 90 * CEILING / 0.4, "turns are passed on quickly"


@play(*(f"p{number:02}" for number in range(2 * CEILING)))
async def test_a_short_call_is_served_although_more_jobs_are_at_work_than_the_window_is_wide(
    processes,
):
    *jobs, api = processes.governors
    async with processes.busy(*jobs):
        await asyncio.sleep(20)
        for _ in range(5):
            before = elapsed()
            await processes.ask(api, patience=PROMPT)
            assert elapsed() - before < 5
            await asyncio.sleep(3)


@play("a", "b")
async def test_what_throttles_one_pauses_all_and_halves_their_pace(processes):
    async with processes.busy("a", "b"):
        await asyncio.sleep(60)
        before = sum(processes.limits())
        await processes.throttle("a", 60.0)
        await asyncio.sleep(1)
        assert 59.0 <= processes.paused("b") <= 60.5
        assert processes.governor("b").pace.window == before // 2
        await asyncio.sleep(10)
        assert sum(processes.limits()) == before // 2, "one setback counts once"


@play("a", "b")
async def test_a_pause_ends_although_each_hears_of_it_from_the_other(processes):
    await processes.exchange()
    async with processes.busy("a", "b"):
        await asyncio.sleep(1)
        before = elapsed()
        await processes.throttle("a", 30.0)
        await processes.ask("a")
        await processes.ask("b")
        assert 30.0 <= elapsed() - before <= 33.0


@play("a", "b")
async def test_a_process_that_closed_the_site_leaves_its_share_to_the_others(processes):
    async with processes.busy("a", "b"):
        await asyncio.sleep(60)
        assert processes.limits() == [4, 4]
    async with processes.busy("a"):
        processes.visitors["b"].leave()
        await asyncio.sleep(2)
        assert processes.governor("a").limit == CEILING


@play("a", "b")
async def test_what_a_silent_process_held_is_the_others_after_a_while(processes):
    async with processes.busy("a", "b", speaking=False):
        await processes.exchange("b", "a")
    async with processes.busy("a", speaking=False):
        for _ in range(int(SILENT_SECONDS)):
            assert processes.governor("a").limit == 0, "b has it all, as far as anybody knows"
            await asyncio.sleep(1)
            await processes.exchange("a")
        await asyncio.sleep(1)
        await processes.exchange("a")
        assert processes.governor("a").limit == 4


@play("a", "b")
async def test_who_cannot_speak_with_the_others_soon_asks_nothing_any_more(processes):
    async with processes.busy("a"):
        await asyncio.sleep(10)
        processes.book.is_away = True
        await asyncio.sleep(TRUST_SECONDS - 2)
        assert processes.limits()[0] > 0
        await asyncio.sleep(2.1)
        assert processes.limits() == [0, 0]
        with pytest.raises(SourceUnreachableError):
            await processes.ask("b", patience=PROMPT)
        processes.book.is_away = False
        await asyncio.sleep(1.5)
        assert processes.governor("a").limit > 0
        assert processes.under_way > 0, "who waits is let in"


@play("a")
async def test_a_process_that_is_alone_again_has_all_of_the_window(processes):
    await processes.exchange()
    assert processes.governor("a").limit == 0, "it wanted nothing"
    processes.governors["a"].be_alone()
    assert processes.governor("a").limit == 4


@play("a", "b")
async def test_who_was_alone_and_hears_of_another_counts_what_it_has_under_way(processes):
    processes.governors["a"].be_alone()
    async with processes.busy("a", "b", speaking=False):
        await asyncio.sleep(0.05)
        assert processes.under_way == 4
        await processes.exchange()
        assert processes.limits() == [4, 0]
        assert processes.book.said[SITE]["a"].held == 4


@play("a", "b")
async def test_a_quota_that_runs_short_is_spread_over_all_that_ask(processes):
    async with processes.busy("a", "b"):
        await asyncio.sleep(2)
    await processes.exchange()
    async with processes.visitors["a"].turn(PATIENT) as turn:
        turn.note_answer({"x-ratelimit-nearlimit": "true"})
    assert processes.governor("a")._spacing.interval == 2.0


def test_a_process_asks_nothing_until_it_knows_who_else_asks():
    async def run():
        governors = Governors(virtual_timing(), book=Book())
        async with governors.join() as visit:
            visitor = visit(SITE)
            assert governors._sites[SITE].limit == 0
            asking = asyncio.create_task(governors._sites[SITE].take_turn(visitor, PATIENT))
            await governors.due.wait()
            assert elapsed() < 0.2, "it is in a hurry to know"
            await governors.exchange("a")
            await asking

    run_virtually(run())


def test_nothing_is_exchanged_while_no_site_is_open():
    async def run():
        book = Book()
        await Governors(virtual_timing(), book=book).exchange("a")
        assert book.exchanges == 0

    run_virtually(run())


def test_a_process_that_ends_takes_back_what_it_said():
    async def run():
        book = Book()
        governors = Governors(virtual_timing(), book=book)
        await governors.withdraw("a")
        assert book.exchanges == 0, "it said nothing"
        async with governors.join() as visit:
            visit(SITE)
            await governors.exchange("a")
            assert [*book.said[SITE]] == ["a"]
        await governors.withdraw("a")
        assert [*book.said[SITE]] == []

    run_virtually(run())
