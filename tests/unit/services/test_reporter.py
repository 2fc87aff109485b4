"""What a job shows of its source, second by second."""

from datetime import UTC, datetime, timedelta

from headwater.domain.ids import JobId, TenantId
from headwater.domain.jobs import JobChange, JobRef, Stage
from headwater.ports import Traffic
from headwater.services.sync.run import Reporter

REF = JobRef(TenantId("00000000-0000-4000-8000-000000000001"), JobId("job"))
UNTIL = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Jobs:
    def __init__(self) -> None:
        self.changes: list[JobChange] = []

    async def change(self, ref, change) -> None:
        assert ref == REF
        self.changes.append(change)


class BusySource:
    traffic = Traffic(0, 0)


class PortsWithJobs:
    def __init__(self) -> None:
        self.jobs = Jobs()


def open_reporter(stage: Stage = Stage.LISTING) -> tuple[Reporter, list[JobChange]]:
    ports = PortsWithJobs()
    return Reporter(ports, REF, stage), ports.jobs.changes  # type: ignore[arg-type]  # jobs is all it uses


async def test_traffic_is_added_once_and_silence_writes_nothing() -> None:
    reporter, changes = open_reporter()
    source = BusySource()
    await reporter.write()
    reporter.follow(source)  # type: ignore[arg-type]  # its traffic is all that is asked of it
    for source.traffic in (Traffic(3, 100), Traffic(3, 100), Traffic(5, 150)):
        await reporter.write()
    spent = [(change.progress.requests, change.progress.bytes_fetched) for change in changes]
    assert spent == [(3, 100), (2, 50)]


async def test_a_wait_is_shown_while_it_lasts_and_the_stage_comes_back() -> None:
    reporter, changes = open_reporter()
    reporter.note_wait(UNTIL)
    await reporter.write()
    reporter.note_wait(None)
    await reporter.write()
    assert [(change.stage, change.throttled_until) for change in changes] == [
        (Stage.THROTTLED, UNTIL),
        (Stage.LISTING, None),
    ]


async def test_a_wait_that_grows_longer_is_shown() -> None:
    reporter, changes = open_reporter()
    for minutes in (0, 5):
        reporter.note_wait(UNTIL + timedelta(minutes=minutes))
        await reporter.write()
    assert changes[-1].throttled_until == UNTIL + timedelta(minutes=5)
