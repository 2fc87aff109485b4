"""Jobs and their failures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, insert, literal, select, tuple_, union_all
from sqlalchemy import update as update_rows
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.changes import apply_change, cancel_job
from headwater.adapters.catalog.cursors import Position, decode_cursor, encode_cursor
from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.rows import (
    changing_columns,
    failure_from_row,
    job_from_row,
    job_to_row,
    ref_from_row,
)
from headwater.adapters.catalog.schedules import take_standing
from headwater.adapters.catalog.schema import credentials, failures, jobs
from headwater.adapters.catalog.stamps import UNFINISHED, stamp_job
from headwater.adapters.catalog.statements import of_job, split_batches
from headwater.adapters.metrics import observe_change
from headwater.domain.errors import ConflictError, NotFoundError
from headwater.domain.ids import SpaceKey, TenantId
from headwater.domain.jobs import Failure, Job, JobChange, JobRef, JobStatus
from headwater.domain.schedules import Standing
from headwater.ports import FailurePage, JobPage, OpenJob

_JOBS_PER_QUERY: Final = 250
"""SQLite joins at most 500 queries into one, and takes three values for each of these."""


@dataclass(frozen=True, slots=True)
class SqlJobStore:
    """Implements :class:`headwater.ports.JobStore`. ``now`` gives the present time, with a zone."""

    database: Database
    now: Callable[[], datetime]

    async def add(
        self, job: Job, sealed_credential: bytes | None, *, standing: Standing | None = None
    ) -> None:
        """Store a new job, its sealed credential and its standing, all or nothing.

        Raises ``ConflictError`` if the tenant has a job, or a credential, of this id already, and
        where another job has taken the standing.
        """
        try:
            async with self.database.write() as connection:
                row = {**job_to_row(job), "created_at": await stamp_job(connection, job)}
                await connection.execute(insert(jobs).values(row))
                if sealed_credential is not None:
                    await _insert_credential(connection, job, sealed_credential)
                if standing is not None:
                    await take_standing(connection, job, standing)
        except IntegrityError as error:
            raise ConflictError(
                f"There is a job {job.ref.job_id!r} already; choose another id, or leave it out."
            ) from error

    async def find(self, ref: JobRef) -> Job | None:
        """Return the job; ``None`` when this tenant has none of this id."""
        async with self.database.read() as connection:
            row = (await connection.execute(select(jobs).where(of_job(jobs, ref)))).one_or_none()
        return None if row is None else job_from_row(row)

    async def list(
        self,
        tenant: TenantId,
        *,
        space: SpaceKey | None,
        status: JobStatus | None,
        cursor: str | None,
        limit: int,
    ) -> JobPage:
        """Return a page of jobs, newest first; ``InvalidInputError`` for a cursor that is none."""
        query = _select_jobs(tenant, space, status)
        if cursor is not None:
            query = query.where(tuple_(jobs.c.created_at, jobs.c.job_id) < _place(cursor))
        query = query.order_by(jobs.c.created_at.desc(), jobs.c.job_id.desc())
        async with self.database.read() as connection:
            rows = (await connection.execute(query.limit(limit + 1))).all()
        page = tuple(job_from_row(row) for row in rows[:limit])
        more = len(rows) > limit
        return JobPage(page, _cursor(page[-1].created_at, page[-1].ref.job_id) if more else None)

    async def list_open(self) -> Sequence[OpenJob]:
        """Return every tenant's queued and running jobs, oldest first."""
        query = (
            select(jobs.c.tenant, jobs.c.job_id, jobs.c.space, jobs.c.status)
            .where(jobs.c.status.in_(UNFINISHED))
            .order_by(jobs.c.created_at, jobs.c.tenant, jobs.c.job_id)
        )
        async with self.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            OpenJob(ref_from_row(row), SpaceKey(row.space), JobStatus(row.status)) for row in rows
        ]

    async def count_open(self, tenant: TenantId) -> int:
        """Count the tenant's queued and running jobs."""
        query = select(func.count()).select_from(jobs)
        query = query.where(jobs.c.tenant == str(tenant), jobs.c.status.in_(UNFINISHED))
        async with self.database.read() as connection:
            count: int = (await connection.execute(query)).scalar_one()
        return count

    async def change(self, ref: JobRef, change: JobChange) -> None:
        """Apply the change; a job in a final status changes no more. ``NotFoundError`` without one."""
        async with self.database.write() as connection:
            await change_job(connection, ref, change)

    async def request_cancel(self, ref: JobRef) -> None:
        """End a queued job at once, ask a running one to stop, leave a finished one alone."""
        async with self.database.write() as connection:
            job = await lock_job(connection, ref)
            await _replace_job(connection, job, cancel_job(job, self.now()))

    async def failures(self, ref: JobRef, *, cursor: str | None, limit: int) -> FailurePage:
        """Return a page of failures, oldest first, and how many there are in all."""
        query = select(failures).where(of_job(failures, ref))
        count = select(func.count()).select_from(failures).where(of_job(failures, ref))
        if cursor is not None:
            key = tuple_(failures.c.failed_at, failures.c.document_id)
            query = query.where(key > _place(cursor))
        query = query.order_by(failures.c.failed_at, failures.c.document_id)
        async with self.database.read() as connection:
            rows = (await connection.execute(query.limit(limit + 1))).all()
            total = (await connection.execute(count)).scalar_one()
        page = tuple(failure_from_row(row) for row in rows[:limit])
        more = len(rows) > limit
        following = _cursor(page[-1].failed_at, page[-1].document_id) if more else None
        return FailurePage(page, total, following)

    async def first_failures(
        self, refs: Sequence[JobRef], *, limit: int
    ) -> Mapping[JobRef, Sequence[Failure]]:
        """Return each job's oldest failures, at most ``limit`` of each; jobs without any are absent."""
        found: dict[JobRef, list[Failure]] = {}
        async with self.database.read() as connection:
            for batch in split_batches(refs, _JOBS_PER_QUERY):
                query = union_all(*(_select_first(ref, limit) for ref in batch))
                for row in await connection.execute(query):
                    found.setdefault(ref_from_row(row), []).append(failure_from_row(row))
        return found


def _select_first(ref: JobRef, limit: int) -> Select[Any]:
    query = select(failures).where(of_job(failures, ref))
    query = query.order_by(failures.c.failed_at, failures.c.document_id).limit(limit)
    return select(query.subquery())


async def change_job(connection: AsyncConnection, ref: JobRef, change: JobChange) -> None:
    """Apply a change within the caller's writing transaction; ``NotFoundError`` without such a job."""
    job = await lock_job(connection, ref)
    await _replace_job(connection, job, apply_change(job, change))


async def lock_job(connection: AsyncConnection, ref: JobRef) -> Job:
    """Return the job, locked until the caller's transaction ends; ``NotFoundError`` without it."""
    # Without the key: who adds rows that belong to the job need not wait for its counters.
    query = select(jobs).where(of_job(jobs, ref)).with_for_update(key_share=True)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFoundError(
            f"There is no job {ref.job_id!r}; see the list of jobs for those there are."
        )
    return job_from_row(row)


async def _replace_job(connection: AsyncConnection, job: Job, changed: Job) -> None:
    if changed != job:
        columns = changing_columns(changed)
        await connection.execute(update_rows(jobs).where(of_job(jobs, job.ref)).values(columns))
        observe_change(job, changed)


async def _insert_credential(connection: AsyncConnection, job: Job, sealed: bytes) -> None:
    if job.credential_id is None:
        raise ValueError("a sealed credential is stored under its job's credential_id: set it")
    row = {
        "tenant": str(job.ref.tenant),
        "credential_id": job.credential_id,
        "sealed": sealed,
        "created_at": job.created_at,
    }
    await connection.execute(insert(credentials).values(row))


def _select_jobs(tenant: TenantId, space: SpaceKey | None, status: JobStatus | None) -> Select[Any]:
    query = select(jobs).where(jobs.c.tenant == str(tenant))
    if space is not None:
        query = query.where(jobs.c.space == space)
    if status is not None:
        query = query.where(jobs.c.status == status.value)
    return query


def _place(cursor: str) -> ColumnElement[Any]:
    position = decode_cursor(cursor)
    return tuple_(literal(position.moment, jobs.c.created_at.type), literal(position.id))


def _cursor(moment: datetime, row_id: str) -> str:
    return encode_cursor(Position(moment, row_id))
