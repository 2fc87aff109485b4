import asyncio

import pytest

from headwater.domain.errors import RetryableError, SourceRefusedError
from headwater.services import health
from headwater.services.health import check_health
from headwater.services.spaces import list_spaces
from tests.unit.services.service_fakes import CREDENTIAL, make_upload


async def test_spaces_come_in_the_order_of_their_keys(ports):
    spaces = await list_spaces(ports.sources, make_upload().address, CREDENTIAL)
    assert [space.key for space in spaces] == ["DOCS", "ZOO"]


async def test_an_anonymous_answer_is_no_list_of_spaces(ports):
    ports.sources.source.refusal = SourceRefusedError("who are you?")
    with pytest.raises(SourceRefusedError):
        await list_spaces(ports.sources, make_upload().address, CREDENTIAL)


async def test_health_names_the_part_that_is_away_and_tries_the_others(ports, monkeypatch):
    assert all(check.ok for check in await check_health(ports))

    async def be_away():
        raise RetryableError("the queue is away; start it")

    monkeypatch.setattr(ports.queue, "check", be_away, raising=False)
    checks = {check.name: check for check in await check_health(ports)}
    assert [name for name, check in checks.items() if not check.ok] == ["job queue"]
    assert checks["job queue"].detail == "the queue is away; start it"
    assert len(checks) >= 5


async def test_a_part_that_does_not_answer_is_said_and_keeps_nobody_waiting(ports, monkeypatch):
    async def hang():
        await asyncio.Event().wait()

    monkeypatch.setattr(health, "PATIENCE", 0.05)
    monkeypatch.setattr(ports.queue, "check", hang)
    checks = {check.name: check for check in await check_health(ports)}
    assert not checks["job queue"].ok
    assert "does not answer" in checks["job queue"].detail
    assert checks["catalog"].ok
