"""Random rules and readers: both stores show exactly what the rules, read off one by one, allow."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import lancedb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pinecone import AsyncPinecone
from pinecone.async_client.async_index import AsyncIndex

from headwater.adapters.catalog.stores import CatalogStores, open_catalog
from headwater.adapters.lance.store import LanceStore
from headwater.adapters.pinecone.filters import MAX_VALUES
from headwater.adapters.reader_filters import ReaderFilter, ReaderFilters
from headwater.domain.access import (
    CLOSED,
    OPEN,
    Clause,
    Reader,
    Scope,
    ScopeRule,
    account,
    audience_clause,
    group,
    make_reader,
    readable_scopes,
    restriction_clause,
    space_scope,
)
from headwater.domain.content import UNREADABLE, Restriction
from headwater.domain.ids import ContentId, Namespace, SpaceId, SpaceKey, TenantId
from headwater.pipeline.scopes import plan_scopes
from headwater.ports import StoreBatch, VectorStore
from tests.contract.records import DIMENSION, SITE, ask, axis, document_id, make_document
from tests.pinecone.opening import INDEX, open_pinecone_store
from tests.pinecone.server import KEY, run_pinecone

GROUPS = ("staff", "ops", "it's", "board")
ACCOUNTS = ("ada", "bob")
RESTRICTIONS = st.one_of(
    st.none(),
    st.just(UNREADABLE),
    st.builds(
        lambda groups, accounts: Restriction(groups=groups, account_ids=accounts),
        st.frozensets(st.sampled_from(GROUPS), max_size=2),
        st.frozensets(st.sampled_from(ACCOUNTS), max_size=1),
    ),
)
READERS = st.builds(
    lambda groups, account_id: make_reader(groups=groups, account_id=account_id),
    st.frozensets(st.sampled_from(GROUPS)),
    st.sampled_from([None, *ACCOUNTS]),
)


@dataclass(frozen=True)
class Space:
    """Who may read it, and its pages: each one's parent (an earlier one) and restriction."""

    number: int
    audience: frozenset[str]
    permission: Clause
    pages: tuple[tuple[int | None, Restriction | None], ...]

    def name(self, place: int) -> ContentId:
        return ContentId(f"{self.number * 100 + place}")

    def list_clauses(self, place: int) -> Iterator[Clause]:
        """Yield what a reader of one page has to pass, read off the space and the pages above it."""
        yield frozenset(map(group, self.audience)) if self.audience else OPEN
        yield self.permission
        above: int | None = place
        while above is not None:
            above, restriction = self.pages[above]
            if restriction == UNREADABLE:
                yield CLOSED
            elif restriction and (restriction.groups or restriction.account_ids):
                named = {*map(group, restriction.groups), *map(account, restriction.account_ids)}
                yield frozenset(named)

    def list_visible(self, reader: Reader) -> set[ContentId]:
        return {
            self.name(place)
            for place in range(len(self.pages))
            if all(reader.principals & clause for clause in self.list_clauses(place))
        }


@st.composite
def make_spaces(draw: st.DrawFn) -> list[Space]:
    def make_space(number: int) -> Space:
        pages = tuple(
            (draw(st.sampled_from([None, *range(place)])), draw(RESTRICTIONS))
            for place in range(draw(st.integers(1, 6)))
        )
        audience = draw(st.frozensets(st.sampled_from(GROUPS), max_size=2))
        permission = draw(
            st.one_of(
                st.just(OPEN),
                st.just(CLOSED),
                st.builds(restriction_clause, RESTRICTIONS.filter(bool)),
            )
        )
        return Space(number, audience, permission, pages)

    return [make_space(number) for number in range(1, draw(st.integers(1, 3)) + 1)]


@dataclass
class Bench:
    """Both stores and a catalog, and both stores as their own SDKs see them."""

    runner: asyncio.Runner
    catalog: CatalogStores
    stores: dict[str, VectorStore]
    folder: lancedb.AsyncConnection
    index: AsyncIndex
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def fill(self, tenant: TenantId, spaces: list[Space]) -> None:
        documents = []
        for space in spaces:
            root = space_scope(SITE, SpaceId(str(space.number)))
            parents = {
                space.name(place): None if parent is None else space.name(parent)
                for place, (parent, _) in enumerate(space.pages)
            }
            restrictions = {
                space.name(place): restriction
                for place, (_, restriction) in enumerate(space.pages)
                if restriction
            }
            plan = plan_scopes(SITE, root, parents, restrictions)
            rule = ScopeRule(root, (audience_clause(space.audience), space.permission))
            key = SpaceKey(f"S{space.number}")
            await self.catalog.catalog.put_scope_rules(tenant, key, SITE, [rule, *plan.rules])
            documents += [
                make_document(int(name), "text", vector=axis(int(name)), access_scope=scope)
                for name, scope in plan.scopes.items()
            ]
        for store in self.stores.values():
            await store.apply(Namespace(tenant), StoreBatch(upserts=tuple(documents)))

    async def search(self, tenant: TenantId, reader: Reader) -> dict[str, set[str]]:
        """Return what each way of asking shows."""
        rules = await self.catalog.catalog.scope_rules(tenant)
        query = ask("text", limit=200, scopes=readable_scopes(rules, reader))
        own: dict[str, set[str]] = {
            name: {m.metadata.content_id for m in await store.query(Namespace(tenant), query)}
            for name, store in self.stores.items()
        }
        handed = await ReaderFilters(self.catalog.catalog, self.catalog.generations).filter_for(
            tenant, reader
        )
        return {
            **own,
            "lancedb's own client": await read_lance(self.folder, handed),
            "pinecone's own client": await read_pinecone(self.index, handed),
        }


async def read_lance(folder: lancedb.AsyncConnection, handed: ReaderFilter) -> set[str]:
    table = await folder.open_table(handed.namespace)
    nearest = table.query().nearest_to(axis(0)).where(handed.lancedb).limit(200)
    return set((await nearest.to_arrow())["content_id"].to_pylist())


async def read_pinecone(index: AsyncIndex, handed: ReaderFilter) -> set[str]:
    answer = await index.query(
        vector=axis(0),
        top_k=200,
        namespace=handed.namespace,
        filter=dict(handed.pinecone),
        include_metadata=True,
    )
    return {match.metadata["content_id"] for match in answer.matches if match.metadata}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    with run_pinecone() as server, asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def open_all() -> Bench:
            catalog = await open_catalog(f"sqlite:///{folder}/catalog.db")
            stack.push_async_callback(catalog.close)
            lance = await LanceStore.open(folder / "vectors", dimension=DIMENSION)
            stack.callback(lance.close)
            remote = open_pinecone_store(server, catalog.ledger, index=INDEX)
            pinecone = await stack.enter_async_context(remote)
            connection = await lancedb.connect_async(folder / "vectors")
            stack.callback(connection.close)
            client = AsyncPinecone(api_key=KEY, host=server.url)
            await stack.enter_async_context(client)
            index = await stack.enter_async_context(await client.index(name=INDEX.name))
            stores: dict[str, Any] = {"lance": lance, "pinecone": pinecone}
            return Bench(runner, catalog, stores, connection, index)

        yield runner.run(open_all())
        runner.run(stack.aclose())


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spaces=make_spaces(), readers=st.lists(READERS, min_size=1, max_size=5, unique=True))
def test_a_reader_finds_all_that_every_clause_allows_and_nothing_else(bench, spaces, readers):
    tenant = TenantId(f"00000000-0000-4000-8000-{next(bench.numbers):012d}")
    bench.runner.run(bench.fill(tenant, spaces))
    for reader in readers:
        allowed = {name for space in spaces for name in space.list_visible(reader)}
        found = bench.runner.run(bench.search(tenant, reader))
        assert found == dict.fromkeys(found, allowed)


def test_a_reader_of_nothing_is_handed_a_filter_that_finds_nothing(bench):
    tenant = TenantId(f"00000000-0000-4000-8000-{next(bench.numbers):012d}")
    closed = Space(1, frozenset(), CLOSED, ((None, None),))
    bench.runner.run(bench.fill(tenant, [closed]))
    found = bench.runner.run(bench.search(tenant, make_reader(groups=GROUPS)))
    assert not any(found.values())


def test_more_scopes_than_one_list_may_hold_come_in_parts(bench):
    tenant = TenantId(f"00000000-0000-4000-8000-{next(bench.numbers):012d}")
    rules = [ScopeRule(Scope(f"s:x:{n}"), (OPEN,)) for n in range(MAX_VALUES + 5)]
    last = make_document(1, "text", access_scope=max(rule.scope for rule in rules))

    async def ask_all() -> set[str]:
        catalog = bench.catalog.catalog
        await catalog.put_scope_rules(tenant, SpaceKey("S"), SITE, rules)
        await bench.stores["pinecone"].apply(Namespace(tenant), StoreBatch(upserts=(last,)))
        handed = await ReaderFilters(catalog, bench.catalog.generations).filter_for(
            tenant, make_reader()
        )
        assert len(handed.pinecone["$or"]) == 2
        return await read_pinecone(bench.index, handed)

    assert bench.runner.run(ask_all()) == {document_id(1).rpartition(":")[2]}
