"""What a process does beside its jobs goes on, whatever a backend says."""

import asyncio

import pytest
from structlog.testing import capture_logs

from headwater.domain.errors import ConfigError, DocumentError, FailureType, RetryableError
from headwater.jobs.chores import Chore, keep_doing

PATIENCE = 10


@pytest.mark.parametrize(
    "error",
    [
        RetryableError("the store is away"),
        ConfigError("the store does not accept the key"),
        DocumentError(FailureType.STORE_ERROR, "the store refuses"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_backend_that_refuses_ends_no_chore(error):
    done = asyncio.Event()
    tries = iter([error, None])

    async def do():
        if problem := next(tries, None):
            raise problem
        done.set()

    with capture_logs() as logs:
        doing = asyncio.create_task(keep_doing([Chore("a chore", 0.01, do)]))
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait(
                [doing, asyncio.create_task(done.wait())], return_when=asyncio.FIRST_COMPLETED
            )
        assert not doing.done()
        doing.cancel()
    assert str(error) in logs[0]["reason"]


async def test_a_defect_ends_them_all():
    async def do():
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(PATIENCE):
            await keep_doing([Chore("a chore", 0.01, do)])
    assert caught.group_contains(ZeroDivisionError)


async def test_chores_end_when_they_are_cancelled_at_the_moment_that_one_is_wanted():
    done = asyncio.Event()

    async def do():
        done.set()

    chore = Chore("a chore", PATIENCE, do)
    doing = asyncio.create_task(keep_doing([chore]))
    await done.wait()
    await asyncio.sleep(0)
    chore.wanted.set()
    await asyncio.sleep(0)
    doing.cancel()
    await asyncio.wait({doing}, timeout=PATIENCE / 2)
    assert doing.cancelled()
