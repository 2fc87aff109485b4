"""Whose place is whose, while a process owns some jobs and helps with others."""

import asyncio

from headwater.domain.content import Space, SpaceStatus, SpaceType
from headwater.domain.ids import SiteId, SpaceId, SpaceKey
from headwater.domain.jobs import JobRef
from headwater.jobs.hands import lend
from headwater.jobs.runtime import Runtime
from headwater.jobs.workbench import Load, name_workflow
from headwater.services.sync.run import Hand
from headwater.services.sync.survey import Survey
from tests.contract.catalog_samples import add_running_job, make_ref
from tests.unit.services.service_fakes import open_ports

REF = make_ref()
SPACE = Space(SpaceId("1"), SpaceKey("SPACE"), "Space", SpaceType.GLOBAL, SpaceStatus.CURRENT)
SURVEY = Survey(SiteId("site"), SPACE, complete=True)


async def test_a_process_that_comes_to_own_a_job_stops_helping_with_it_first(tmp_path):
    async with open_ports(tmp_path) as ports:
        runtime = Runtime(ports)
        helper = asyncio.create_task(asyncio.sleep(3600))
        runtime.helping[REF] = helper
        runtime.check_in(helper)
        await runtime.own(REF)
        await asyncio.sleep(0)  # lets the task's callbacks run
        assert helper.cancelled()
        assert (runtime.helping, runtime.running, runtime.owned) == ({}, set(), {REF})
        assert runtime.freed.is_set()


async def test_a_job_that_cannot_be_helped_with_is_not_tried_again(tmp_path):
    async with open_ports(tmp_path) as ports:
        await add_running_job(ports, REF)  # its credential is none that can be opened
        runtime, unhelpable = Runtime(ports, Hand("here")), set[JobRef]()
        lend(runtime, REF, SURVEY, unhelpable)
        assert REF in runtime.helping
        await asyncio.wait(runtime.running)
        await asyncio.sleep(0)
        assert unhelpable == {REF}
        assert runtime.helping == {}


def test_what_waits_takes_a_place_of_every_process_and_what_is_at_work_of_its_own():
    other, waiting = make_ref("other"), make_ref("waiting")
    load = Load(
        {name_workflow(REF): "here", name_workflow(other): "there", name_workflow(waiting): None}
    )
    assert load.count_taken("here") == 2
    assert load.is_elsewhere(other, "here")
    assert not load.is_elsewhere(REF, "here")
    assert not load.is_elsewhere(waiting, "here")
    assert all(load.engages(ref) for ref in (REF, other, waiting))
    assert not load.engages(make_ref("over"))
