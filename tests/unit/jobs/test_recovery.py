"""Going on with what the engine could not note down, and with nothing else."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.domain.errors import RetryableError
from headwater.jobs import recovery
from headwater.jobs.database import JobDatabase
from headwater.jobs.recovery import Recovery
from headwater.jobs.workbench import name_workflow
from headwater.services.sync.run import Hand
from tests.contract.catalog_samples import make_ref

BROKEN, AT_WORK, ELSEWHERE = (make_ref(name) for name in ("broken", "at-work", "elsewhere"))


@dataclass
class Table:
    """The engine's table of workflows, as far as it is looked at."""

    seats: dict[str, str]
    queued: list[str] = field(default_factory=list)

    async def list_at_work(self):
        return dict(self.seats)

    async def requeue(self, names):
        self.queued += names
        for name in names:
            del self.seats[name]


@pytest.fixture
def table(monkeypatch):
    table = Table(
        {
            name_workflow(BROKEN): "here",
            name_workflow(AT_WORK): "here",
            name_workflow(ELSEWHERE): "there",
        }
    )
    monkeypatch.setattr(recovery, "list_at_work", table.list_at_work)
    monkeypatch.setattr(recovery, "requeue", table.requeue)
    return table


def make_recovery(folder):
    runtime: Any = SimpleNamespace(hand=Hand("here"), at_work={AT_WORK: "a task"})
    return Recovery(runtime, JobDatabase(folder))


async def test_what_nobody_is_at_for_two_looks_is_queued_again_once(table, tmp_path):
    found = make_recovery(tmp_path)
    assert [await found.pick_up() for _ in range(3)] == [0, 1, 0]
    assert table.queued == [name_workflow(BROKEN)]


async def test_what_has_just_been_handed_out_is_left_alone(table, tmp_path):
    found = make_recovery(tmp_path)
    await found.pick_up()
    found.runtime.at_work[BROKEN] = "a task"
    assert await found.pick_up() == 0
    assert table.queued == []


@pytest.mark.usefixtures("table")
async def test_nothing_is_queued_while_there_is_no_room_for_what_it_would_note(tmp_path):
    found = make_recovery(tmp_path / "gone")
    await found.pick_up()
    with pytest.raises(RetryableError, match="make room on its disk"):
        await found.pick_up()
    (tmp_path / "gone").mkdir()
    assert await found.pick_up() == 1
