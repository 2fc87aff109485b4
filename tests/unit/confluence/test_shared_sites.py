"""Processes that ask the same Confluence keep to what it bears from all of them together."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from headwater.adapters.confluence.governor import Visitor
from headwater.adapters.confluence.pace import CEILING
from headwater.adapters.confluence.patience import PATIENT
from headwater.adapters.confluence.sites import Governors
from tests.unit.confluence.virtual_time import elapsed, run_virtually, virtual_timing

SITE = "https://acme.example/wiki"


@dataclass
class Book:
    """What each process says of each site, in memory."""

    said: dict[str, dict[str, object]] = field(default_factory=dict)
    exchanges: int = 0

    async def exchange(self, seat, mine):
        self.exchanges += 1
        self.said[seat] = dict(mine)
        return {
            site: {
                other: paces[site]
                for other, paces in self.said.items()
                if other != seat and site in paces
            }
            for site in mine
        }


class Processes:
    """Some processes that have one site open, each with governors of its own."""

    def __init__(self, *names: str) -> None:
        self.book = Book()
        self.governors = {name: Governors(virtual_timing(), book=self.book) for name in names}
        self.visitors: dict[str, Visitor] = {}

    async def exchange(self):
        for name, governors in self.governors.items():
            await governors.exchange(name)

    async def open(self, stack: AsyncExitStack):
        for name, governors in self.governors.items():
            visit = await stack.enter_async_context(governors.join())
            self.visitors[name] = visit(SITE)

    def pace(self, name):
        return self.governors[name]._sites[SITE].pace

    async def throttle(self, name, seconds):
        async with self.visitors[name].turn(PATIENT) as turn:
            turn.note_throttling({}, seconds, PATIENT)

    def paused(self, name):
        return self.visitors[name].paused_seconds()


def play(*names):
    """Run a scene of such processes once they have heard of each other."""

    def decorate(scene):
        async def run():
            processes = Processes(*names)
            async with AsyncExitStack() as stack:
                await processes.open(stack)
                for _ in range(2):
                    await processes.exchange()
                await scene(processes)

        def test():
            run_virtually(run())

        test.__name__ = scene.__name__
        test.__doc__ = scene.__doc__
        return test

    return decorate


@play("a", "b", "c")
async def test_the_shares_of_three_processes_are_the_budget_of_one(processes):
    ceilings = [processes.pace(name).ceiling for name in "abc"]
    assert sorted(ceilings) == [2, 3, 3]
    assert sum(ceilings) == CEILING
    assert all(processes.pace(name).window <= processes.pace(name).ceiling for name in "abc")


@play(*(f"p{number}" for number in range(CEILING + 3)))
async def test_beyond_the_budget_each_process_keeps_one_request(processes):
    assert {processes.pace(name).ceiling for name in processes.governors} == {1}


@play("a", "b")
async def test_what_throttles_one_pauses_all_and_halves_their_pace(processes):
    before = processes.pace("b").window
    await processes.throttle("a", 60.0)
    await processes.exchange()
    assert 60.0 <= processes.paused("b") <= 62.0
    assert processes.pace("b").window == before // 2
    for _ in range(3):
        await processes.exchange()
    assert processes.pace("b").window == before // 2, "one setback counts once"


@play("a", "b")
async def test_a_pause_ends_although_each_hears_of_it_from_the_other(processes):
    await processes.throttle("a", 30.0)
    while processes.paused("a") or processes.paused("b"):
        await processes.exchange()
        await asyncio.sleep(1)
    assert 30.0 <= elapsed() <= 33.0


@play("a", "b")
async def test_a_process_that_closed_the_site_leaves_its_share_to_the_others(processes):
    processes.visitors["b"].leave()
    await processes.exchange()
    await processes.exchange()
    assert processes.pace("a").ceiling == CEILING


@play("a")
async def test_a_process_that_is_alone_again_has_all_of_the_budget(processes):
    governors = processes.governors["a"]
    governors._sites[SITE].heed_others(0, {"b": governors._sites[SITE].report()})
    assert processes.pace("a").ceiling == CEILING // 2
    governors.be_alone()
    assert processes.pace("a").ceiling == CEILING


@play("a", "b")
async def test_a_quota_that_runs_short_is_spread_over_all(processes):
    async with processes.visitors["a"].turn(PATIENT) as turn:
        turn.note_answer({"x-ratelimit-nearlimit": "true"})
    assert processes.governors["a"]._sites[SITE]._spacing.interval == 2.0


def test_a_process_begins_with_one_request_until_it_knows_who_else_asks():
    async def run():
        governors = Governors(virtual_timing(), book=Book())
        await governors.exchange("a")
        async with governors.join() as visit:
            visit(SITE)
            assert governors._sites[SITE].pace.window == 1
            await governors.exchange("a")
            assert governors._sites[SITE].pace.window > 1

    run_virtually(run())


def test_nothing_is_exchanged_while_no_site_is_open():
    async def run():
        book = Book()
        await Governors(virtual_timing(), book=book).exchange("a")
        assert book.exchanges == 0

    run_virtually(run())
