"""LanceDB and the in-memory twin give the same answers after any history of batches."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from headwater.adapters.lance.store import LanceStore
from headwater.adapters.memory_store import MemoryStore
from headwater.domain.content import DocumentKind
from headwater.domain.ids import DocumentId, Namespace
from headwater.ports import StoreBatch, VectorStore
from tests.contract.records import (
    ACME,
    DIMENSION,
    OTHER,
    ask,
    document_id,
    make_document,
    make_metadata,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
NUMBERS = st.integers(0, 5)
LABELS = st.frozensets(st.sampled_from(["x", "it's", "🦭"]), max_size=2)
SCOPES = st.sampled_from(["s:1", "r:'2", "r:\\3"])
WORDS = st.sampled_from(["alpha", "beta", "alpha beta", "E-4711", "gamma (delta)"])
VECTORS = st.lists(st.integers(1, 9).map(float), min_size=DIMENSION, max_size=DIMENSION)
FIELDS = st.fixed_dictionaries(
    {
        "labels": LABELS,
        "access_scope": SCOPES,
        "space": st.sampled_from(["A", "B"]),
        "kind": st.sampled_from(DocumentKind),
        "version": st.integers(1, 5),
        "last_modified": st.integers(0, 3).map(lambda days: START + timedelta(days=days)),
    }
)
DOCUMENTS = st.builds(
    lambda number, texts, vector, fields: make_document(number, *texts, vector=vector, **fields),
    NUMBERS,
    st.lists(WORDS, max_size=3),
    VECTORS,
    FIELDS,
)
BATCHES = st.builds(
    StoreBatch,
    upserts=st.lists(DOCUMENTS, max_size=3).map(tuple),
    metadata=st.lists(
        st.builds(lambda n, fields: make_metadata(n, **fields), NUMBERS, FIELDS), max_size=2
    ).map(tuple),
    deletions=st.lists(NUMBERS.map(document_id), max_size=2).map(tuple),
)
QUERIES = st.builds(
    lambda text, vector, scopes, fields: ask(text, vector, limit=50, scopes=scopes, **fields),
    st.sampled_from(["", "alpha", "E-4711 beta"]),
    VECTORS,
    st.frozensets(SCOPES),
    st.fixed_dictionaries(
        {},
        optional={
            "space": st.sampled_from(["A", "B", "'"]),
            "labels": LABELS,
            "kinds": st.frozensets(st.sampled_from(DocumentKind), max_size=2),
            "modified_after": st.integers(-1, 3).map(lambda days: START + timedelta(days=days)),
        },
    ),
)


def list_documents(
    namespace: Namespace, store: VectorStore
) -> Coroutine[Any, Any, Mapping[DocumentId, int]]:
    return store.list_documents(namespace)


class TwoStores(RuleBasedStateMachine):
    """Does the same to both and compares what they hold and what they find."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        opening = LanceStore.open(Path(self.folder.name), dimension=DIMENSION)
        self.lance = self.runner.run(opening)
        self.memory = MemoryStore()

    def both(self, call: Callable[[VectorStore], Coroutine[Any, Any, Any]]) -> list[Any]:
        return [self.runner.run(call(store)) for store in (self.lance, self.memory)]

    @rule(batch=BATCHES, namespace=st.sampled_from([ACME, OTHER]), twice=st.booleans())
    def apply(self, batch, namespace, twice):
        for _ in range(2 if twice else 1):
            self.both(lambda store: store.apply(namespace, batch))

    @rule()
    def settle(self):
        self.both(lambda store: store.settle(ACME))

    @rule()
    def drop(self):
        self.both(lambda store: store.drop(OTHER))

    @rule(query=QUERIES)
    def query(self, query):
        found = self.both(lambda store: store.query(ACME, query))
        lance, memory = [
            {(m.chunk_id, m.text, m.heading_path, m.metadata) for m in matches} for matches in found
        ]
        assert lance == memory
        assert len(lance) == len(found[0])

    @rule(numbers=st.lists(NUMBERS, max_size=3))
    def read_vectors(self, numbers):
        ids = [document_id(number) for number in numbers]
        lance, memory = self.both(lambda store: store.read_vectors(ACME, ids))
        assert lance.keys() == memory.keys()

    @invariant()
    def they_hold_the_same(self):
        for namespace in (ACME, OTHER):
            lance, memory = self.both(partial(list_documents, namespace))
            assert lance == memory

    def teardown(self):
        self.lance.close()
        self.runner.close()
        self.folder.cleanup()


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)
