"""Who lives and who is gone, without a clock that two could read differently."""

import asyncio
from math import ceil
from typing import Any

import pytest

from headwater.domain.errors import ClaimLostError, RetryableError
from headwater.domain.ids import ContentId
from headwater.domain.pacing import SitePace
from headwater.domain.sync import Action, Decision
from headwater.jobs.executors import take_seat
from headwater.jobs.fencing import Fence, fence_ports
from headwater.jobs.seats import (
    BEAT_SECONDS,
    SILENT_SECONDS,
    TRUST_SECONDS,
    FileSeats,
    LeasedSeats,
    make_watch,
)
from tests.contract.catalog_samples import (
    ENGINES,
    add_running_job,
    make_listed,
    make_ref,
    open_engine,
)
from tests.unit.services.service_fakes import open_ports


class Wrist:
    """A watch that is turned by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


async def take(stores, watch):
    seats = LeasedSeats(stores.seats, read_watch=watch)
    await seats.take()
    return seats


async def look(seats, names=()):
    async with seats.hold_gone() as find_gone:
        return set(await find_gone(names))


async def pass_time(observer, *watches, seconds=SILENT_SECONDS):
    """Let time pass on these watches, with a look every few seconds; the observer lives."""
    for _ in range(ceil(seconds / BEAT_SECONDS) + 1):
        await observer.keep()
        await look(observer)
        for watch in watches:
            watch.time += BEAT_SECONDS


def test_who_counts_on_is_never_silent():
    watch = make_watch()
    for step in range(20):
        assert watch.note({"a": step}, now=step * SILENT_SECONDS) == {}


def test_who_stops_counting_is_silent_after_a_while_by_the_observers_own_watch():
    watch = make_watch()
    for second in range(int(SILENT_SECONDS)):
        assert watch.note({"a": 7, "b": second}, now=second) == {}
    assert watch.note({"a": 7, "b": 99}, now=SILENT_SECONDS) == {"a": 7}


def test_nobody_is_silent_for_having_not_been_looked_at():
    watch = make_watch()
    watch.note({"a": 7}, now=0.0)
    assert watch.note({"a": 7}, now=3600.0) == {}, "the database was away for all"
    assert watch.note({"a": 8}, now=3605.0) == {}


async def test_the_silent_are_struck_out_and_what_they_had_is_free_again(stores):
    here, there = Wrist(), Wrist()
    ref = make_ref()
    await add_running_job(stores, ref)
    observer, silent = await take(stores, here), await take(stores, there)
    await stores.work.add(ref, [make_listed(1)])
    await stores.work.decide(ref, [Decision(ContentId("1"), Action.FETCH)])
    await stores.work.claim_rest(ref, silent.name)
    assert await look(observer, [silent.name, "never-seen"]) == {"never-seen"}
    assert observer.workers == 2
    await pass_time(observer, here)
    assert await look(observer, [silent.name, observer.name]) == {silent.name}
    assert observer.workers == 1
    assert await stores.work.hands(ref) == frozenset()
    assert not await silent.keep()


async def test_who_was_struck_out_finds_out_before_it_writes(stores):
    here, there = Wrist(), Wrist()
    observer, sleeper = await take(stores, here), await take(stores, there)
    await pass_time(observer, here, there)
    assert not await sleeper.is_held()


async def test_who_has_counted_lately_need_not_ask_and_who_has_not_asks(stores, monkeypatch):
    watch = Wrist()
    seats = await take(stores, watch)
    asked = []
    beat = type(stores.seats).beat

    async def note_beat(self, name):
        asked.append(name)
        return await beat(self, name)

    monkeypatch.setattr(type(stores.seats), "beat", note_beat)
    watch.time += TRUST_SECONDS - 1
    assert await seats.is_held()
    assert asked == []
    watch.time += 1
    assert await seats.is_held()
    assert asked == [seats.name]


def test_a_write_that_begins_in_trust_has_time_to_end():
    assert SILENT_SECONDS - TRUST_SECONDS >= 10


async def test_a_wall_clock_that_is_set_back_changes_nothing(stores, monkeypatch):
    here, there = Wrist(), Wrist()
    observer, other = await take(stores, here), await take(stores, there)
    await look(observer)
    monkeypatch.setattr("time.time", lambda: 0.0)
    for _ in range(20):
        here.time += BEAT_SECONDS
        await other.keep()
        assert await look(observer, [other.name]) == set()


async def test_a_process_that_leaves_is_gone_at_once(stores):
    watch = Wrist()
    observer, other = await take(stores, watch), await take(stores, watch)
    await other.leave()
    assert await look(observer, [other.name]) == {other.name}


async def test_one_process_at_a_time_takes_over():
    async with open_engine("postgres", None) as stores:
        watch = Wrist()
        first, second = await take(stores, watch), await take(stores, watch)
        async with first.hold_gone() as find_gone:
            assert await find_gone(["gone"]) == {"gone"}
            assert await look(second, ["gone"]) == set()
        assert await look(second, ["gone"]) == {"gone"}


async def test_a_file_seat_is_taken_with_nothing_left_on_it(tmp_path):
    async with open_ports(tmp_path) as ports:
        ref = make_ref()
        await add_running_job(ports, ref)
        await ports.work.add(ref, [make_listed(1)])
        await ports.work.decide(ref, [Decision(ContentId("1"), Action.FETCH)])
        await ports.work.claim_rest(ref, "seat-0")
        seats = FileSeats(tmp_path / "seats", ports.work)
        await seats.take()
        assert seats.name == "seat-0"
        assert await ports.work.hands(ref) == frozenset()
        assert await seats.is_held()
        alone = not seats.is_shared
        guest = take_seat(tmp_path / "seats", "guest")
        assert alone
        assert seats.is_shared
        assert not seats.is_known, "it has only just come"
        guest.release()
        await seats.leave()


class Doubtful:
    """A seat that is held until it is not."""

    held = True
    trouble: Exception | None = None

    async def is_held(self):
        if self.trouble:
            raise self.trouble
        return self.held


def fence(ports, seats: Any):
    return fence_ports(ports, Fence(seats))


async def test_a_fence_that_is_down_stays_down(tmp_path):
    seats = Doubtful()
    async with open_ports(tmp_path) as ports:
        fenced = fence(ports, seats)
        await fenced.catalog.check()
        seats.held = False
        with pytest.raises(ClaimLostError):
            await fenced.catalog.check()
        seats.held = True  # taken anew: what was begun before is not let through any more
        with pytest.raises(ClaimLostError):
            await fenced.store.check()
        await fence(ports, seats).catalog.check()


async def test_a_fence_that_cannot_tell_lets_nothing_through_and_can_be_asked_again(tmp_path):
    seats = Doubtful()
    async with open_ports(tmp_path) as ports:
        fenced = fence(ports, seats)
        seats.trouble = RetryableError("the database is away")
        with pytest.raises(RetryableError):
            await fenced.jobs.list_open()
        seats.trouble = None
        assert await fenced.jobs.list_open() == []


A, B = "https://a.example", "https://b.example"


async def test_processes_hear_of_each_others_sites_until_one_is_struck_out(stores):
    watch = Wrist()
    first, second = await take(stores, watch), await take(stores, watch)
    mine = {A: SitePace(2, 4, 30.0), B: SitePace()}
    await stores.paces.exchange(first.name, mine, {})
    heard = await stores.paces.exchange(second.name, {A: SitePace()}, {})
    assert [*heard] == [A]
    (said,) = heard[A].others.values()
    assert (said.setbacks, said.window, said.paused_seconds) == (2, 4, 30.0)
    await stores.paces.exchange(first.name, {}, {})
    heard = await stores.paces.exchange(second.name, mine, {})
    assert {site: dict(settled.others) for site, settled in heard.items()} == {A: {}, B: {}}
    await second.leave()
    heard = await stores.paces.exchange(first.name, mine, {})
    assert {site: dict(settled.others) for site, settled in heard.items()} == {A: {}, B: {}}


async def test_processes_that_speak_at_once_never_hold_more_than_the_site_bears(stores):
    """Each speaks as it does when it has just come: all want everything."""
    hungry = {A: SitePace(window=8, wanted=8), B: SitePace(window=3, wanted=8)}
    seats = [f"p{number}" for number in range(12)]
    for _ in range(3):
        heard = await asyncio.gather(*(stores.paces.exchange(seat, hungry, {}) for seat in seats))
        assert sum(settled[A].said.held for settled in heard) <= 8
        assert sum(settled[B].said.held for settled in heard) <= 3
    assert all(settled[A].said.beats == 3 for settled in heard)


async def test_the_word_of_who_is_silent_counts_no_more_and_of_who_has_spoken_since_it_does(stores):
    paces = stores.paces
    hungry = {A: SitePace(window=8, wanted=8)}
    await paces.exchange("silent", hungry, {})
    heard = await paces.exchange("other", hungry, {(A, "silent"): 0})
    assert heard[A].share == 0, "it has spoken since"
    heard = await paces.exchange("other", hungry, {(A, "silent"): 1})
    assert (heard[A].share, dict(heard[A].others)) == (8, {})
