"""Which generation of a tenant's vectors answers, and what the one in the making still lacks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.engine import Database
from headwater.adapters.catalog.remembering import SEARCHABLE
from headwater.adapters.catalog.schema import documents, generations
from headwater.adapters.catalog.statements import split_batches
from headwater.domain.ids import DocumentId, TenantId
from headwater.domain.sync import DocumentState
from headwater.ports.generations import Compared, Generation, Generations, Make

GIVEN_UP: Final = 3
"""Failures in a row after which a document keeps no generation from answering."""

UNREAD: Final = ""
"""No recipe: whatever the present one is, the document is read again."""


class _State(StrEnum):
    ANSWERING = "answering"
    BUILDING = "building"
    RETIRED = "retired"
    """Out of use; its records are still to be removed."""
    REMOVED = "removed"
    """Kept, so that no number is given twice."""


@dataclass(frozen=True, slots=True)
class SqlGenerationStore:
    """Implements :class:`headwater.ports.GenerationStore`."""

    database: Database

    async def read(self, tenant: TenantId, make: Make) -> Generations:
        """Return the tenant's generations; one that was never written down goes by its documents."""
        async with self.database.read() as connection:
            return await _read(connection, tenant) or await _infer(connection, tenant, make)

    async def list_makes(self) -> Sequence[Make]:
        """Return the makes of all that has records, whichever tenant's."""
        return await self._list_makes(_State.ANSWERING, _State.BUILDING, _State.RETIRED)

    async def list_answering(self) -> Sequence[Make]:
        """Return the makes of all that answers, whichever tenant's."""
        return await self._list_makes(_State.ANSWERING)

    async def _list_makes(self, *states: _State) -> Sequence[Make]:
        query = select(generations.c.model, generations.c.place).distinct()
        query = query.where(generations.c.state.in_([state.value for state in states]))
        async with self.database.read() as connection:
            return [Make(row.model, row.place) for row in await connection.execute(query)]

    async def begin(self, tenant: TenantId, make: Make) -> Generations:
        """See that there is a generation of this make to write to, and return all."""
        async with self.database.read() as connection:
            present = await _read(connection, tenant)
        if present and _is_settled(present, make):
            return present
        async with self.database.write() as connection:
            present = await _read(connection, tenant, lock=True)
            if present is None:
                present = await _infer(connection, tenant, make)
                await _add(connection, tenant, present.answering, _State.ANSWERING)
            if not _is_settled(present, make):
                await _rebuild(connection, tenant, present, make)
            return await _read(connection, tenant) or present

    async def compare(
        self, tenant: TenantId, documents_: Mapping[DocumentId, tuple[int, str]]
    ) -> Compared:
        """Compare versions and metadata digests with what is remembered."""
        known: dict[DocumentId, tuple[int, str]] = {}
        columns = documents.c
        query = select(columns.document_id, columns.version, columns.metadata_digest)
        async with self.database.read() as connection:
            for named in _name(tenant, list(documents_)):
                for row in await connection.execute(query.where(named)):
                    known[row.document_id] = (row.version, row.metadata_digest)
        edited = {key for key, new in documents_.items() if known.get(key, (None,))[0] != new[0]}
        described = {key for key, new in documents_.items() if known.get(key) != new}
        return Compared(frozenset(edited), frozenset(described - edited))

    async def count_behind(self, tenant: TenantId, make: Make) -> int:
        """Count the searchable documents without vectors of this make that may still get them."""
        async with self.database.read() as connection:
            return await _count_behind(connection, tenant, make)

    async def read_records(
        self, tenant: TenantId, make: Make, *, after: DocumentId | None, limit: int
    ) -> Mapping[DocumentId, int]:
        """Return documents of this make behind ``after`` with the records that each must have."""
        query = select(documents.c.document_id, documents.c.chunk_hashes)
        query = query.where(_searchable(tenant), _is_of(make))
        if after is not None:
            query = query.where(documents.c.document_id > after)
        async with self.database.read() as connection:
            rows = await connection.execute(query.order_by(documents.c.document_id).limit(limit))
            return {DocumentId(row.document_id): len(row.chunk_hashes) for row in rows}

    async def mark_unread(self, tenant: TenantId, document_ids: Sequence[DocumentId]) -> None:
        """Have the next sync read these again."""
        async with self.database.write() as connection:
            for named in _name(tenant, document_ids):
                await connection.execute(update(documents).where(named).values(recipe=UNREAD))

    async def switch(self, tenant: TenantId, building: Generation) -> bool:
        """In one transaction: have this generation answer, and retire the one that did."""
        async with self.database.write() as connection:
            present = await _read(connection, tenant, lock=True)
            if present is None or present.building != building:
                return False
            if await _count_behind(connection, tenant, building.make):
                return False
            await _set_state(connection, tenant, present.answering, _State.RETIRED)
            await _set_state(connection, tenant, building, _State.ANSWERING)
            lost = and_(_searchable(tenant), ~_is_of(building.make))
            failed = update(documents).where(lost).values(state=DocumentState.FAILED.value)
            await connection.execute(failed)
        return True

    async def forget(self, tenant: TenantId, generation: Generation | None = None) -> None:
        """Forget a generation whose records are gone, or all of them."""
        async with self.database.write() as connection:
            if generation is not None:
                await _set_state(connection, tenant, generation, _State.REMOVED)
            else:
                of_tenant = generations.c.tenant == str(tenant)
                await connection.execute(delete(generations).where(of_tenant))


def _is_settled(present: Generations, make: Make) -> bool:
    """Tell whether nothing has to begin, or to be given up, before vectors of this make are written."""
    wanted = present.building or present.answering
    return wanted.make == make


async def _read(
    connection: AsyncConnection, tenant: TenantId, *, lock: bool = False
) -> Generations | None:
    query = select(generations).where(generations.c.tenant == str(tenant))
    query = query.order_by(generations.c.number)
    rows = (await connection.execute(query.with_for_update() if lock else query)).all()
    found: dict[str, list[Generation]] = {state: [] for state in _State}
    for row in rows:
        found[row.state].append(Generation(row.number, Make(row.model, row.place)))
    if not found[_State.ANSWERING]:
        return None
    return Generations(
        found[_State.ANSWERING][0],
        next(iter(found[_State.BUILDING]), None),
        tuple(found[_State.RETIRED]),
    )


async def _infer(connection: AsyncConnection, tenant: TenantId, make: Make) -> Generations:
    """Return the tenant's first generation: of its documents' model, or of this make without any."""
    query = select(documents.c.recipe, func.count().label("held"))
    counted = query.where(_searchable(tenant)).group_by(documents.c.recipe)
    models: Counter[str] = Counter()
    for row in await connection.execute(counted):
        models[row.recipe.split("/", 2)[-1]] += row.held
    model = models.most_common(1)[0][0] if models else make.model
    return Generations(Generation(0, Make(model, make.place)))


async def _rebuild(
    connection: AsyncConnection, tenant: TenantId, present: Generations, make: Make
) -> None:
    if present.building:
        await _set_state(connection, tenant, present.building, _State.RETIRED)
    if present.answering.make == make:
        return
    state = _State.BUILDING
    if not await _count(connection, _searchable(tenant)):  # there is nothing that could answer
        await _set_state(connection, tenant, present.answering, _State.RETIRED)
        state = _State.ANSWERING
    last = select(func.max(generations.c.number)).where(generations.c.tenant == str(tenant))
    number = (await connection.execute(last)).scalar_one()
    await _add(connection, tenant, Generation(number + 1, make), state)
    claimants = and_(_searchable(tenant), _is_of(make))
    await connection.execute(update(documents).where(claimants).values(recipe=UNREAD))


async def _add(
    connection: AsyncConnection, tenant: TenantId, generation: Generation, state: _State
) -> None:
    row: dict[str, Any] = {
        "tenant": str(tenant),
        "number": generation.number,
        "model": generation.make.model,
        "place": generation.make.place,
        "state": state.value,
    }
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Two processes may find at once that there is none.
    await connection.execute(insert(generations).values(row).on_conflict_do_nothing())


async def _set_state(
    connection: AsyncConnection, tenant: TenantId, generation: Generation, state: _State
) -> None:
    named = and_(generations.c.tenant == str(tenant), generations.c.number == generation.number)
    await connection.execute(update(generations).where(named).values(state=state.value))


async def _count_behind(connection: AsyncConnection, tenant: TenantId, make: Make) -> int:
    is_behind = and_(~_is_of(make), documents.c.attempts < GIVEN_UP)
    return await _count(connection, and_(_searchable(tenant), is_behind))


async def _count(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(documents).where(condition)
    return int((await connection.execute(query)).scalar_one())


def _searchable(tenant: TenantId) -> ColumnElement[bool]:
    return and_(documents.c.tenant == str(tenant), documents.c.state.in_(SEARCHABLE))


def _is_of(make: Make) -> ColumnElement[bool]:
    """Return the condition that a document's vectors are by this model; a recipe ends with its name."""
    return documents.c.recipe.endswith(f"/{make.model}", autoescape=True)


def _name(tenant: TenantId, document_ids: Sequence[DocumentId]) -> list[ColumnElement[bool]]:
    of_tenant = documents.c.tenant == str(tenant)
    return [
        and_(of_tenant, documents.c.document_id.in_(batch)) for batch in split_batches(document_ids)
    ]
