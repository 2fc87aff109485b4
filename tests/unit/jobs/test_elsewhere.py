"""A process that executes nothing asks the same Confluences as those that do, and is seen by them."""

import asyncio
from dataclasses import dataclass, field

import pytest

from headwater.domain.errors import RetryableError
from headwater.jobs import company
from headwater.jobs.elsewhere import share_sites
from headwater.jobs.executors import has_company, take_seat

PATIENCE = 10


@dataclass
class Sites:
    """The sites of a process, as far as its jobs see them."""

    heard: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    due: asyncio.Event = field(default_factory=asyncio.Event)
    withdrawn: list[str] = field(default_factory=list)
    is_away: bool = False

    async def exchange(self, seat):
        self.heard.put_nowait(seat)

    async def withdraw(self, seat):
        if self.is_away:
            raise RetryableError("the database is away")
        self.withdrawn.append(seat)

    def be_alone(self):
        self.heard.put_nowait("alone")

    async def hear(self):
        async with asyncio.timeout(PATIENCE):
            return await self.heard.get()


async def test_on_a_database_server_a_process_speaks_at_once_and_takes_its_word_back_at_its_end():
    sites = Sites()
    async with share_sites(sites, None):
        name = await sites.hear()
        sites.due.set()
        assert await sites.hear() == name, "when it is due, without waiting for its second"
    assert sites.withdrawn == [name]


async def test_no_two_processes_speak_by_one_name():
    one, two = Sites(), Sites()
    async with share_sites(one, None), share_sites(two, None):
        assert await one.hear() != await two.hear()


async def test_a_word_that_cannot_be_taken_back_holds_nothing_up():
    sites = Sites(is_away=True)
    async with share_sites(sites, None):
        await sites.hear()


async def test_on_a_machine_of_its_own_a_process_speaks_with_nobody(tmp_path):
    sites = Sites()
    async with share_sites(sites, tmp_path):
        for _ in range(2):
            assert await sites.hear() == "alone"
            sites.due.set()


async def test_beside_another_it_is_seen_and_speaks_once_it_has_been(tmp_path, monkeypatch):
    monkeypatch.setattr(company, "GREETING_SECONDS", 0.3)
    sites, loop = Sites(), asyncio.get_running_loop()
    worker = take_seat(tmp_path / "seats")
    began = loop.time()
    async with share_sites(sites, tmp_path):
        assert has_company(worker)
        sites.due.set()
        assert await sites.hear() == "guest-0"
        assert loop.time() - began >= 0.3
    assert not has_company(worker)


async def test_a_defect_in_sharing_comes_out():
    sites = Sites()
    sites.exchange = None  # type: ignore[assignment,method-assign]  # any defect
    with pytest.raises(ExceptionGroup):
        async with share_sites(sites, None):
            await asyncio.sleep(0.1)
