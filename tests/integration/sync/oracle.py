"""The oracle: an index that went through many changes equals one that was built afresh."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import aiosqlite
import pytest
from sqlalchemy import event, select

from headwater.adapters.catalog.remembering import SEARCHABLE
from headwater.adapters.catalog.schema import documents
from headwater.adapters.catalog.stores import CatalogStores, open_catalog
from headwater.adapters.confluence.patience import Patience
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.memory_store import MemoryStore
from headwater.domain.access import Reader, Scope, group, make_reader, readable_scopes
from headwater.domain.ids import DocumentId, Namespace, SpaceKey, TenantId
from headwater.domain.jobs import ContentRestriction, Job, JobRef, JobStatus
from headwater.ports import HybridQuery, StoreFilter, VectorStore
from headwater.sandbox.entities import Content, User
from headwater.sandbox.faces import Cloud, Face
from headwater.sandbox.visibility import View
from headwater.sandbox.world import World
from headwater.services.search import SearchQuery, search
from tests.integration.sync.happenings import (
    CLOUD,
    COMMON,
    FILES,
    SPACES,
    list_documents,
    list_files,
    list_people,
)
from tests.integration.sync.lab import HASTY, Lab, make_lab
from tests.integration.sync.wire import Wire, connect

STRICT = ContentRestriction(source_restriction=True)
EVERYTHING = 1000
PATIENT = replace(HASTY, budget=30.0)
EMBEDDER = MemoryEmbedder(max_tokens=64)
DIMENSION = EMBEDDER.dimension
PASSING_COLUMNS = frozenset({"tenant", "indexed_at", "lag_seconds"})
"""What tells one index from another although they hold the same."""

Row = Mapping[str, Any]


@dataclass
class Bench:
    """One catalog for any number of indexes: each is a tenant with a vector store of its own."""

    stores: CatalogStores
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def take_tenant(self) -> TenantId:
        return TenantId(str(UUID(int=next(self._numbers))))

    def open(
        self, world: World, store: VectorStore | None = None, *, face: Face = CLOUD
    ) -> "Index":
        """Return an empty index beside the world."""
        wire = connect(world, face)
        lab = make_lab(self.stores, store or MemoryStore(), wire.site, wire.reach(HASTY))
        lab = replace(lab, embedder=EMBEDDER)
        return Index(self, self._renew(lab, store), wire, face)

    def _renew(self, lab: Lab, store: VectorStore | None = None) -> Lab:
        embedder = MemoryEmbedder(max_tokens=lab.embedder.max_tokens)
        ports = replace(lab.ports, store=store or MemoryStore(), embedder=embedder)
        return replace(lab, tenant=self.take_tenant(), ports=ports, embedder=embedder)

    def start_afresh(self, index: "Index") -> "Index":
        """Return another, empty index of the same Confluence."""
        return Index(self, self._renew(index.lab), index.wire, index.face)


@asynccontextmanager
async def open_bench(folder: Path) -> AsyncIterator[Bench]:
    stores = await open_catalog(f"sqlite:///{folder / 'catalog.db'}")
    event.listen(stores.engine.sync_engine, "connect", _forgo_durability)
    with pytest.MonkeyPatch.context() as patch:
        # A thread for each connection costs more than all else: nothing here waits for a lock.
        patch.setattr(aiosqlite.Connection, "_execute", _execute_at_once)
        try:
            yield Bench(stores)
        finally:
            await stores.close()


async def _execute_at_once(_connection: object, function: Any, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _forgo_durability(connection: Any, _record: object) -> None:
    """Nobody cuts the power in the middle of a test."""
    connection.execute("PRAGMA synchronous = OFF").close()


@dataclass
class Index:
    """An index of a sandbox's spaces, and questions about all that is in it."""

    bench: Bench
    lab: Lab
    wire: Wire
    face: Face
    asked: dict[str, ContentRestriction] = field(default_factory=dict)
    """Of each space, who may retrieve it as the last upload says."""

    @property
    def world(self) -> World:
        return self.lab.world

    async def submit(self, key: str, **changes) -> JobRef:
        """Submit; the sync is patient enough to sit out what an earlier storm has brought about."""
        self._reconnect(PATIENT)
        self.asked[key] = changes.setdefault("restriction", STRICT)
        return await self.lab.submit(space=SpaceKey(key), **changes)

    def change_recipe(self) -> None:
        """Go on with an embedder of another window, so that all is cut anew."""
        embedder = MemoryEmbedder(max_tokens=112 - self.lab.embedder.max_tokens)
        ports = replace(self.lab.ports, embedder=embedder)
        self.lab = replace(self.lab, ports=ports, embedder=embedder)

    def lose_patience(self) -> None:
        """Let what is submitted already give up soon."""
        self._reconnect(HASTY)

    def _reconnect(self, patience: Patience) -> None:
        sources = self.wire.reach(patience)
        ports = replace(self.lab.ports, sources=sources, patient_sources=sources)
        self.lab = replace(self.lab, ports=ports)

    async def sync(self, key: str, **changes) -> Job:
        ref = await self.submit(key, **changes)
        return await self.lab.run(ref)

    async def read_rows(self, key: str | None = None) -> dict[DocumentId, Row]:
        """Return what the catalog holds, of one space or of all."""
        query = select(documents).where(documents.c.tenant == str(self.lab.tenant))
        async with self.lab.stores.engine.connect() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return {
            row["document_id"]: {key: row[key] for key in row if key not in PASSING_COLUMNS}
            for row in rows
            if key in {None, row["space"]}
        }

    async def read_records(self, key: str | None = None) -> dict[DocumentId, list[object]]:
        """Return what the store holds: each document's chunks in order, with metadata."""
        rules = await self.lab.ports.catalog.scope_rules(self.lab.tenant)
        rows = (await self.read_rows()).values()
        scopes = frozenset([*rules, *(Scope(str(row["access_scope"])) for row in rows)])
        vector = [1.0] * self.lab.embedder.dimension
        query = HybridQuery(COMMON, vector, StoreFilter(scopes=scopes), limit=EVERYTHING)
        found = await self.lab.ports.store.query(Namespace(self.lab.tenant), query)
        records: dict[DocumentId, list[object]] = {}
        for match in sorted(found, key=lambda it: (it.metadata.document_id, it.chunk_id)):
            if key in {None, match.metadata.space}:
                chunk = (match.chunk_id, match.heading_path, match.text, match.metadata)
                records.setdefault(match.metadata.document_id, []).append(chunk)
        return records

    async def read_vectors(self, key: str | None = None) -> Mapping[str, object]:
        ids = [name for name, row in (await self.read_rows(key)).items() if row["chunk_hashes"]]
        return await self.lab.ports.store.read_vectors(Namespace(self.lab.tenant), ids)

    async def read_views(self, key: str | None = None) -> dict[str, set[str]]:
        """Return the ids of what each reader can find, by name."""
        rules = await self.lab.ports.catalog.scope_rules(self.lab.tenant)
        rows = (await self.read_rows(key)).values()
        views = {}
        for user in list_people(self.world):
            scopes = readable_scopes(rules, self.identify(user))
            views[name_of(user)] = {
                str(row["content_id"])
                for row in rows
                if row["access_scope"] in scopes and row["state"] in SEARCHABLE
            }
        return views

    async def search_all(self, user: User | None, key: str | None = None) -> set[str]:
        """Return the ids of what a reader finds by a word that is everywhere."""
        query = SearchQuery(COMMON, EVERYTHING, space=SpaceKey(key) if key else None)
        reader = self.identify(user)
        found = await search(self.lab.ports, self.lab.tenant, query, reader=reader)
        return {match.metadata.content_id for match in found}

    def show_world(
        self, *keys: str, restriction: ContentRestriction = STRICT
    ) -> dict[str, set[str]]:
        """Return the ids of what Confluence, and the upload, show each reader of what can be indexed."""
        return {
            name_of(user): {
                item
                for key in keys or SPACES
                for page in list_documents(self.world, key)
                if self._is_in_audience(user, restriction)
                if not restriction.source_restriction or View(self.world, user).sees(page)
                for item in list_indexable(self.world, page)
            }
            for user in list_people(self.world)
        }

    def _is_in_audience(self, user: User | None, restriction: ContentRestriction) -> bool:
        audience = restriction.audience
        named = self.identify(user).principals
        return not audience or not named.isdisjoint(map(group, audience))

    def identify(self, user: User | None) -> Reader:
        """Return the reader that a user is; two of them carry ids in place of names.

        Cloud's groups have both, and its users one id; Data Center's users have both, and its groups
        names only.
        """
        if user is None:
            return make_reader()
        is_cloud, is_by_id = isinstance(self.face, Cloud), user.account_id in {"bob", "dan"}
        people = self.world.people
        ids = people.list_groups_of(user.account_id)
        names = {people.groups[item].name for item in ids}
        account_id = user.user_key if is_by_id else user.username
        return make_reader(
            groups=ids if is_cloud and is_by_id else names,
            account_id=user.account_id if is_cloud else account_id,
            email_address=user.email,
        )

    async def check_whole(self) -> None:
        """Assert that catalog and store hold the same documents with as many chunks."""
        stored = await self.lab.ports.store.list_documents(Namespace(self.lab.tenant))
        rows = await self.read_rows()
        assert stored == {
            name: len(row["chunk_hashes"])
            for name, row in rows.items()
            if row["state"] in SEARCHABLE and row["chunk_hashes"]
        }

    async def check_like_new(self, key: str) -> None:
        """Assert that the space's part equals a fresh index, and shows what Confluence shows."""
        fresh = self.bench.start_afresh(self)
        restriction = self.asked[key]
        check_clean(await fresh.sync(key, incremental=False, restriction=restriction))
        assert await self.read_rows(key) == await fresh.read_rows(key)
        assert await self.read_records(key) == await fresh.read_records(key)
        assert await self.read_vectors(key) == await fresh.read_vectors(key)
        truth = self.show_world(key, restriction=restriction)
        assert await self.read_views(key) == truth
        for user in list_people(self.world):
            assert await self.search_all(user, key) == truth[name_of(user)]
        await self.check_whole()


def name_of(user: User | None) -> str:
    return user.account_id if user else "anonymous"


def list_indexable(world: World, page: Content) -> list[str]:
    """Return the ids of a page and of those of its files that hold text."""
    return [page.id, *(file.id for file in list_files(world, page) if is_text(file))]


def is_text(file) -> bool:
    return (file.read(), "text/plain") in FILES


def check_counts(job: Job) -> None:
    """Assert that the counters add up."""
    for counts in (job.progress.documents, job.progress.attachments):
        assert counts.done == counts.listed
        ends = (counts.added, counts.updated, counts.metadata_only, counts.unchanged)
        assert counts.listed == sum(ends) + counts.skipped + counts.failed


def check_clean(job: Job) -> None:
    assert job.status is JobStatus.SUCCEEDED, job.message
    check_counts(job)
