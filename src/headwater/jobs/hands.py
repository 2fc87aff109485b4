"""Helping with a job that another process has.

A helping hand is a plain task and no workflow: what it has claimed stands in the catalog, and goes to
others when the process dies, so there is nothing of it to be repeated.
"""

import asyncio
from dataclasses import replace
from time import monotonic
from typing import Final

import structlog

from headwater.domain.errors import ClaimLostError, HeadwaterError, RetryableError
from headwater.domain.jobs import JobRef
from headwater.jobs.runtime import Runtime
from headwater.services.sync.processing import lend_hand
from headwater.services.sync.run import read_open_job
from headwater.services.sync.stopping import check_room
from headwater.services.sync.survey import Survey

AWAY_SECONDS: Final = 10.0
"""Until help is given again by a process that a backend is away for, or that has no room."""

_log = structlog.get_logger("headwater.jobs")


def lend(runtime: Runtime, ref: JobRef, survey: Survey, unhelpable: set[JobRef]) -> None:
    """Start helping with a job; one that cannot be helped from here is added to ``unhelpable``."""
    task: asyncio.Task[object] = asyncio.create_task(_help(runtime, ref, survey, unhelpable))
    runtime.helping[ref] = task
    runtime.check_in(task)


async def _help(runtime: Runtime, ref: JobRef, survey: Survey, unhelpable: set[JobRef]) -> None:
    log = _log.bind(job_id=ref.job_id)
    started = monotonic()
    log.info("helping with a job of another process")
    hand = replace(runtime.hand, is_wanted_elsewhere=lambda: runtime.is_crowded)
    ports = runtime.ports
    try:
        job = await read_open_job(ports, ref)
        with ports.tracer.span("help", parent=job.trace, job_id=ref.job_id):
            await check_room(ports, ref)
            await lend_hand(ports, ref, survey, hand)
    except ClaimLostError as error:
        log.warning("help breaks off", reason=str(error))
    except RetryableError as error:
        log.info("help waits", reason=str(error))
        await asyncio.sleep(AWAY_SECONDS)
    except HeadwaterError as error:
        # Its own process meets the same, and says so in the job.
        unhelpable.add(ref)
        log.info("help ends early", reason=str(error))
    except Exception:
        # The boundary of a job, as in a workflow: the others go on.
        unhelpable.add(ref)
        log.exception("help failed")
    else:
        log.info("help ends", seconds=round(monotonic() - started, 3))
